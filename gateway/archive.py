"""The archive's daemon: ingest, ledger, projections, and the site's people table.

One daemon a ledger, on one box: several workers that share a subscription need a ledger that several machines may
write (PostgreSQL), which is not there yet.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway import archive_health
from gateway.clock import Clock
from gateway.config.model import Office
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Envelope
from gateway.contract.topics import PREFIX
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.ingest import Ingest
from gateway.ledger import Ledger
from gateway.ledger_schema import damaged
from gateway.mqtt import Link, Message
from gateway.people import PeopleTable
from gateway.projections import Projections
from gateway.roll import Roll
from gateway.stores.build import build
from gateway.trace import Trace

_log = logging.getLogger(__name__)

SESSION_S = 7 * 86_400
PEOPLE_S = 2.0
"""How often the people table is looked at for changes made by the command line."""
LOOK_S = 10.0
"""How often gateways are looked for that have ceased to say that they are there."""


class Archive:
    """`hadir ingest`."""

    def __init__(self, office: Office, clock: Clock, trace: Trace | None = None) -> None:
        """Raises HadirError: another archive has the ledger; ConfigError when the ledger is damaged."""
        self._office = office
        self._clock = clock
        self._trace = trace
        self._counters = Counters()
        self._path = office.path(office.archive.ledger)
        self._only = _only_one(self._path)
        self._link = Link(
            office.broker,
            client_id=f"hadir-{office.site}-{office.archive.worker}",
            clock=clock,
            counters=self._counters,
            base=office.path(Path()),
            clean_start=False,
            session_expiry_s=SESSION_S,
        )
        self._ledger = Ledger(self._path)
        stores = [build(settings, office) for settings in office.archive.stores]
        try:
            self._projections = Projections(self._ledger, stores, office, clock, self._counters)
        except PermanentError as error:
            raise damaged(self._path, error) if error.reason == "corrupt" else error from error
        self._roll = Roll([gateway.id for gateway in office.gateways], clock.machine())
        self._gateways = frozenset(gateway.id for gateway in office.gateways)
        self._heard: asyncio.Queue[tuple[str, bool, int]] = asyncio.Queue()
        """(gateway, whether it is there, office time), as their statuses say."""
        self._ingest = Ingest(
            self._link,
            self._ledger,
            office,
            clock,
            self._counters,
            projections=self._projections,
            on_committed=self._committed,
        )
        key = SiteKey.load(office.path(office.people.site_key))
        self._people = PeopleTable(office.path(office.people.table), key, clock)
        self._told: dict[str, tuple[int, str]] = {}
        self._boots: dict[str, str] = {}
        self._appeared = asyncio.Event()
        """A gateway has said that it is there: it waits for its people."""
        self._new: set[str] = set()
        """People who were named in what was committed lately ..."""
        self._kept: set[str] = set()
        """... and people whom the people table's present version does not call erased."""
        self._link.subscribe(f"{PREFIX}/gw/{office.site}/+/status", self._status)

    async def run(self) -> None:
        """Until cancelled; what was received is committed, and the link says goodbye last.

        Raises ConfigError when the ledger turns out to be damaged.
        """
        try:
            await self._run()
        except (PermanentError, BaseExceptionGroup) as error:
            corrupt = _corrupt(error)
            if corrupt is None:
                raise
            raise damaged(self._path, corrupt) from error

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                link = group.create_task(self._link.run(), name="link")
                try:
                    async with asyncio.TaskGroup() as work:
                        work.create_task(self._ingest.run(), name="ingest")
                        work.create_task(self._projections.run(), name="projections")
                        work.create_task(self._tell_silences(), name="silences")
                        work.create_task(self._look_for_silences(), name="roll call")
                        work.create_task(self._tell_people(), name="people")
                        work.create_task(self._forget_people(), name="erasures")
                        work.create_task(
                            archive_health.tell(archive_health.beside(self._path), self._word), name="word"
                        )
                finally:
                    link.cancel()
        finally:
            try:
                self._ledger.close()
            finally:
                self._people.close()
                os.close(self._only)

    def _word(self) -> dict[str, Any]:
        """How it is: archive_health.py."""
        link = self._link.state
        return {
            "connected": link.connected,
            "link": link.reason,
            "stored": self._counters.get("ingest.stored"),
            "stores": self._projections.status(),
            "two_boots": sorted(g for g in self._gateways if self._counters.get("archive.two_boots", g)),
            "refused": self._counters.get("ingest.refused"),
        }

    def _committed(self, events: Sequence[Envelope], at: int) -> None:
        self._new |= {event.person for event in events if event.person and event.person not in self._kept}
        if self._trace is not None:
            self._trace.write(
                {"gateway": e.gateway, "boot": e.boot, "sequence": e.sequence, "stored": at} for e in events
            )

    # --- which gateways are there -----------------------------------------------------------------------------------

    def _status(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        try:
            status = wire.parse(wire.GatewayStatus, message.payload)
        except PermanentError as error:
            self._counters.add("ingest.refused", error.reason)
            status = None
        if topic is not None and status is not None and topic.gateway in self._gateways:
            self._take_status(topic.gateway, status, retained=message.retain)
        message.ack()

    def _take_status(self, gateway: str, status: Mapping[str, Any], *, retained: bool) -> None:
        machine, office = self._clock.machine(), self._clock.office()
        news = self._roll.told(gateway, status, retained=retained, machine=machine, office=office)
        if news is not None:
            self._heard.put_nowait((gateway, *news))
        if status["state"] == "ready":
            self._boots[gateway] = status["boot"]
            self._appeared.set()
            if not retained and (other := self._roll.beside(gateway, status)):
                if not self._counters.get("archive.two_boots", gateway):
                    boots = f"{status['boot']} and {other}"
                    _log.error("gateway %s: two boxes say that they are it, boots %s: stop one", gateway, boots)
                self._counters.add("archive.two_boots", gateway)

    async def _look_for_silences(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self._link.state.connected:
                for gateway, since in self._roll.missing(self._clock.machine(), self._link.state.since):
                    self._heard.put_nowait((gateway, False, since))

    async def _tell_silences(self) -> None:
        """While a gateway is not heard, what its places were last said to be is not known."""
        while True:
            gateway, heard, at = await self._heard.get()
            try:
                await self._projections.gateway(gateway, heard=heard, at=at)
            except TransientError as error:
                self._counters.add("projection.silence_not_kept")
                _log.warning("ledger: %s; the silence of %s is forgotten with this process", error, gateway)

    # --- people -----------------------------------------------------------------------------------------------------

    async def _tell_people(self) -> None:
        """Each gateway that is there gets a snapshot when it is new, and when the table has changed."""
        known = {gateway.id for gateway in self._office.gateways}
        while True:
            self._appeared.clear()
            version = self._people.version
            for gateway, boot in list(self._boots.items()):  # one may appear while another is told
                told, told_boot = self._told.get(gateway, (None, ""))
                if gateway in known and (told, told_boot) != (version, boot):
                    try:
                        # a new boot may have an empty disk: it gets everything; after that, what has changed
                        body = self._people.snapshot(gateway, since=told if told_boot == boot else None)
                        await self._link.deliver(topics.people(self._office.site, gateway), body)
                        self._told[gateway] = (version, boot)
                    except HadirError:
                        self._counters.add("people.not_told")
            with suppress(TimeoutError):
                async with asyncio.timeout(PEOPLE_S):
                    await self._appeared.wait()

    async def _forget_people(self) -> None:
        """Whom the people table has erased is erased here as well, also when rows come late or from a backup."""
        version: int | None = None
        while True:
            with suppress(TransientError):  # in two seconds then
                self._counters.add("people.guests_erased", n=len(self._people.erase_lapsed()))
            if version != self._people.version:
                version = self._people.version
                self._kept.clear()
                self._new = set(await asyncio.to_thread(self._ledger.people))
            while self._new:
                pid = self._new.pop()
                try:
                    if self._people.is_erased(pid):
                        gone = await asyncio.to_thread(self._ledger.erase, pid, self._clock.office())
                        self._counters.add("archive.erased", n=gone)
                    self._kept.add(pid)  # or nothing more of them is kept
                except TransientError as error:
                    _log.warning("ledger: %s; an erasure waits", error)
                    self._new.add(pid)
                    break
            await asyncio.sleep(PEOPLE_S)


def _only_one(path: Path) -> int:
    """Hold the ledger for this process: the descriptor of its lock, which ends with it. Raises HadirError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise HadirError(f"{path}.lock cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise HadirError(f"{path} belongs to another archive that is running") from error
    return handle


def _corrupt(error: BaseException) -> PermanentError | None:
    """The one that says that the ledger is damaged, among all that ended a daemon."""
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(_corrupt, error.exceptions)), None)
    return error if isinstance(error, PermanentError) and error.reason == "corrupt" else None

"""The archive's daemon: ingest, ledger, projections, and the site's people table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

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
from gateway.mqtt import Link, Message
from gateway.people import PeopleTable
from gateway.projection import Projections
from gateway.stores.build import build
from gateway.trace import Trace

_log = logging.getLogger(__name__)

SESSION_S = 7 * 86_400
PEOPLE_S = 2.0
"""How often the people table is looked at for changes made by the command line."""


class Archive:
    """`hadir ingest`."""

    def __init__(self, office: Office, clock: Clock, trace: Trace | None = None) -> None:
        self._office = office
        self._clock = clock
        self._trace = trace
        self._counters = Counters()
        self._link = Link(
            office.broker,
            client_id=f"hadir-{office.site}-{office.archive.worker}",
            clock=clock,
            counters=self._counters,
            base=office.path(Path()),
            clean_start=False,
            session_expiry_s=SESSION_S,
        )
        self._ledger = Ledger(office.path(office.archive.ledger))
        stores = [build(settings, office) for settings in office.archive.stores]
        self._projections = Projections(self._ledger, stores, office, clock, self._counters)
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
            on_committed=None if trace is None else self._committed,
        )
        self._people = PeopleTable(office.path(office.people.table), SiteKey.load(office.path(office.people.site_key)))
        self._told: dict[str, tuple[int, str]] = {}
        self._boots: dict[str, str] = {}
        self._link.subscribe(f"{PREFIX}/gw/{office.site}/+/status", self._status)

    async def run(self) -> None:
        """Until cancelled; what was received is committed, and the link says goodbye last."""
        try:
            async with asyncio.TaskGroup() as group:
                link = group.create_task(self._link.run(), name="link")
                try:
                    async with asyncio.TaskGroup() as work:
                        work.create_task(self._ingest.run(), name="ingest")
                        work.create_task(self._projections.run(), name="projections")
                        work.create_task(self._tell_silences(), name="silences")
                        work.create_task(self._tell_people(), name="people")
                finally:
                    link.cancel()
        finally:
            self._ledger.close()
            self._people.close()

    def _committed(self, events: Sequence[Envelope], at: int) -> None:
        if self._trace is not None:
            self._trace.write(
                {"gateway": e.gateway, "boot": e.boot, "sequence": e.sequence, "stored": at} for e in events
            )

    # --- identity snapshots -----------------------------------------------------------------------------------------

    def _status(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        try:
            status = wire.parse(wire.GatewayStatus, message.payload)
        except PermanentError as error:
            self._counters.add("ingest.refused", error.reason)
            status = None
        if topic is not None and status is not None and topic.gateway in self._gateways:
            # a retained status is old news: a silence that it tells of began at the gateway's last event
            at = 0 if message.retain else self._clock.office()
            self._heard.put_nowait((topic.gateway, status["state"] == "ready", at))
            if status["state"] == "ready":
                self._boots[topic.gateway] = status["boot"]
        message.ack()

    async def _tell_silences(self) -> None:
        """While a gateway is not heard, what its places were last said to be is not known."""
        while True:
            gateway, heard, at = await self._heard.get()
            try:
                await self._projections.gateway(gateway, heard=heard, at=at)
            except TransientError as error:
                self._counters.add("projection.silence_not_kept")
                _log.warning("ledger: %s; the silence of %s is forgotten with this process", error, gateway)

    async def _tell_people(self) -> None:
        """Each gateway that is there gets a snapshot when it is new, and when the table has changed."""
        known = {gateway.id for gateway in self._office.gateways}
        while True:
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
            await asyncio.sleep(PEOPLE_S if self._told else 0.1)

"""What a running gateway answers on its control socket: status, backlog, dead letters, why, tail, record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.alarms import Alarm, alarms
from gateway.clock import SECOND, Clock, rfc3339
from gateway.config import room_models
from gateway.config.model import Office
from gateway.contract.envelope import Origin
from gateway.control import Handler
from gateway.coordinator import Coordinator
from gateway.counters import Counters
from gateway.forward import Forwarder
from gateway.mqtt import Link
from gateway.outbox import Outbox
from gateway.people import Directory
from gateway.pipeline import Pipeline
from gateway.publisher import Publisher
from gateway.recording import Tap
from gateway.sources.base import Source
from gateway.terms import Terms
from gateway.timing import Timing
from gateway.views import Views
from gateway.why.live import Live
from gateway.why.rows import with_times
from rules import locate
from rules.room_model import RoomModel

REMEMBERED = ("desk", "presence", "one_desk")
"""Rules whose facts a recording begins with."""


class Questions:
    """Reads the parts of one gateway; changes nothing but the recording's tap."""

    def __init__(
        self,
        *,
        office: Office,
        origin: Origin,
        link: Link,
        outbox: Outbox,
        publisher: Publisher,
        pipeline: Pipeline,
        directory: Directory,
        coordinator: Coordinator | None,
        forwarder: Forwarder,
        terms: Terms,
        sources: Sequence[Source],
        views: Views,
        tap: Tap,
        clock: Clock,
        counters: Counters,
        timing: Timing,
        learned: Mapping[str, RoomModel] | None = None,
    ) -> None:
        """`learned`: the rooms' models: a recording begins with them."""
        self._office = office
        self._learned = learned or {}
        self._origin = origin
        self._link = link
        self._outbox = outbox
        self._publisher = publisher
        self._pipeline = pipeline
        self._directory = directory
        self._coordinator = coordinator
        self._forwarder = forwarder
        self._terms = terms
        self._sources = sources
        self._views = views
        self._tap = tap
        self._clock = clock
        self._timing = timing
        self._counters = counters
        self._live = Live(office, origin, views, directory, pipeline.explain)

    def handlers(self) -> Mapping[str, Handler]:
        """By command."""
        return {
            "status": self._status,
            "backlog": self._backlog,
            "dead-letters": self._dead_letters,
            "why": self._why,
            "tail": self._tail,
            "record": self._record,
        }

    async def _status(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        status = await self._facts()
        return {"alarms": [alarm._asdict() for alarm in alarms(status)], **status}

    async def alarms(self) -> list[Alarm]:
        """What needs somebody now."""
        return alarms(await self._facts())

    async def _facts(self) -> dict[str, Any]:
        coordinator, link = self._coordinator, self._link.state
        return {
            "gateway": self._origin.gateway,
            "boot": self._origin.boot,
            "coordinator": self._terms.leading,
            "term": self._terms.term,
            "candidate": coordinator is not None,
            "link": {"connected": link.connected, "reason": link.reason},
            "last_sequence": self._outbox.last_sequence,  # before the backlog, which is asked behind all up to it
            "backlog": await self._backlog({}),
            "stalled": self._outbox.stalled,
            "clock": {**self._clock.quality()._asdict(), "problem": self._timing.problem},
            "set_aside": await self._outbox.set_aside(),
            "people_version": self._directory.version,
            "people_problem": self._people_problem(),
            "sources": {source.id: source.state.problem for source in self._sources if source.state.problem},
            "frames": sum(source.state.frames for source in self._sources),
            "readings": self._pipeline.readings,
            "published": self._publisher.published,
            "broker_refuses": {**link.refused, **self._publisher.refused},
            "archive_heard_s": self._archive_heard_s(),
            "archive_silent_s": round(self._publisher.canary.silent_s, 1),
            "counters": dict(self._counters.snapshot()),
            "locator": self._pipeline.explain(locate.NAME, self._origin.building, self._clock.office()) or {},
            "forwarding": self._forwarder.summary(self._clock.office()),
            "down": [] if coordinator is None else sorted(coordinator.down),
            **self._views.summary(),
        }

    def _archive_heard_s(self) -> float | None:
        """Seconds since the archive's last word; None: none in this life."""
        heard = self._publisher.acked_machine
        return round((self._clock.machine() - heard) / SECOND, 1) if heard else None

    def _people_problem(self) -> str:
        if self._directory.problem or self._directory.version:
            return self._directory.problem
        return "the archive has not told yet who holds which card: every card is unknown"

    async def _backlog(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        backlog = await self._outbox.backlog()
        oldest = None if backlog.oldest_at is None else rfc3339(backlog.oldest_at)
        return {**backlog._asdict(), "oldest_at": oldest, "waits_for": self._waits_for(backlog.events)}

    def _waits_for(self, events: int) -> str:
        """What keeps events here; empty when there are none."""
        if self._outbox.stalled:
            return f"the disk: {self._outbox.stalled}"
        if not events:
            return ""
        if self._outbox.held and len(self._outbox.held) >= events:
            return f"the time, to be told with it: {self._timing.problem}"
        link = self._link.state
        return "the archive's word that it has committed them" if link.connected else f"the broker: {link.reason}"

    async def _dead_letters(self, _args: Mapping[str, Any]) -> dict[str, Any]:
        rows = await self._outbox.dead_letters()
        return {
            "dead": [{"boot": b, "sequence": s, "reason": r, "event": _readable(body)} for b, s, r, _, body in rows]
        }

    async def _why(self, args: Mapping[str, Any]) -> dict[str, Any]:
        told = self._live.answer(str(args.get("place", "")), self._clock.office())
        answer: dict[str, Any] = with_times({"timezone": self._office.timezone, **told}, rfc3339)
        return answer

    async def _tail(self, args: Mapping[str, Any]) -> dict[str, Any]:
        after = args.get("after")
        return self._views.tail(after if isinstance(after, int) else None)

    async def _record(self, args: Mapping[str, Any]) -> dict[str, Any]:
        after = args.get("after")
        if isinstance(after, int):
            return self._tap.after(after)
        # the tap opens in the same turn in which the first facts are asked for: what was taken before is in the desks'
        # facts, what is taken from here on is in the recording, and no tap of a badge is in both or in neither
        opened = self._tap.after(None)
        facts = {name: await self._outbox.facts(name) for name in REMEMBERED}
        if self._learned:
            facts[room_models.NAME] = room_models.told(self._learned)
        office = self._office.model_dump(mode="json")
        return {**opened, "facts": facts, "gateway": self._origin.gateway, "office": office}


def _readable(body: bytes) -> Any:
    """An event; of one that is damaged, its text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")

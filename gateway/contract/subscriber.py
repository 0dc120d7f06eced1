"""A reference subscriber: what a backend must do with the messages, in as few lines as it takes.

Pure: `take` a message, ask for the `view` at a time. It keeps every event, and folds them in the contract's order when
asked, so that its answer does not depend on the order of arrival. A real backend keeps rows instead.

- the same id twice is one event; an erased body takes the place of the event that it empties
- within a source order by sequence, across sources by time, ties by source
- a state that is missing, expired, or of a gateway that is lost is unknown(gateway_down)
- times of a boot without a synchronized clock are shifted once its correction is known
- a coordinator's word is void if a higher term had begun when it was recorded, and its state of a place if one is known
- corrections change what was said; an erased person is forgotten, also when older messages come late
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from gateway.contract import topics
from gateway.contract.arrival import events
from gateway.contract.envelope import Envelope
from gateway.contract.fence import Fence
from gateway.contract.state import Aggregate, GatewayStatus, PlaceState, parse
from gateway.contract.times import parsed, written
from gateway.contract.topics import Topic
from gateway.errors import PermanentError

GONE = frozenset({"lost", "disconnected"})
DOWN = {"state": "unknown", "cause": "gateway_down"}
MS = 1_000_000


class Record(NamedTuple):
    """An event where it stands in the order, with corrections."""

    at: int
    event: Envelope
    data: dict[str, Any]


class Subscriber:
    """Everything that was learned from messages."""

    def __init__(self) -> None:
        self.refused = 0
        self._events: dict[str, Envelope] = {}
        self._states: dict[str, dict[str, Any]] = {}
        self._terms: dict[str, int] = {}
        """By building: the highest in which a state was told."""
        self._sums: dict[str, dict[str, Any]] = {}
        self._gateways: dict[str, dict[str, Any]] = {}
        self._erased: set[str] = set()

    def take(self, topic: str, payload: bytes) -> None:
        """One message. What is not of the contract is counted, and changes nothing."""
        parts = topics.parse(topic)
        if parts is None:
            self.refused += 1
            return
        try:
            match parts.cls:
                case "state":
                    self._take_state(parts, parse(PlaceState, payload))
                case "agg":
                    self._retain(self._sums, parts.place, parse(Aggregate, payload))
                case "status":
                    self._status(parts, parse(GatewayStatus, payload))
                case _:
                    self._take_events(parts, payload)
        except PermanentError:
            self.refused += 1

    def view(self, now: int) -> dict[str, Any]:
        """What a subscriber holds to be true at `now`, ns; JSON values only."""
        records = list(self._ordered())
        return {
            "events": len(self._events),
            "gateways": {gateway: status["state"] for gateway, status in sorted(self._gateways.items())},
            "states": {place: self._state(place, now) for place in sorted(self._states)},
            "record": _places(records),
            "checkins": _checkins(records),
            "people": _people(records),
        }

    # --- taking -----------------------------------------------------------------------------------------------------

    @staticmethod
    def _retain(kept: dict[str, dict[str, Any]], key: str, value: dict[str, Any] | None) -> None:
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = value

    def _take_state(self, parts: Topic, state: dict[str, Any] | None) -> None:
        term = None if state is None else state.get("term")
        if term is not None:
            highest = self._terms[parts.building] = max(term, self._terms.get(parts.building, 0))
            if term < highest:
                return
        self._retain(self._states, parts.place, state)

    def _status(self, parts: Topic, status: dict[str, Any] | None) -> None:
        """The last will of an older boot may come after the new boot's word: it says nothing about that."""
        known = self._gateways.get(parts.gateway)
        if status is not None and (known is None or status["boot"][:6] >= known["boot"][:6]):
            self._gateways[parts.gateway] = status

    def _take_events(self, parts: Topic, payload: bytes) -> None:
        for event in events(parts, payload):
            if isinstance(event, PermanentError):
                self.refused += 1
            elif event.person and event.person in self._erased and event.type != "privacy.erased":
                continue
            elif event.id not in self._events or _emptied(event):
                self._events[event.id] = event
                if event.type == "privacy.erased" and event.person:
                    self._forget(event.person)

    def _forget(self, person: str) -> None:
        self._erased.add(person)
        self._events = {
            key: event
            for key, event in self._events.items()
            if event.person != person or event.type == "privacy.erased"
        }

    # --- answering --------------------------------------------------------------------------------------------------

    def _state(self, place: str, now: int) -> dict[str, Any]:
        held = self._states[place]
        desk = {"desk": held["desk"]["life"]} if held.get("desk") else {}
        gateway = self._gateways.get(held["gw"])
        gone = gateway is not None and gateway["state"] in GONE and gateway["boot"][:6] >= held["boot"][:6]
        if gone or now > parsed(held["valid_until"]):
            return DOWN | desk
        return {"state": held["state"], "cause": held.get("cause")} | desk

    def _ordered(self) -> Iterator[Record]:
        """By source and sequence, with times that never go back in a source; then all sources by time."""
        offsets = {
            (event.gateway, event.data["boot"]): int(event.data["offset_ms"] * MS)
            for event in self._events.values()
            if event.type == "gateway.clock_corrected"
        }
        fixes = self._corrections()
        fence = Fence()
        for event in self._events.values():
            fence.told(_building(event), event.data)
        placed: list[tuple[int, str, int, Record]] = []
        latest: dict[str, int] = {}
        for event in sorted(self._events.values(), key=lambda event: (event.source, event.sequence)):
            if fence.refuses(event.type, event.subject, event.data, event.recorded):
                continue
            free_running = event.data.get("clock", {}).get("sync") == "none"
            at = event.time + (offsets.get((event.gateway, event.boot), 0) if free_running else 0)
            latest[event.source] = max(at, latest.get(event.source, at))
            data = dict(event.data)
            for target in (event.id, data.get("checkin_id"), data.get("visit_id")):
                data |= fixes.get(target or "", {})
            if not ("event" in data and data["event"] is None):  # void: it never happened
                placed.append((latest[event.source], event.source, event.sequence, Record(at, event, data)))
        return (record for *_, record in sorted(placed, key=lambda item: item[:3]))

    def _corrections(self) -> dict[str, dict[str, Any]]:
        fixes: dict[str, dict[str, Any]] = {}
        for event in sorted(self._events.values(), key=lambda event: (event.time, event.source, event.sequence)):
            if event.type == "presence.corrected":
                fixes.setdefault(event.data["target_id"], {})[event.data["field"]] = event.data.get("new")
        return fixes


def _building(event: Envelope) -> str:
    return "/".join(event.subject.split("/", 2)[:2])


def _emptied(event: Envelope) -> bool:
    return event.type == "privacy.erased" and not event.person


def _places(records: list[Record]) -> dict[str, Any]:
    """Each place's last occupancy, by its events."""
    found: dict[str, Any] = {}
    for at, event, data in records:
        if event.type == "occupancy.changed":
            found[event.subject] = {"state": data["state"], "cause": data.get("cause"), "at": written(at)}
    return dict(sorted(found.items()))


def _checkins(records: list[Record]) -> dict[str, Any]:
    """Check-ins at desks: the copy with a person adds who it was."""
    found: dict[str, Any] = {}
    for at, event, data in records:
        if event.type in ("desk.checkin.started", "desk.checkin.ended"):
            held = found.setdefault(data["checkin_id"], {"place": event.subject})
            held["method"] = data["method"]
            if event.person:
                held["person"] = event.person
            if event.type == "desk.checkin.started":
                held["started"] = written(at)
            else:
                held |= {"started": data["start"], "ended": data["last_evidence"], "reason": data["reason"]}
    return dict(sorted(found.items()))


def _people(records: list[Record]) -> dict[str, Any]:
    """Where each person was last inferred to be."""
    found: dict[str, Any] = {}
    for _, event, data in records:
        if event.cls == "sense" and event.person:
            state = data.get("state") or ("unknown" if event.type == "presence.ended" else "present")
            found[event.person] = {"state": state, "zone": data.get("zone") if state == "present" else None}
    return dict(sorted(found.items()))

"""What this gateway holds of its places, as committed: the retained states, `status` and `why` are made from it."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any

from gateway.config.places import Places, Spot
from gateway.contract.topics import PREFIX
from gateway.outbox_store import Row
from gateway.rebase import Move
from rules.api import Input, Life, Located, Sensed

STARTING = "starting"
EVENTS = f"{PREFIX}/evt/"
MOST_RECENT = 1000


class Views:
    """Last word of the rules for each place that this gateway decides. Nothing that is not durable yet gets in here."""

    def __init__(self, places: Places, gateway: str) -> None:
        self._spots = {place: spot for place, spot in places.spots.items() if spot.owner == gateway}
        self._areas = {place: area for place, area in places.areas.items() if area.owner == gateway}
        self._in_zone: dict[str, list[str]] = {}
        for place, spot in self._spots.items():
            self._in_zone.setdefault(spot.zone, []).append(place)
        self._sensed: dict[str, Sensed] = {}
        self._life: dict[str, Life] = {}
        self._sequence: dict[str, tuple[str, int]] = {}
        self._event: dict[str, bytes] = {}
        self._zones: dict[str, str] = {}
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=MOST_RECENT)
        self.events = 0

    @property
    def places(self) -> Iterable[str]:
        return self._spots

    @property
    def zones(self) -> Iterable[str]:
        return self._areas

    def spot(self, place: str) -> Spot:
        return self._spots[place]

    def apply(self, emitted: Sequence[Input], rows: Sequence[Row]) -> set[str]:
        """Take over what a commit brought; the places that look different now."""
        touched: set[str] = set()
        for item in emitted:
            match item:
                case Sensed() if item.place in self._spots:
                    self._sensed[item.place] = item
                    touched.add(item.place)
                case Life() if item.place in self._spots:
                    self._life[item.place] = item
                    touched.add(item.place)
                case Located() if item.zone is None:
                    self._zones.pop(item.person, None)
                case Located(zone=str() as zone):
                    self._zones[item.person] = zone
                case _:
                    pass
        for row in rows:
            self.events += 1
            self._recent.append((self.events, row.body))
            if row.cls == "evt":
                # hadir/v1/evt/<place: five levels>/<type>: cheaper than reading the body, as `hadir why` does
                place, _, _type = row.topic.removeprefix(EVENTS).rpartition("/")
                self._sequence[place] = (row.boot, row.sequence)
                self._event[row.topic] = row.body
        return touched

    def rebase(self, move: Move) -> None:
        """Office time was set."""
        self._sensed, self._life = move.of(self._sensed), move.of(self._life)

    def forget_people(self) -> None:
        """Another gateway knows where people are."""
        self._zones.clear()

    def sensed(self, place: str) -> Sensed | None:
        return self._sensed.get(place)

    def life(self, place: str) -> Life | None:
        return self._life.get(place)

    def held_by(self, person: str) -> list[str]:
        """Desks that a person holds."""
        return [place for place, life in self._life.items() if life.person == person and life.life in ("taken", "away")]

    def sequence(self, place: str) -> tuple[str, int] | None:
        """(boot, sequence) of the last event about `place`."""
        return self._sequence.get(place)

    def in_zone(self, zone: str) -> Sequence[str]:
        """The spaces of one zone that this gateway decides."""
        return self._in_zone.get(zone, [])

    def summary(self) -> dict[str, Any]:
        """Counts for `status`: no person, no list of places."""
        sensed = Counter(self._sensed[p].state if p in self._sensed else "unknown" for p in self._spots)
        unknown = Counter(
            (self._sensed[p].cause or "no_evidence") if p in self._sensed else STARTING
            for p in self._spots
            if p not in self._sensed or self._sensed[p].state == "unknown"
        )
        desks = [p for p, spot in self._spots.items() if spot.space.kind == "desk"]
        lives = Counter(self._life[p].life if p in self._life else "free" for p in desks)
        return {
            "places": len(self._spots),
            "desks": dict(lives),
            "sensed": dict(sensed),
            "unknown": dict(unknown),
            "people": {"present": len(self._zones)},
            "events": self.events,
        }

    def tail(self, after: int | None) -> dict[str, Any]:
        """Events committed behind the cursor `after`, at most the last 1000; None: from now on."""
        events = [] if after is None else [json.loads(body) for number, body in self._recent if number > after]
        return {"cursor": self.events, "events": events}

    def events_at(self, place: str) -> list[dict[str, Any]]:
        """The last event of each type about `place` that names nobody, as it was published, by type."""
        inside = f"{EVENTS}{place}/"
        return [json.loads(body) for topic, body in sorted(self._event.items()) if topic.startswith(inside)]

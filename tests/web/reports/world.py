"""A made-up office with a store and a ledger, and what happens in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.config.model import Office
from gateway.contract.envelope import ClockQuality, Envelope, Origin, decode, encode
from gateway.ledger import Ledger
from gateway.stores.base import Point
from gateway.stores.embedded import EmbeddedStore
from gateway.stores.points import place_tags, stamp
from gateway.web.reports.report import Reporter
from rules.api import SECOND, Event

HOUR = 3600 * SECOND
DAY = 24 * HOUR
QUARTER = 900 * SECOND
MONDAY = 1_793_577_600 * SECOND - 8 * HOUR
"""2026-11-02T00:00 in Makassar, a Monday."""
MONDAY_NUMBER = 20_759
ZONES = {"l01": {"timur": ("panrb", 6), "barat": ("bkn", 8)}, "l02": {"utara": ("panrb", 12), "pojok": ("bkn", 3)}}


def plan(**calendar: Any) -> dict[str, Any]:
    """office.yaml, as data."""
    floors = [
        {
            "id": floor,
            "name": f"Lantai {floor[-1]}",
            "owner": "gw-1",
            "zones": [
                {
                    "id": zone,
                    "name": zone.title(),
                    "unit": unit,
                    "spaces": [
                        *({"id": f"{zone[0]}-{at:03}"} for at in range(desks)),
                        {"id": f"r-{zone}", "kind": "room"},
                    ],
                }
                for zone, (unit, desks) in zones.items()
            ],
        }
        for floor, zones in ZONES.items()
    ]
    return {
        "version": 1,
        "site": "ikn",
        "name": "Kantor Contoh",
        "buildings": [{"id": "kk2", "name": "Gedung Dua", "coordinator": "gw-1", "floors": floors}],
        "gateways": [{"id": "gw-1", "place": "kk2/l01"}],
        "broker": {"port": 1},
        "archive": {"ledger": "ledger.sqlite", "stores": [{"kind": "embedded", "path": "points.sqlite"}]},
        "calendar": calendar,
    }


def desk(at: int = 0, zone: str = "l01/timur") -> str:
    return f"ikn/kk2/{zone}/{zone.rsplit('/', 1)[1][0]}-{at:03}"


@dataclass
class World:
    folder: Path
    calendar: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.office = Office.model_validate(plan(**self.calendar), context={"base": self.folder})
        self.points_file = self.folder / "points.sqlite"
        self.store = EmbeddedStore(self.points_file)
        self.ledger = Ledger(self.folder / "ledger.sqlite")
        self._sequence = 0

    def reporter(self) -> Reporter:
        return Reporter(self.office, self.folder / "ledger.sqlite", self.points_file)

    def use(self, place: str, start: int, used_s: float, known_s: float = 900.0, *, work: bool = True) -> Point:
        fields = (
            ("used_s", used_s),
            ("known_s", known_s),
            ("capacity", 1),
            ("peak", int(used_s > 0)),
            ("checkins", 0),
            ("work_s", 900.0 * work),
            ("work_known_s", known_s * work),
            ("work_used_s", used_s * work),
        )
        return Point("space_use_15m", place_tags(place, "desk"), fields, start)

    def state(self, place: str, at: int, occupied: bool | None) -> Point:
        self._sequence += 1
        state = 2 if occupied is None else int(occupied)
        return Point("space_state", place_tags(place, "desk"), (("state", state),), stamp(at, self._sequence))

    def write(self, points: Iterable[Point]) -> None:
        self.store._insert(list(points))

    def tell(self, kind: str, subject: str, at: int, /, **data: Any) -> Envelope:
        self._sequence += 1
        event = Event(kind, subject, at, data)
        origin = Origin(site="ikn", building="kk2", gateway="gw-1", boot="000001-aaaa")
        told = encode(event, origin, sequence=self._sequence, recorded_at=at, clock=ClockQuality("ntp"))
        return decode(told.body)

    def visit(
        self,
        place: str,
        start: int,
        seconds: float | None = 3600.0,
        unit: str | None = "panrb",
        *,
        booked: bool = False,
        reason: str = "user",
    ) -> list[Envelope]:
        self._sequence += 1
        named = {} if unit is None else {"unit": unit}
        about = {
            "checkin_id": f"5b0c5c8e-1111-5222-8333-{self._sequence:012d}",
            "method": "badge",
            "matches_reservation": booked,
            **named,
        }
        told = [self.tell("desk.checkin.started", place, start, **about)]
        if seconds is not None:
            end = start + int(seconds * SECOND)
            ended = {
                "reason": reason,
                "ended_by": "act",
                "last_evidence": end,
                "dwell_s": seconds,
                "start": start,
                "place": place,
            }
            told.append(self.tell("desk.checkin.ended", place, end, **about, **ended))
        return told

    def no_show(self, place: str, due: int, unit: str = "panrb", cause: str | None = "no_show") -> Envelope:
        data = {"booking_ref": f"r-{due}", "due": due, "until": due + HOUR, "cause": cause, "unit": unit}
        return self.tell("desk.reservation.released", place, due + 900 * SECOND, **data)

    def commit(self, told: Iterable[Envelope]) -> None:
        outcomes = self.ledger.commit(list(told))
        assert all(outcome.state == "stored" for outcome in outcomes), outcomes

    def close(self) -> None:
        self.store.close()
        self.ledger.close()

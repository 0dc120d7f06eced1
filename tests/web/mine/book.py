"""A person's record as gateways would have told it, in the web's own ledger."""

from __future__ import annotations

from typing import Any

from gateway.contract.envelope import ClockQuality, Origin, decode, encode
from gateway.ledger import Ledger
from rules.api import SECOND, Event, stable_id
from tests.web.conftest import Web
from tests.web.office import BOOT, DESK, FLOOR

HOME = f"{FLOOR}/_/_"
HOUR = 3600 * SECOND
MINUTE = 60 * SECOND


class Book:
    """Writes rows of one gateway, in order of writing."""

    def __init__(self, web: Web) -> None:
        path = web.site.reading.ledger
        path.parent.mkdir(parents=True, exist_ok=True)
        self._ledger = Ledger(path)
        self._next: dict[str, int] = {}

    def close(self) -> None:
        self._ledger.close()

    def tell(
        self, kind: str, at: int, *, place: str = "", pid: str = "", unit: str = "_", boot: str = BOOT, **data: Any
    ) -> str:
        """Commit one event; its id. Of a person: the copy that names them."""
        number = self._next[boot] = self._next.get(boot, 0) + 1
        where = place or (HOME if kind.startswith(("gateway.", "coverage.")) else DESK)
        if kind == "desk.checkin.ended":
            data["place"] = where
        cls = "sense" if kind.startswith("presence.") and kind != "presence.corrected" else "who"
        event = Event(kind, where, at, data, cls if pid else "evt", pid, unit)
        origin = Origin(site="kantor", building="utama", gateway="gw-01", boot=boot)
        body = encode(event, origin, sequence=number, recorded_at=at, clock=ClockQuality("ntp")).body
        envelope = decode(body)
        assert [one.state for one in self._ledger.commit([envelope], at)] == ["stored"]
        return envelope.id

    def took(self, pid: str, at: int, *, place: str = DESK, method: str = "badge", **more: Any) -> str:
        """They took a desk; the checkin_id."""
        key = stable_id("checkin", place, at)
        self.tell(
            "desk.checkin.started",
            at,
            place=place,
            pid=pid,
            checkin_id=key,
            method=method,
            assurance="claimed",
            evidence=[],
            **more,
        )
        return key

    def left(
        self, pid: str, key: str, start: int, at: int, *, place: str = DESK, reason: str = "user", **more: Any
    ) -> None:
        """They left it, or were taken to have left."""
        inferred = reason in ("auto_release", "end_of_day")
        self.tell(
            "desk.checkin.ended",
            at,
            pid=pid,
            place=place,
            **{
                "checkin_id": key,
                "method": "badge",
                "assurance": "claimed",
                "evidence": [],
                "reason": reason,
                "ended_by": "inferred" if inferred else "act",
                "last_evidence": at,
                "dwell_s": (at - start) / SECOND,
                "start": start,
                **more,
            },
        )

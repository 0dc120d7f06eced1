"""A web application whose archive a test writes: events of `gw-01` as the office of tests/web/office.py has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.clock import SECOND
from gateway.contract.envelope import Origin, decode, encode
from gateway.ledger import Ledger
from rules.api import Event
from tests.web.conftest import NOON, Web
from tests.web.office import BOOT, DESK, GATEWAY
from tests.web.records.ledgers import copy

VISIT = "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0ca"
HOUR = 3600 * SECOND
HOME = "kantor/utama/l01/_/_"
MORNING = NOON - 2 * HOUR
"""08:30 in Makassar."""


class Archive:
    """Its ledger, filled through the ledger's own way."""

    def __init__(self, web: Web) -> None:
        self.ledger = Ledger(web.site.reading.ledger)
        self._number = 0

    def close(self) -> None:
        self.ledger.close()

    def copy(self) -> dict[str, bytes]:
        """Of its files, as they are now."""
        return copy(Path(self.ledger._connection.filename))

    def tell(
        self, kind: str, at: int = MORNING, *, place: str = "", person: str = "", unit: str = "panrb", cls: str = "",
        **data: Any,
    ) -> str:  # fmt: skip
        """Commit one event; its id."""
        self._number += 1
        where = place or (HOME if kind.startswith(("gateway.", "coverage.")) else DESK)
        if kind == "desk.checkin.ended":
            data["place"] = where
        event = Event(kind, where, at, data, cls or ("who" if person else "evt"), person, unit if person else "_")
        origin = Origin(site="kantor", building="utama", gateway=GATEWAY, boot=BOOT)
        made = decode(encode(event, origin, sequence=self._number, recorded_at=at + 5_000_000).body)
        self.ledger.commit([made], at)
        return made.id

    def changed(self, at: int = MORNING, state: str = "occupied", **what: Any) -> str:
        return self.tell(
            "occupancy.changed", at, state=state, prev="vacant", cause=None, since=at, confidence=0.9, **what
        )

    def checkin(self, person: str = "", at: int = MORNING, visit: str = VISIT, **what: Any) -> str:
        more = {"assurance": "claimed"} if person else {}
        return self.tell("desk.checkin.started", at, person=person, checkin_id=visit, method="badge", **more, **what)

    def checkout(self, person: str = "", at: int = NOON, visit: str = VISIT, *, start: int = MORNING) -> str:
        data = {"method": "badge", "reason": "user", "ended_by": "act", "last_evidence": at, "dwell_s": 0.0}
        return self.tell("desk.checkin.ended", at, person=person, checkin_id=visit, start=start, **data)

    def reserved(self, ref: str, start: int, end: int, *, kind: str = "created", **what: Any) -> str:
        return self.tell(f"desk.reservation.{kind}", booking_ref=ref, due=start, until=end, cause="user", **what)

"""A ledger that a test writes, event by event, as two gateways would have told it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.config.model import Office
from gateway.contract.envelope import ClockQuality, Origin, decode, encode
from gateway.ledger import Ledger
from gateway.web.records.rows import Rows
from rules.api import SECOND, Event

DAY = 1_795_449_600 * SECOND
"""2026-11-24 00:00 in Makassar: 2026-11-23T16:00Z."""
HOUR = 3600 * SECOND
DESK, OTHER = "ikn/kk2/l1/north/d-1", "ikn/kk2/l2/north/d-1"
HOME = {"gw-1": "ikn/kk2/l1/_/_", "gw-2": "ikn/kk2/l2/_/_"}
BOOT = "000001-aaaa"
ANI, BUDI = "p-00000000000000a1", "p-00000000000000b2"
VISIT = "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0ca"
OTHER_VISIT = "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0cb"


def make_office(folder: Path, **more: Any) -> Office:
    """Two floors, a gateway each; gw-1 is the coordinator."""

    def floor(name: str, owner: str) -> dict[str, Any]:
        return {"id": name, "owner": owner, "zones": [{"id": "north", "spaces": [{"id": "d-1"}, {"id": "d-2"}]}]}

    return Office.model_validate(
        {
            "site": "ikn",
            "buildings": [{"id": "kk2", "coordinator": "gw-1", "floors": [floor("l1", "gw-1"), floor("l2", "gw-2")]}],
            "gateways": [{"id": "gw-1", "place": "kk2/l1"}, {"id": "gw-2", "place": "kk2/l2"}],
            "archive": {"ledger": "ledger.sqlite"},
            **more,
        },
        context={"base": folder},
    )


def copy(path: Path) -> dict[str, bytes]:
    """A ledger's files as they are now, for `put_back`."""
    return {end: path.with_name(path.name + end).read_bytes() for end in ("", "-wal")}


def put_back(copied: dict[str, bytes], path: Path) -> None:
    """As an operator does from a backup: nobody has the file open."""
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    for end, content in copied.items():
        path.with_name(path.name + end).write_bytes(content)


class Book:
    """The ledger, written as gateways would; numbers are given in the order of writing."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.office = make_office(folder, **more)
        self.ledger = Ledger(folder / "ledger.sqlite")
        self.rows = Rows.open(folder / "ledger.sqlite")
        self._next: dict[tuple[str, str], int] = {}
        self.ids: list[str] = []

    def close(self) -> None:
        self.rows.close()
        self.ledger.close()

    def replace(self, copied: dict[str, bytes]) -> None:
        """The archive is stopped, an older copy put back, and started again."""
        path = self.office.path(self.office.archive.ledger)
        self.close()
        put_back(copied, path)
        self.ledger, self.rows = Ledger(path), Rows.open(path)

    def skip(self, gateway: str = "gw-1", boot: str = BOOT, n: int = 1) -> None:
        """Numbers that do not reach the archive."""
        self._next[gateway, boot] = self._next.get((gateway, boot), 1) + n

    def tell(
        self,
        kind: str,
        at: int,
        *,
        gateway: str = "gw-1",
        boot: str = BOOT,
        place: str = "",
        person: str = "",
        unit: str = "_",
        cls: str = "",
        sync: str = "ntp",
        recorded: int = 0,
        **data: Any,
    ) -> str:
        """Commit one event; its id. `recorded`: default: when it happened."""
        number = self._next.get((gateway, boot), 1)
        self._next[gateway, boot] = number + 1
        where = place or (HOME[gateway] if kind.startswith(("gateway.", "coverage.")) else DESK)
        if kind == "desk.checkin.ended":
            data["place"] = where
        event = Event(kind, where, at, data, cls or ("who" if person else "evt"), person, unit)
        origin = Origin(site="ikn", building="kk2", gateway=gateway, boot=boot)
        said = (recorded or at) + 5_000_000
        encoded = encode(event, origin, sequence=number, recorded_at=said, clock=ClockQuality(sync))
        envelope = decode(encoded.body)
        self.ledger.commit([envelope], at)
        self.ids.append(envelope.id)
        return envelope.id

    def started(self, at: int, *, gateway: str = "gw-1", boot: str = BOOT, **what: Any) -> str:
        return self.tell("gateway.started", at, gateway=gateway, boot=boot, **what)

    def changed(self, at: int, state: str = "occupied", **what: Any) -> str:
        return self.tell(
            "occupancy.changed", at, state=state, prev="vacant", cause=None, since=at, confidence=0.9, **what
        )

    def checkin(self, at: int, person: str = ANI, unit: str = "bkn", visit: str = VISIT, **what: Any) -> str:
        return self.tell(
            "desk.checkin.started",
            at,
            person=person,
            unit=unit,
            checkin_id=visit,
            assurance="claimed",
            **{"method": "badge", **what},
        )

    def checkout(
        self, at: int, start: int, person: str = ANI, unit: str = "bkn", visit: str = VISIT, **what: Any
    ) -> str:
        data = {"method": "badge", "reason": "user", "ended_by": "act", "last_evidence": at, "dwell_s": 0.0, **what}
        return self.tell("desk.checkin.ended", at, person=person, unit=unit, checkin_id=visit, start=start, **data)

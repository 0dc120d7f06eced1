"""Corrections that people ask for, and what operators have decided: the table `correction` of the web's database.

A request is about one thing: when a check-in began or ended, that it never happened, or a day on which nothing could be
recorded. It changes nothing by itself; what is approved stands beside the record, and never in its place.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import uuid4

import apsw

from gateway.errors import PermanentError
from gateway.web.rendering import N_
from gateway.web.viewer import EVERYWHERE

KINDS: Mapping[str, str] = {
    "lupa_tap": N_("Lupa mengetuk kartu"),
    "gangguan": N_("Gangguan alat atau jaringan"),
    "surat_tugas": N_("Surat tugas (bekerja di tempat lain)"),
}
FIELDS: Mapping[str, str] = {
    "start": N_("Jam mulai"),
    "last_evidence": N_("Jam selesai"),
    "event": N_("Catatan itu tidak pernah terjadi"),
    "note": N_("Keterangan untuk hari itu, tanpa jam"),
}
"""Fields of the events that are corrected, as presence.corrected names them; `note`: of a day, none of them."""
TIMES = frozenset({"start", "last_evidence"})
ASKED, APPROVED, REFUSED, WITHDRAWN = "asked", "approved", "refused", "withdrawn"
STATES: Mapping[str, str] = {
    ASKED: N_("Menunggu keputusan"),
    APPROVED: N_("Disetujui"),
    REFUSED: N_("Tidak disetujui"),
    WITHDRAWN: N_("Ditarik"),
}
NOTE, ANSWER = 500, 300
MOST_OPEN = 20
"""Requests of one person that wait for a decision."""
TOLD, GONE = "told", "gone"
"""What became of telling it to the coordinator, or the word by which a gateway refused. GONE: no record is left."""
_COLUMNS = "id, pid, unit, asked, target, kind, field, old, new, note, state, decided, decided_by, answer, told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One of them."""

    id: str
    pid: str
    unit: str
    asked: int
    """Office time, ns."""
    target: str
    """A checkin_id; empty: there is no record of it."""
    kind: str
    """One of KINDS."""
    field: str
    """One of FIELDS."""
    old: str
    """What the record says; empty: nothing."""
    new: str
    """What is true: a time in RFC 3339; of `note` the day, `2026-11-26`; of `event` empty."""
    note: str
    state: str
    """One of STATES."""
    decided: int
    decided_by: str
    """An account; empty: nobody yet."""
    answer: str
    """The operator's reason: for whoever asked, and for nobody else."""
    told: str
    """TOLD, GONE, or why the gateway did not take it; empty: not told yet, or nothing is to be told."""

    @property
    def is_untold(self) -> bool:
        """Whether no gateway has answered for it yet."""
        return self.state == APPROVED and bool(self.target) and not self.told


class Requests:
    """All of them."""

    def __init__(self, database: apsw.Connection) -> None:
        self._db = database

    def ask(
        self, *, pid: str, unit: str, at: int, kind: str, field: str, target: str, old: str, new: str, note: str
    ) -> str:
        """A new request; its id. Raises PermanentError: words that are not ours, or too many wait already."""
        if kind not in KINDS or field not in FIELDS:
            raise PermanentError("invalid", "there is no such correction")
        waiting = self._db.execute("SELECT count(*) FROM correction WHERE pid = ? AND state = ?", (pid, ASKED)).get
        if waiting >= MOST_OPEN:
            raise PermanentError("many", f"{MOST_OPEN} requests wait already: withdraw one first")
        identity = str(uuid4())
        self._db.execute(
            "INSERT INTO correction (id, pid, unit, asked, target, kind, field, old, new, note, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (identity, pid, unit, at, target, kind, field, old, new, note.strip()[:NOTE], ASKED),
        )
        return identity

    def of(self, pid: str, limit: int = 100, *, state: str = "") -> list[Request]:
        """A person's own, latest first. `state`: only those."""
        return self._some("pid = ?1 AND (?2 = '' OR state = ?2) ORDER BY asked DESC LIMIT ?3", pid, state, limit)

    def waiting(self, units: Collection[str], limit: int = 200) -> list[Request]:
        """Those that nobody has decided, of people of these units, oldest first."""
        where, values = _scope(units)
        return self._some(f"state = ? AND {where} ORDER BY asked LIMIT ?", ASKED, *values, limit)

    def decided(self, units: Collection[str], limit: int = 50) -> list[Request]:
        """Those that were decided, of people of these units, latest first."""
        where, values = _scope(units)
        return self._some(
            f"state IN (?, ?) AND {where} ORDER BY decided DESC LIMIT ?", APPROVED, REFUSED, *values, limit
        )

    def approved(self, units: Collection[str]) -> list[Request]:
        """All that were approved, of people of these units, by decision."""
        where, values = _scope(units)
        return self._some(f"state = ? AND {where} ORDER BY decided", APPROVED, *values)

    def untold(self) -> list[Request]:
        """Those that were approved and that no gateway has answered for yet, of everybody, by decision."""
        return self._some("state = 'approved' AND target <> '' AND told = '' ORDER BY decided")  # as its index says it

    def mark_told(self, identity: str, told: str) -> None:
        """It needs not be told any more. `told`: as of Request."""
        self._db.execute("UPDATE correction SET told = ? WHERE id = ?", (told, identity))

    def one(self, identity: str, units: Collection[str]) -> Request | None:
        """One, of a person of these units; None: there is none that may be seen."""
        where, values = _scope(units)
        return next(iter(self._some(f"id = ? AND {where}", identity, *values)), None)

    def decide(self, identity: str, state: str, *, by: str, at: int, answer: str) -> bool:
        """Approve or refuse; False: it does not wait any more. Raises PermanentError without a reason."""
        if len(answer.strip()) < 5:
            raise PermanentError("reason", "say why: whoever asked reads it")
        self._db.execute(
            "UPDATE correction SET state = ?, decided = ?, decided_by = ?, answer = ? WHERE id = ? AND state = ?",
            (state, at, by, answer.strip()[:ANSWER], identity, ASKED),
        )
        return self._db.changes() > 0

    def withdraw(self, identity: str, pid: str, at: int) -> bool:
        """The person does not want it any more."""
        self._db.execute(
            "UPDATE correction SET state = ?, decided = ? WHERE id = ? AND pid = ? AND state = ?",
            (WITHDRAWN, at, identity, pid, ASKED),
        )
        return self._db.changes() > 0

    def _some(self, where: str, *values: object) -> list[Request]:
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM correction WHERE {where}", values)  # noqa: S608 constants
        return [
            Request(
                id=str(row[0]),
                pid=str(row[1]),
                unit=str(row[2]),
                asked=int(row[3]),
                target=str(row[4]),
                kind=str(row[5]),
                field=str(row[6]),
                old=str(row[7]),
                new=str(row[8]),
                note=str(row[9]),
                state=str(row[10]),
                decided=int(row[11] or 0),
                decided_by=str(row[12] or ""),
                answer=str(row[13]),
                told=str(row[14]),
            )
            for row in rows
        ]


def _scope(units: Collection[str]) -> tuple[str, list[str]]:
    if EVERYWHERE in units:
        return "1", []
    return f"unit IN ({','.join('?' * len(units))})", sorted(units)

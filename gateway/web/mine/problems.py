"""What people report of a desk, for operators. Who reported it is not kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

import apsw

from gateway.web.rendering import N_

KINDS: Mapping[str, str] = {
    "sensor": N_("Keadaannya salah (terlihat terpakai padahal kosong, atau sebaliknya)"),
    "reader": N_("Pembaca kartunya tidak menanggapi"),
    "broken": N_("Meja, kursi, atau listriknya rusak"),
    "dirty": N_("Perlu dibersihkan"),
    "other": N_("Lainnya"),
}
MOST_OPEN = 20
"""Of one place: the same is reported by many."""
NOTE = 200
_TABLE = """
CREATE TABLE IF NOT EXISTS problem (
    id TEXT PRIMARY KEY, place TEXT NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, note TEXT NOT NULL,
    done INTEGER, done_by TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS problem_open ON problem (at) WHERE done IS NULL;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One report."""

    id: str
    place: str
    at: int
    """Office time, ns."""
    kind: str
    note: str


class Problems:
    """The table, in the web's database."""

    def __init__(self, database: apsw.Connection) -> None:
        self._db = database
        database.execute(_TABLE)

    def report(self, place: str, kind: str, note: str, at: int) -> bool:
        """A new one; False: so many stand open for the place that one more says nothing new. Raises KeyError."""
        if kind not in KINDS:
            raise KeyError(kind)
        if self._db.execute("SELECT count(*) FROM problem WHERE place = ? AND done IS NULL", (place,)).get >= MOST_OPEN:
            return False
        self._db.execute(
            "INSERT INTO problem (id, place, at, kind, note) VALUES (?, ?, ?, ?, ?)",
            (str(uuid4()), place, at, kind, note.strip()[:NOTE]),
        )
        return True

    def open(self, limit: int = 200) -> list[Problem]:
        """Those that nobody has seen to, oldest first."""
        rows = self._db.execute(
            "SELECT id, place, at, kind, note FROM problem WHERE done IS NULL ORDER BY at LIMIT ?", (limit,)
        )
        return [Problem(id=str(i), place=str(p), at=int(a), kind=str(k), note=str(n)) for i, p, a, k, n in rows]

    def done(self, identity: str, account: str, at: int) -> bool:
        """Somebody has seen to it."""
        self._db.execute(
            "UPDATE problem SET done = ?, done_by = ? WHERE id = ? AND done IS NULL", (at, account, identity)
        )
        return self._db.changes() > 0

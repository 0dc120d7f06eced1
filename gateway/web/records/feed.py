"""Events after a cursor: for whoever fell behind. Each exactly as its gateway wrote it, in the order of commit.

A cursor only grows, also when rows are erased or outlive their retention, and it is the same for every reader: it says
nothing but how far the ledger was read, and which ledger (cursors.py).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from gateway.contract.events import EVENTS
from gateway.errors import PermanentError
from gateway.ledger_view import Stored
from gateway.web.records.cursors import Cursor, Eras
from gateway.web.records.rows import Rows

MOST = 1_000
"""Events of one page, at most."""
MOST_BYTES = 4 << 20
WINDOW = 20_000
"""Ids that one page looks through, at most: a reader of whom little is told costs no more than one of everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one reader may see."""

    classes: frozenset[str]
    """Of evt, who, sense."""
    units: frozenset[str] | None = frozenset()
    """Whose people, in `who` and `sense`; None: everybody's. An empty set: nobody's."""
    pid: str = ""
    """Of this person only, whatever the unit."""


def integrator(units: Collection[str] | None) -> Scope:
    """An agency's service: events without a person, and explicit acts of its units' people. Never `sense`."""
    return Scope(classes=frozenset({"evt", "who"}), units=None if units is None else frozenset(units))


PUBLIC = Scope(classes=frozenset({"evt"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some events, and where to go on."""

    events: tuple[Stored, ...]
    cursor: Cursor
    """Ask again after this one. It moves on also where nothing was for this reader."""
    more: bool
    """Whether there is more already."""
    eras: Eras = field(default=Eras(), compare=False)
    """For cursors behind single events of it."""


def page(
    rows: Rows,
    scope: Scope,
    after: Cursor,
    *,
    limit: int = MOST,
    types: Collection[str] = (),
    place: str = "",
    upto: Cursor | None = None,
) -> Page:
    """The next events behind `after` that `scope` allows, of some types, at a place or below it.

    `upto`: none behind this one; None, or a cursor of another ledger: as many as there are.

    Raises PermanentError `cursor_ahead`: this ledger has never given out that cursor; it was put back from an older
    copy, or begun anew, and the reader has to begin anew as well.
    """
    newest = rows.last_id()
    eras = rows.eras(after.id)
    if after.id > newest or eras.cursor(after.id) != after:
        raise PermanentError("cursor_ahead", "the archive has never been there: it was replaced; begin at 0 again")
    last = newest if upto is None or not rows.knows(upto) else upto.id
    limit = max(1, min(limit, MOST))
    before = min(after.id + WINDOW, last) + 1
    if not scope.classes or (types and not set(types) & EVENTS.keys()):
        return Page(events=(), cursor=eras.cursor(before - 1), more=before <= newest, eras=eras)
    found = rows.feed(
        after.id,
        before,
        classes=sorted(scope.classes),
        units=None if scope.units is None else sorted(scope.units),
        pid=scope.pid,
        types=sorted(types),
        place=place,
        limit=limit,
    )
    kept, size = [], 0
    for row in found:
        size += len(row.body) + 1
        if size > MOST_BYTES:
            break
        kept.append(row)
    whole = len(kept) == len(found) < limit
    cursor = before - 1 if whole else kept[-1].id
    return Page(events=tuple(kept), cursor=eras.cursor(cursor), more=cursor < newest, eras=eras)


def ndjson(found: Page) -> bytes:
    """One event a line, byte for byte as it was stored. An event has no line break in it."""
    return b"".join(row.body.replace(b"\n", b" ") + b"\n" for row in found.events)

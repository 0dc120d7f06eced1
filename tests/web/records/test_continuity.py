"""An archive that was put back from a copy: what was proven of the one before is worth nothing, and days have gone."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.clock import ManualClock
from gateway.ledger import Ledger
from gateway.web.records.attendance import attendance
from gateway.web.records.attendance_files import as_json
from gateway.web.records.complete import SETTLE_S, Proofs
from tests.web.records.ledgers import DAY, HOUR, Book, copy
from tests.web.records.telling import LAG, speak


def whole(watch: Proofs, book: Book, day: int) -> bool:
    """A day of November 2026."""
    complete = watch.now(book.rows)
    return attendance(book.rows, book.office, "bkn", date(2026, 11, day), complete, DAY).complete_day


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("lives", [0, 1, 2])
def test_a_day_of_which_acts_went_with_the_archive_is_not_complete(
    book: Book, clock: ManualClock, restart: bool, lives: int
) -> None:
    """The archive is put back on the 26th, as it was on the 24th at nine; the web runs, or is started then."""
    path = book.office.path(book.office.archive.ledger)
    watch = Proofs(book.office, clock)
    book.changed(DAY + 9 * HOUR)
    watch.look(book.rows)
    copied = copy(path)
    for life in range(lives):
        book.ledger.close()
        book.ledger = Ledger(path)
        book.checkin(DAY + (10 + life) * HOUR)
        watch.look(book.rows)
    book.checkin(DAY + 12 * HOUR)
    clock.advance(50 * 3600)
    speak(watch, clock, 200, "gw-1", "gw-2")
    watch.look(book.rows)
    assert whole(watch, book, 24)
    seen, replaced = watch.continuity.kept
    book.replace(copied)
    for n in range(5):
        book.changed(DAY + 50 * HOUR + n)
    if restart:
        proven, watch = watch.proven, Proofs(book.office, clock)
        watch.continuity.restore(seen, replaced)
        watch.restore(proven)
    found = watch.now(book.rows)
    assert (found.until, {each.cause for each in found.standings}) == (None, {"replaced"})
    watch.look(book.rows)
    assert watch.proven == {}
    noticed = clock.office()
    clock.advance(24 * 3600)
    speak(watch, clock, SETTLE_S + 20, "gw-1", "gw-2")
    watch.look(book.rows)
    found = watch.now(book.rows)
    assert found.until == clock.office() - LAG
    assert found.replaced == ((DAY + 9 * HOUR + 5_000_000, noticed),)
    assert [whole(watch, book, day) for day in (23, 24, 25, 26)] == [True, False, False, False]
    day = as_json(attendance(book.rows, book.office, "bkn", date(2026, 11, 24), found, DAY))
    assert day["completeness"]["replaced"][0]["since"].startswith("2026-11-24T01:00:00")


def test_the_same_archive_goes_on_over_starts_and_erasure(book: Book, clock: ManualClock) -> None:
    watch = Proofs(book.office, clock)
    for n in range(40):
        book.checkin(DAY + n)
        watch.look(book.rows)
        book.ledger.close()
        book.ledger = Ledger(book.office.path(book.office.archive.ledger))
    book.ledger.erase("p-00000000000000a1", DAY)
    watch.look(book.rows)
    assert watch.now(book.rows).replaced == ()

"""Events after a cursor: complete, bounded, and nothing that the reader may not see."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.web.records import feed
from gateway.web.records.cursors import Cursor
from tests.web.records.ledgers import ANI, BUDI, DAY, DESK, OTHER, VISIT, Book

ALL = feed.Scope(classes=frozenset({"evt", "who", "sense"}), units=None)


def ids(found: feed.Page) -> list[int]:
    return [row.id for row in found.events]


def test_every_event_once_in_order_with_its_own_bytes(book: Book) -> None:
    for n in range(7):
        book.changed(DAY + n)
    book.checkin(DAY + 9)
    got, cursor = [], Cursor()
    while True:
        page = feed.page(book.rows, ALL, cursor, limit=3)
        got += page.events
        cursor = page.cursor
        if not page.more:
            break
    assert got == list(book.rows.all())
    assert feed.ndjson(feed.page(book.rows, ALL, Cursor())) == b"".join(row.body + b"\n" for row in book.rows.all())
    assert feed.page(book.rows, ALL, cursor) == feed.Page(events=(), cursor=cursor, more=False)


def test_an_integrator_sees_acts_of_its_units_and_never_what_was_inferred(book: Book) -> None:
    book.changed(DAY)
    book.checkin(DAY + 1, ANI, "bkn")
    book.checkin(DAY + 2, BUDI, "lan")
    book.tell("presence.started", DAY + 3, person=ANI, unit="bkn", cls="sense", visit_id=VISIT, state="present")
    bkn = feed.page(book.rows, feed.integrator({"bkn"}), Cursor())
    assert ids(bkn) == [1, 2]
    assert bkn.cursor.id == 4
    assert ids(feed.page(book.rows, feed.integrator(None), Cursor())) == [1, 2, 3]
    assert ids(feed.page(book.rows, feed.integrator(()), Cursor())) == [1]
    assert ids(feed.page(book.rows, feed.PUBLIC, Cursor())) == [1]


def test_a_person_sees_their_own_also_what_was_inferred(book: Book) -> None:
    book.checkin(DAY + 1, ANI, "bkn")
    book.checkin(DAY + 2, BUDI, "bkn")
    book.tell("presence.started", DAY + 3, person=ANI, unit="bkn", cls="sense", visit_id=VISIT, state="present")
    mine = feed.Scope(classes=frozenset({"who", "sense"}), pid=ANI)
    assert ids(feed.page(book.rows, mine, Cursor())) == [1, 3]


def test_types_and_places(book: Book) -> None:
    book.changed(DAY, place=DESK)
    book.changed(DAY + 1, place=OTHER, gateway="gw-2")
    book.tell("badge.rejected", DAY + 2, place=DESK, reader="r-1", cause="unknown")
    assert ids(feed.page(book.rows, ALL, Cursor(), types=("badge.rejected",))) == [3]
    assert ids(feed.page(book.rows, ALL, Cursor(), place="ikn/kk2/l1")) == [1, 3]
    assert ids(feed.page(book.rows, ALL, Cursor(), place="ikn/kk2/l")) == []
    assert ids(feed.page(book.rows, ALL, Cursor(), types=("no.such",))) == []


def test_whom_little_is_told_goes_on_all_the_same(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "WINDOW", 3)
    for n in range(8):
        book.checkin(DAY + n, BUDI, "lan")
    book.checkin(DAY + 9, ANI, "bkn")
    cursors, cursor, got = [], Cursor(), []
    for _ in range(4):
        page = feed.page(book.rows, feed.integrator({"bkn"}), cursor)
        cursor, got = page.cursor, got + ids(page)
        cursors.append((page.cursor.id, page.more))
    assert cursors == [(3, True), (6, True), (9, False), (9, False)]
    assert got == [9]


def test_a_page_has_a_limit_in_bytes(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(4):
        book.changed(DAY + n)
    size = len(next(iter(book.rows.all())).body)
    monkeypatch.setattr(feed, "MOST_BYTES", 2 * size + 10)
    page = feed.page(book.rows, ALL, Cursor())
    assert (ids(page), page.cursor.id, page.more) == ([1, 2], 2, True)


def test_who_was_erased_is_not_there_any_more(book: Book) -> None:
    book.checkin(DAY, ANI)
    book.changed(DAY + 1)
    book.ledger.erase(ANI, DAY + 2)
    assert ids(feed.page(book.rows, ALL, Cursor())) == [2]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.lists(st.sampled_from(["evt", "bkn", "lan", "sense"]), max_size=12),
    limit=st.integers(1, 4),
    window=st.integers(1, 6),
)
def test_whatever_the_pages_nothing_is_left_out_or_told_twice(
    tmp_path_factory: pytest.TempPathFactory, told: list[str], limit: int, window: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("feed")
    book = Book(folder)
    patch = pytest.MonkeyPatch()
    patch.setattr(feed, "WINDOW", window)
    try:
        for n, what in enumerate(told):
            match what:
                case "evt":
                    book.changed(DAY + n)
                case "sense":
                    book.tell("presence.idle", DAY + n, person=ANI, unit="bkn", cls="sense", visit_id=VISIT)
                case unit:
                    book.checkin(DAY + n, ANI, unit)
        got, cursor, more = [], Cursor(), True
        while more:
            page = feed.page(book.rows, feed.integrator({"bkn"}), cursor, limit=limit)
            assert page.cursor > cursor or not page.more
            got, cursor, more = got + ids(page), page.cursor, page.more
        assert got == [n for n, what in enumerate(told, 1) if what in ("evt", "bkn")]
    finally:
        patch.undo()
        book.close()

"""Cursors of the ledger, of an older hadir's, and of one that was put back from a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import ledger_schema, sqlite
from gateway.errors import PermanentError
from gateway.ledger import Ledger
from gateway.web.records import feed
from gateway.web.records.cursors import Cursor, cursor_of
from tests.web.records.ledgers import DAY, Book, copy

ALL = feed.Scope(classes=frozenset({"evt"}))


def refused(book: Book, cursor: Cursor) -> bool:
    try:
        feed.page(book.rows, ALL, cursor)
    except PermanentError as error:
        return error.reason == "cursor_ahead"
    return False


def ledger_of(book: Book) -> Path:
    return book.office.path(book.office.archive.ledger)


@pytest.mark.parametrize(
    "text", ["-1", "x", "1e3", "٣", "9" * 19, " 1", "0x1", "1.", "1.xyz", "1.0123456", "1.٣1234567"]
)
def test_what_is_no_cursor(text: str) -> None:
    with pytest.raises(PermanentError, match="invalid"):
        cursor_of(text)


def test_a_cursor_is_read_as_it_was_written() -> None:
    assert (cursor_of(""), cursor_of("0"), cursor_of("12")) == (Cursor(), Cursor(), Cursor(12))
    assert cursor_of(str(Cursor(12, "0123abcd"))) == Cursor(12, "0123abcd")


def test_each_life_that_commits_something_begins_an_era(book: Book) -> None:
    book.changed(DAY)
    book.changed(DAY + 1)
    first = book.rows.newest()
    for _ in range(3):  # two of them say nothing
        book.ledger.close()
        book.ledger = Ledger(ledger_of(book))
    book.changed(DAY + 2)
    second = book.rows.newest()
    assert (first.id, second.id) == (2, 3)
    assert first.era != second.era
    assert [str(found) for found in map(book.rows.eras(0).cursor, range(4))] == [
        "0",
        f"1.{first.era}",
        str(first),
        str(second),
    ]
    assert not any(refused(book, known) for known in (Cursor(), first, second))
    assert refused(book, Cursor(3, first.era))
    assert refused(book, Cursor(4, second.era))


@pytest.mark.parametrize("restarts", [0, 1])
def test_what_went_on_from_a_copy_is_another_ledger_from_there_on(book: Book, restarts: int) -> None:
    book.changed(DAY)
    shared = book.rows.newest()
    copied = copy(ledger_of(book))
    for _ in range(restarts):
        book.ledger.close()
        book.ledger = Ledger(ledger_of(book))
    book.changed(DAY + 1)
    gone = book.rows.newest()
    book.replace(copied)
    assert refused(book, gone)
    for n in range(3):
        book.changed(DAY + 10 + n)
        assert refused(book, gone)
        assert not refused(book, shared)
    assert book.rows.common(gone) == (Cursor() if restarts else shared)


def test_cursors_of_an_older_hadir_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    connection = sqlite.connect(path, exclusive=False)
    sqlite.migrate(connection, ledger_schema.SCHEMA[:1])
    connection.execute("UPDATE last_id SET id = 7")
    connection.close()
    book = Book(tmp_path)
    try:
        assert not refused(book, cursor_of("7"))
        assert refused(book, cursor_of("8"))
        book.changed(DAY)
        book.changed(DAY + 1)
        assert not refused(book, cursor_of("7"))
        assert refused(book, cursor_of("8"))
        assert feed.page(book.rows, ALL, cursor_of("7")).cursor == Cursor(9, book.ledger._era)
    finally:
        book.close()


def test_an_older_hadir_goes_on_with_the_file(book: Book) -> None:
    connection = sqlite.connect(ledger_of(book), exclusive=False)
    sqlite.migrate(connection, ledger_schema.SCHEMA[:1])
    connection.close()

"""Many rows in few statements: the same rows as one by one."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from gateway import sqlite
from gateway.errors import PermanentError, TransientError


@pytest.mark.parametrize("count", [0, 1, 3, 4, 31, 33, 255, 256, 257, 1000])
def test_all_rows_are_inserted_in_order(tmp_path: Path, count: int) -> None:
    connection = sqlite.connect(tmp_path / "t.sqlite")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT, body BLOB) STRICT")
    rows = [(n, f"row {n}", bytes(n % 7)) for n in range(count)]
    with sqlite.transaction(connection):
        sqlite.insert(connection, "INSERT INTO t", rows)
    assert connection.execute("SELECT * FROM t ORDER BY n").fetchall() == rows
    connection.close()


def test_a_row_that_is_refused_takes_its_transaction_with_it(tmp_path: Path) -> None:
    connection = sqlite.connect(tmp_path / "t.sqlite")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT")
    with pytest.raises(PermanentError) as caught, sqlite.transaction(connection):
        sqlite.insert(connection, "INSERT INTO t", [(n,) for n in (*range(300), 7)])
    assert isinstance(caught.value.__cause__, apsw.ConstraintError)
    assert connection.execute("SELECT count(*) FROM t").get == 0
    connection.close()


def test_of_several_rows_of_one_key_the_last_replaces(tmp_path: Path) -> None:
    connection = sqlite.connect(tmp_path / "t.sqlite")
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT) STRICT")
    with sqlite.transaction(connection):
        sqlite.insert(connection, "INSERT OR REPLACE INTO t", [(1, "first"), (2, "other"), (1, "last")])
    assert connection.execute("SELECT * FROM t ORDER BY n").fetchall() == [(1, "last"), (2, "other")]
    connection.close()


def test_two_who_open_a_new_file_at_once_make_its_schema_once(tmp_path: Path) -> None:
    path, steps = tmp_path / "new.sqlite", ("CREATE TABLE t (x)", "CREATE TABLE u (x)")
    first, second = (sqlite.connect(path, exclusive=False) for _ in range(2))
    first.execute("BEGIN IMMEDIATE; CREATE TABLE t (x); PRAGMA user_version=1")
    with ThreadPoolExecutor(1) as pool:
        migrated = pool.submit(sqlite.migrate, second, steps)  # it sees an empty file, and waits for the first
        time.sleep(0.1)
        first.execute("COMMIT")
        migrated.result()
    assert second.execute("PRAGMA user_version").get == 2
    first.close()
    second.close()


def test_by_remedy_what_a_statement_says_is_the_same_and_its_errors_are_ours(tmp_path: Path) -> None:
    made, other = (sqlite.connect(tmp_path / "t.sqlite", exclusive=False) for _ in range(2))
    connection = sqlite.by_remedy(made)
    connection.set_busy_timeout(0)
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT; INSERT INTO t VALUES (1), (2)")
    ask = "SELECT n FROM t"
    assert connection.execute(ask).fetchall() == list(connection.execute(ask)) == [(1,), (2,)]
    assert (connection.execute(ask).fetchone(), connection.execute(ask).get) == ((1,), [1, 2])
    assert connection.execute("SELECT n FROM t WHERE n = 3").fetchone() is None
    with pytest.raises(PermanentError, match="sqlite: ConstraintError"):
        connection.execute("INSERT INTO t VALUES (1)")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransientError, match="the disk"):
        connection.execute("INSERT INTO t VALUES (3)")
    with pytest.raises(TransientError, match="the disk"), sqlite.transaction(connection):
        raise AssertionError
    other.execute("ROLLBACK")
    connection.execute(f"PRAGMA max_page_count={connection.execute('PRAGMA page_count').get}")
    with pytest.raises(TransientError, match="full"):
        connection.execute("CREATE TABLE u (n)")
    connection.close()
    other.close()


@pytest.mark.parametrize(
    "read",
    [list, lambda rows: (rows.fetchone(), rows.fetchone()), lambda rows: rows.fetchall(), lambda rows: rows.get],
)
def test_by_remedy_also_an_error_of_a_later_row_is_ours(tmp_path: Path, read: Callable[[apsw.Cursor], object]) -> None:
    connection = sqlite.by_remedy(sqlite.connect(tmp_path / "t.sqlite"))
    # abs() of the least integer overflows: an error of the second row
    found = connection.execute("SELECT abs(column1) FROM (VALUES (1), (-9223372036854775807 - 1))")
    with pytest.raises(PermanentError, match="sqlite"):
        read(found)
    connection.close()

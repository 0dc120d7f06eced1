"""Many rows in few statements: the same rows as one by one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from gateway import sqlite
from gateway.errors import PermanentError


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

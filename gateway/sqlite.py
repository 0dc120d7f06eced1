"""SQLite as hadir uses it: apsw, WAL, synchronous=FULL, one owner a file.

FULL, not NORMAL: a power-cut model lost 878 of 4,914 acknowledged rows with NORMAL and none with FULL. The library is
apsw's own and not older than 3.51.3, which ended the WAL-reset bug.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

import apsw

from gateway.errors import HadirError, PermanentError, TransientError

OLDEST = 3_051_003
ROWS_AT_ONCE = (256, 32, 4, 1)
"""Rows of one statement: few shapes, so that all of them stay prepared."""


def connect(path: Path, *, vfs: str | None = None, exclusive: bool = True) -> apsw.Connection:
    """Open or make a database. `exclusive`: a second opener is refused with HadirError. A full disk: TransientError."""
    if apsw.SQLITE_VERSION_NUMBER < OLDEST:
        raise HadirError(f"SQLite {apsw.sqlite_lib_version()} is older than 3.51.3: upgrade apsw")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if vfs is None and not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # its owner's only; SQLite's own files follow it
        connection = apsw.Connection(str(path), vfs=vfs)
    except OSError as error:
        kind = TransientError if error.errno == errno.ENOSPC else HadirError
        raise kind(f"{path} cannot be opened: {error.strerror}") from error
    except apsw.Error as error:
        raise HadirError(f"{path} cannot be opened: {error}") from error
    try:
        connection.set_busy_timeout(0 if exclusive else 5000)
        if exclusive:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        if exclusive:
            connection.execute("BEGIN IMMEDIATE; COMMIT")  # takes the lock now, not at the first write
    except apsw.Error as error:
        connection.close()
        match error:
            case apsw.BusyError() | apsw.LockedError():
                raise HadirError(f"{path} belongs to another running process") from error
            case apsw.FullError():
                raise TransientError(f"{path} cannot be opened: the disk is full") from error
            case _:
                text = f"{path} cannot be opened: {error}"
                raise PermanentError("corrupt", text) if is_damage(error) else HadirError(text) from error
    return connection


def read_only(path: Path) -> apsw.Connection:
    """A reader beside a running owner of a file that is not exclusive. Raises HadirError."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(5000)
    except apsw.Error as error:
        raise HadirError(f"{path} cannot be read: {error}") from error
    return connection


def migrate(connection: apsw.Connection, steps: Sequence[str], oldest: int = 0) -> None:
    """Bring the schema to version len(steps), each step in a transaction of its own.

    `oldest`: the version that a program must know at least to work with what the steps make: the file says it as its
    application_id, so that an older program goes on with a file that a newer one has only added to.
    Raises HadirError for a file that is too new.
    """
    with _REMEDIED:
        done, needed = (connection.execute(f"PRAGMA {name}").get for name in ("user_version", "application_id"))
    if not isinstance(done, int) or not isinstance(needed, int) or done > len(steps):
        if isinstance(needed, int) and 0 < needed <= len(steps):
            return
        raise HadirError(f"the database has schema {done}; this version of hadir knows {len(steps)}: upgrade hadir")
    for version, step in enumerate(steps[done:], start=done + 1):
        with transaction(connection):
            if connection.execute("PRAGMA user_version").get >= version:
                continue  # another process has opened the new file at the same time, and was first
            connection.execute(step)
            connection.execute(f"PRAGMA user_version={version}; PRAGMA application_id={oldest}")


def check(connection: apsw.Connection, steps: Sequence[str], seconds: float) -> None:
    """Look for damage, for so long at most. Raises PermanentError corrupt; what is not looked at shows when it is read.

    `steps`: of the schema, which must be as they make it.
    """
    model = apsw.Connection(":memory:")
    for step in steps:
        model.execute(step)
    tables = "SELECT name, sql FROM sqlite_schema ORDER BY name"
    end = monotonic() + seconds
    connection.set_progress_handler(lambda: monotonic() > end, 50_000)
    try:
        if not set(model.execute(tables)) <= set(connection.execute(tables)) and (
            connection.execute("PRAGMA user_version").get == len(steps)
        ):
            raise PermanentError("corrupt", "its tables are not as they were made")
        found = connection.execute("PRAGMA integrity_check(1)").get
    except apsw.InterruptError:
        return
    except apsw.Error as error:
        raise remedy(error) from error
    finally:
        connection.set_progress_handler(None)
        model.close()
    if found != "ok":
        raise PermanentError("corrupt", str(found))


def abandon(connection: apsw.Connection) -> None:
    """Close a damaged database without touching it: its log stays beside it, as it is."""
    with suppress(apsw.Error):
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.close(True)


class _Remedied:
    """Inside of it apsw's errors become errors by remedy."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, apsw.Error):
            raise remedy(error) from error
        if isinstance(error, UnicodeDecodeError):  # a text that is none: it was not written so
            raise PermanentError("corrupt", str(error)) from error


_REMEDIED = _Remedied()


class _Cursor(apsw.Cursor):
    """One whose every step is inside of it."""

    def execute(self, *arguments: Any, **options: Any) -> apsw.Cursor:
        with _REMEDIED:
            return super().execute(*arguments, **options)

    def __next__(self) -> Any:
        with _REMEDIED:
            return super().__next__()

    def fetchone(self) -> Any:
        with _REMEDIED:
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with _REMEDIED:
            return super().fetchall()

    @property
    def get(self) -> Any:
        with _REMEDIED:
            return super().get


def by_remedy(connection: apsw.Connection) -> apsw.Connection:
    """The same one: its statements raise errors by remedy from now on, in a transaction and outside.

    For who has many statements in many places, each of which may meet a full disk; it costs a microsecond a row.
    """
    connection.cursor_factory = _Cursor
    return connection


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE ... COMMIT; anything raised inside rolls back. apsw's errors become errors by remedy."""
    with _REMEDIED:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def insert(connection: apsw.Connection, into: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows of one width, many in one statement; `into`: `INSERT INTO event`.

    Each step of a statement lets go of the interpreter and has to get it back from a busy event loop: a step a row,
    as executemany takes them, made a commit of 1,000 rows in a worker thread wait 200 times longer.
    """
    first = 0
    for size in ROWS_AT_ONCE:
        while len(rows) - first >= size:
            some = rows[first : first + size]
            connection.execute(_statement(into, len(some[0]), size), tuple(chain.from_iterable(some)))
            first += size


@cache
def _statement(into: str, width: int, rows: int) -> str:
    return f"{into} VALUES {','.join(['(' + ','.join('?' * width) + ')'] * rows)}"


def checkpoint(connection: apsw.Connection) -> None:
    """Empty the write-ahead log into the database. Raises errors by remedy."""
    with _REMEDIED:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def remedy(error: apsw.Error) -> HadirError:
    """What the caller should do about an error of SQLite."""
    match error:
        case _ if is_damage(error):
            return PermanentError("corrupt", str(error))
        case apsw.FullError():
            return TransientError("the disk is full")
        case apsw.IOError() | apsw.BusyError() | apsw.LockedError() | apsw.CantOpenError() | apsw.ReadOnlyError():
            return TransientError(f"the disk: {error}")
        case apsw.NoMemError() | apsw.ProtocolError() | apsw.SchemaChangeError() | apsw.InterruptError():
            return TransientError(f"the machine: {error}")  # and not the row that was to be written
        case _:
            return PermanentError("sqlite", f"{type(error).__name__}: {error}")


_UNREADABLE = (apsw.SQLITE_IOERR_READ, apsw.SQLITE_IOERR_SHORT_READ, apsw.SQLITE_IOERR_CORRUPTFS)
"""A sector that the medium has lost, a page behind the end."""


def is_damage(error: BaseException | None) -> bool:
    """Whether the file is not as it was written."""
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return True
    return isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _UNREADABLE

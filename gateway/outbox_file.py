"""Opening the outbox's file, whatever it is in: sound, of an earlier schema, damaged, or half set aside."""

from __future__ import annotations

from pathlib import Path

import apsw

from gateway import salvage, sqlite
from gateway.errors import PermanentError, TransientError
from gateway.outbox_schema import OLDEST, SCHEMA
from gateway.write_ahead import read_log


def open_sound(path: Path, vfs: str | None = None) -> apsw.Connection:
    """The open file, at the latest schema. Raises HadirError; PermanentError: it is damaged, and as it was."""
    try:
        salvage.finish(path)
        log = Path(f"{path}-wal")
        if log.exists():
            with log.open("rb") as file:
                if broken := read_log(file).damaged:
                    raise PermanentError("corrupt", f"{broken} frames of its log are not as they were written")
    except OSError as error:
        raise TransientError(f"{path} cannot be read: {error.strerror}") from error
    connection = sqlite.connect(path, vfs=vfs)
    try:
        sqlite.migrate(connection, SCHEMA, OLDEST)
    except BaseException:
        sqlite.abandon(connection)
        raise
    return connection


def highest_boot(path: Path) -> str:
    """The greatest boot in an outbox that no daemon has open; "" where there is none. A damaged one is saved first."""
    if not path.exists() and not any(path.parent.glob(f"{path.name}.saved-*")):
        return ""
    try:
        return _highest_boot(path)
    except PermanentError as error:
        salvage.rescue(path, str(error))
        return _highest_boot(path)


def _highest_boot(path: Path) -> str:
    connection = open_sound(path)
    try:
        return str(
            connection.execute(
                "SELECT coalesce(max(boot), '') FROM (SELECT boot FROM event UNION SELECT boot FROM dead)"
            ).get
        )
    except apsw.Error as error:
        raise sqlite.remedy(error) from error
    finally:
        sqlite.abandon(connection)

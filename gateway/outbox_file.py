"""Opening the outbox's file, whatever it is in: sound, of an earlier schema, damaged, or half set aside."""

from __future__ import annotations

from pathlib import Path

import apsw

from gateway import salvage, sqlite
from gateway.contract.decoding import decode
from gateway.errors import PermanentError, TransientError
from gateway.outbox_schema import OLDEST, ROWS, SCHEMA
from gateway.write_ahead import Log, read_log


def _log(path: Path) -> Log:
    try:
        with Path(f"{path}-wal").open("rb") as file:
            return read_log(file)
    except FileNotFoundError:
        return Log()


def open_sound(path: Path, vfs: str | None = None) -> apsw.Connection:
    """The open file, at the latest schema. Raises HadirError; PermanentError: it is damaged, and as it was."""
    try:
        salvage.finish(path)
        salvage.log_is_missing(path)
        log = _log(path)
        if log.size and not (path.exists() and path.stat().st_size):
            path.touch(0o600)  # SQLite would begin anew, and remove the log
            raise PermanentError("corrupt", "the file is gone; its log is there")
    except OSError as error:
        raise TransientError(f"{path} cannot be read: {error.strerror}") from error
    if log.damaged:
        raise PermanentError("corrupt", f"{log.damaged} frames of its log are not as they were written")
    connection = sqlite.connect(path, vfs=vfs)
    try:
        sqlite.migrate(connection, SCHEMA, OLDEST)
    except BaseException:
        sqlite.abandon(connection)
        raise
    return connection


def highest_boot(path: Path) -> str:
    """The greatest boot in an outbox that no daemon has open; "" where there is none. A damaged one is saved first."""
    if not any(path.parent.glob(f"{path.name}*")):
        return ""
    try:
        return _highest_boot(path)
    except PermanentError as error:
        salvage.rescue(path, str(error))
        return _highest_boot(path)


def _highest_boot(path: Path) -> str:
    connection = open_sound(path)
    try:
        below = "999999-ffff-"
        while True:
            row = connection.execute(
                f"{ROWS} WHERE boot < ? ORDER BY boot DESC, sequence DESC LIMIT 1", (below,)
            ).fetchone()
            if row is None:
                break
            if not isinstance(row[0], str) or row[0] >= below:
                raise PermanentError("corrupt", "its order is broken")
            below = row[0]
            if salvage.sound(row) is not None:
                break
        event = "" if row is None else below
        dead = connection.execute("SELECT boot, body FROM dead ORDER BY boot DESC, sequence DESC LIMIT 100")
        return max([event, *(str(boot) for boot, body in dead if _says(body, boot))])
    except apsw.Error as error:
        raise sqlite.remedy(error) from error
    except UnicodeDecodeError as error:
        raise PermanentError("corrupt", str(error)) from error
    finally:
        sqlite.abandon(connection)


def _says(body: object, boot: object) -> bool:
    """Whether a dead letter is of that boot. A column of a damaged page may hold anything, or nothing."""
    try:
        return isinstance(body, bytes) and decode(body).boot == boot
    except PermanentError:
        return False

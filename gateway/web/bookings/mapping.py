"""Whose booking is whose here: spaces by configuration, people by a file on this box."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from gateway.config import web_bookings
from gateway.config.model import Office
from gateway.contract.fields import PID
from gateway.errors import ConfigError, Problem

MOST_BYTES = 4 << 20


def spaces(office: Office) -> Mapping[str, str]:
    """By id of a space there, the place here, five levels. Raises ConfigError with every mistake."""
    mistakes = [Problem(file="office.yaml", line=None, text=text) for _, text in web_bookings.problems(office)]
    if mistakes:
        raise ConfigError(*mistakes)
    return web_bookings.spaces(office)


class People:
    """The file `email,pid`, read again when it has changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: tuple[float, Mapping[str, str]] = (-1.0, {})

    def of(self, email: str) -> str:
        """The pid; empty: nobody here. Raises ConfigError: the file cannot be read, or others may."""
        return self._read().get(email, "")

    def _read(self) -> Mapping[str, str]:
        if self._path is None:
            return {}
        try:
            stat = self._path.stat()
            if stat.st_mtime == self._known[0]:
                return self._known[1]
            if stat.st_mode & 0o077:
                raise self._mistake(None, f"may be read by others; run: chmod 600 {self._path}")
            if stat.st_size > MOST_BYTES:
                raise self._mistake(None, "is larger than 4 MB")
            with self._path.open(encoding="utf-8", newline="") as lines:
                rows = [row for row in csv.reader(lines) if row and not row[0].startswith("#")]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            why = getattr(error, "strerror", None) or "is no CSV"
            raise self._mistake(None, f"who is who cannot be read: {why}") from error
        found: dict[str, str] = {}
        for number, row in enumerate(rows, start=1):
            if len(row) != 2 or not _is_pid(row[1].strip()):
                raise self._mistake(number, "a line is email,pid")  # without its content: it names somebody
            found[row[0].strip().lower()] = row[1].strip()
        self._known = (stat.st_mtime, found)
        return found

    def _mistake(self, line: int | None, text: str) -> ConfigError:
        return ConfigError(Problem(file=str(self._path), line=line, text=text))


def _is_pid(text: str) -> bool:
    return re.fullmatch(PID, text) is not None

"""Reads tables that somebody else made: CSV files, plain or .gz, and a site.json beside them.

All mistakes are told at once, each with file and line; sizes have limits, numbers are numbers, nothing is guessed.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TextIO

from gateway.clock import SECOND
from gateway.errors import ConfigError, Problem
from rules.api import is_signal

MOST_ROWS = 20_000_000
MOST_LINE = 4096
MOST_SITE = 4_000_000
MOST_TOLD = 20
"""Mistakes that are told of one file; of more, how many."""
EARLIEST, LATEST = 0, 2**62
"""ns since 1970: what a time may be."""

Field = Callable[[str], Any]
"""Makes a value of a cell; raises ValueError with words."""


class Mistakes:
    """What is wrong with tables, collected until everything was read."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._left_out: list[Problem] = []
        self._count: Counter[str] = Counter()

    def add(self, file: Path, line: int | None, text: str) -> None:
        """One mistake."""
        self._note(self._problems, file, line, text)

    def leave_out(self, file: Path, line: int, text: str) -> None:
        """One row of many that is not worth the others."""
        self._note(self._left_out, file, line, text)

    def _note(self, where: list[Problem], file: Path, line: int | None, text: str) -> None:
        self._count[str(file)] += 1
        if self._count[str(file)] <= MOST_TOLD:
            where.append(Problem(file=str(file), line=line, text=text))

    def settle(self) -> list[Problem]:
        """Raises ConfigError with all of them, if there are any; else the rows that were left out."""
        more = [
            Problem(file=name, line=None, text=f"and {count - MOST_TOLD} more mistakes")
            for name, count in self._count.items()
            if count > MOST_TOLD
        ]
        if self._problems:
            raise ConfigError(*self._problems, *self._left_out, *more)
        return [*self._left_out, *more]


def find(folder: Path, stem: str) -> Path | None:
    """`stem.csv` or `stem.csv.gz` in a folder."""
    return next((path for path in (folder / f"{stem}.csv", folder / f"{stem}.csv.gz") if path.is_file()), None)


def rows(
    path: Path, fields: Mapping[str, Field], mistakes: Mistakes, *, measured: bool = False
) -> Iterator[tuple[Any, ...]]:
    """The rows of a table, as a tuple in the order of `fields`; columns may stand in any order, others may be there.

    A row with a mistake is told and left out. `measured`: rows are of sensors, which say nonsense at times; the table
    is good for all that, unless half of it is nonsense.
    """
    number, bad = 1, 0
    tell = mistakes.leave_out if measured else mistakes.add
    try:
        with _open(path) as file:
            lines = csv.reader(_bounded(file), strict=True)
            places = _places(next(lines, []), list(fields))
            parsers = [(places[name], name, parse) for name, parse in fields.items()]
            for number, cells in enumerate(lines, 2):
                if number > MOST_ROWS:
                    mistakes.add(path, number, f"has more than {MOST_ROWS} rows")
                    return
                if not cells:
                    continue
                try:
                    yield tuple(parse(cells[place]) for place, _, parse in parsers)
                except IndexError:
                    bad += 1
                    tell(path, number, f"has {len(cells)} cells, which are too few")
                except ValueError:
                    bad += 1
                    for text in _wrong(cells, parsers):
                        tell(path, number, text)
        if measured and bad > number / 2:
            mistakes.add(path, None, f"{bad} of its {number - 1} rows cannot be read")
    except _Header as error:
        mistakes.add(path, 1, str(error))
    except UnicodeDecodeError:
        mistakes.add(path, number + 1, "is not UTF-8")
    except csv.Error as error:
        mistakes.add(path, number + 1, f"is not CSV: {error}")
    except (OSError, EOFError, zlib.error) as error:
        mistakes.add(path, None, f"cannot be read: {getattr(error, 'strerror', None) or error}")


class _Header(Exception):
    """The first line does not name the columns."""


def _places(header: list[str], wanted: list[str]) -> dict[str, int]:
    names = [name.strip().lstrip("\ufeff") for name in header]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise _Header(f"lacks the column {', '.join(missing)}; the first line must name the columns")
    return {name: names.index(name) for name in wanted}


def _wrong(cells: list[str], parsers: list[tuple[int, str, Field]]) -> Iterator[str]:
    for place, name, parse in parsers:
        if place >= len(cells):
            yield f"{name}: is missing"
            continue
        try:
            parse(cells[place])
        except ValueError as error:
            yield f"{name}: {error}"


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _bounded(file: TextIO) -> Iterator[str]:
    while line := file.readline(MOST_LINE + 1):
        if len(line) > MOST_LINE:
            raise csv.Error(f"a line is longer than {MOST_LINE} characters")
        yield line


def site(folder: Path, mistakes: Mistakes) -> Mapping[str, Any]:
    """site.json as an object; empty, and told, where it is none."""
    path = folder / "site.json"
    try:
        if path.stat().st_size > MOST_SITE:
            mistakes.add(path, None, f"is larger than {MOST_SITE} bytes")
            return {}
        body = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        mistakes.add(path, None, f"cannot be read: {error.strerror}")
    except json.JSONDecodeError as error:
        mistakes.add(path, error.lineno, f"is not JSON: {error.msg}")
    except (ValueError, RecursionError) as error:
        mistakes.add(path, None, f"is not JSON: {error}")
    else:
        if isinstance(body, dict):
            return body
        mistakes.add(path, None, "is not an object")
    return {}


def when(cell: str) -> int:
    """Seconds since 1970 -> ns, exactly."""
    try:
        at = Decimal(cell.strip()) * SECOND
    except InvalidOperation:
        raise ValueError(f"{cell[:40]!r} is not a time in seconds") from None
    if not at.is_finite() or not EARLIEST <= at < LATEST:
        raise ValueError(f"{cell[:40]!r} is not a time in seconds since 1970")
    return int(at)


def number(cell: str) -> float:
    """A finite number."""
    try:
        found = float(cell)
    except ValueError:
        raise ValueError(f"{cell[:40]!r} is not a number") from None
    if not -1e12 < found < 1e12:
        raise ValueError(f"{cell[:40]!r} is not a number that a sensor can mean")
    return found


def signal(cell: str) -> float:
    """What a radio can report, dBm."""
    found = number(cell)
    if not is_signal(found):
        raise ValueError(f"{cell[:40]!r} is no signal in dBm")
    return found


def word(cell: str) -> str:
    """A name."""
    found = cell.strip()
    if not found or len(found) > 200:
        raise ValueError("is empty" if not found else "is longer than 200 characters")
    return found


def switch(cell: str) -> bool:
    """0 or 1."""
    if cell.strip() not in ("0", "1"):
        raise ValueError(f"{cell[:40]!r} is neither 0 nor 1")
    return cell.strip() == "1"


def people(cell: str) -> int | None:
    """A whole number that is not negative, or blank."""
    text = cell.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise ValueError(f"{cell[:40]!r} is not a number of people")
    return int(text)

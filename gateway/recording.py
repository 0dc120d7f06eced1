"""Recordings of hop 4: what the rules were given, with pseudonyms only, and enough around it to run them again.

{"hadir": "recording", "version": 1, "site": "ikn", "gateway": "gw-05", "config": "<hash>", "office": {...}}
{"facts": {"desk": {"<place>": {...}}}}                                        what was known at the start
["Reading", 1795483802117000000, {...}]                                        an input and when it was taken

A recording that is read comes from outside: lines are bounded, types and limits are checked, and a raw credential where
a pseudonym belongs is refused. A bad line is reported with its number, and the next one is read.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, get_type_hints

from gateway.config import room_models
from gateway.config.model import Office
from gateway.config.types import IDENTIFIER
from gateway.contract.fields import PID, PLACE
from gateway.contract.payload import read_json
from gateway.counters import Counters
from gateway.errors import ConfigError, PermanentError, Problem
from gateway.sources.lines import Lines
from rules.api import Booked, Command, Health, Input, Life, Reading, Sighting, Tick

VERSION = 1
MAX_LINE = 64 * 1024
MAX_HEADER = 16 * 1024 * 1024
"""Of each of the first two lines: configuration and facts of a whole office."""
MOST_KEPT = 50_000
MOST_GIVEN = 512 * 1024
"""Bytes of one answer, so that a busy gateway is not held up by it."""
MOST_PROBLEMS = 20
KINDS: Mapping[str, type[Any]] = {
    kind.__name__: kind for kind in (Reading, Sighting, Health, Life, Booked, Command, Tick)
}


class Tap:
    """Keeps what the rules are given while somebody records; nothing otherwise. Several may record at once."""

    def __init__(self) -> None:
        self._kept: deque[str] = deque(maxlen=MOST_KEPT)
        self._number = 0
        """Of the newest line; the others count down from it."""
        self._fetched = 0
        self.on = False

    def take(self, item: Input, at: int) -> None:
        """An input goes to the rules now. When nobody fetches any more, the tap closes by itself."""
        if type(item).__name__ in KINDS:
            self._number += 1
            self._kept.append(line(item, at))
            if self._number - self._fetched > MOST_KEPT:
                self.on = False
                self._kept.clear()

    def after(self, cursor: int | None) -> dict[str, Any]:
        """Lines behind `cursor`, as many as one answer holds; None begins.

        `lost`: lines behind `cursor` that are not here any more: too many, too slow, or the gateway was started anew.
        """
        closed, self.on, self._fetched = not self.on, True, self._number
        if cursor is None:
            return {"cursor": self._number, "lines": [], "lost": 0}
        if closed or not 0 <= cursor <= self._number:
            return {"cursor": self._number, "lines": [], "lost": max(1, self._number - cursor)}
        oldest = self._number - len(self._kept) + 1
        lost = max(0, oldest - cursor - 1)
        lines: list[str] = []
        size = 0
        for text in islice(self._kept, cursor + lost + 1 - oldest, None):
            size += len(text)
            if lines and size > MOST_GIVEN:
                break
            lines.append(text)
        return {"cursor": cursor + lost + len(lines), "lines": lines, "lost": lost}


def line(item: Input, at: int) -> str:
    """One input as a line."""
    return json.dumps([type(item).__name__, at, item._asdict()], separators=(",", ":"))


def header(office: Office, gateway: str) -> str:
    """The first line of a recording."""
    config = sha256(office.model_dump_json().encode()).hexdigest()[:12]
    named = {"hadir": "recording", "version": VERSION, "site": office.site, "gateway": gateway, "config": config}
    return json.dumps({**named, "office": office.model_dump(mode="json")}, separators=(",", ":"))


class Recording:
    """A recording that is read."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError for a file that is not a recording."""
        self.path = path
        self.problems: list[Problem] = []
        """The first bad lines that `inputs` met."""
        try:
            with path.open("rb") as raw:
                first = read_json(raw.readline(MAX_HEADER + 1), MAX_HEADER)
                if (first.get("hadir"), first.get("version")) != ("recording", VERSION):
                    text = f"is not a recording of version {VERSION}"
                    raise ConfigError(Problem(file=str(path), line=1, text=text))
                second = read_json(raw.readline(MAX_HEADER + 1) or b'{"facts":{}}', MAX_HEADER)
                self._body = raw.tell()
            self.gateway = str(first["gateway"])
            self.config = str(first.get("config", ""))
            """Hash of the configuration that it was recorded with."""
            self.office = Office.model_validate(first["office"])
            self.facts: dict[str, dict[str, Any]] = _facts(second["facts"])
            room_models.remembered(self.facts.get(room_models.NAME, {}))
        except OSError as error:
            text = f"cannot be read: {error.strerror}"
            raise ConfigError(Problem(file=str(path), line=None, text=text)) from error
        except (PermanentError, ValueError, KeyError, TypeError, AttributeError) as error:
            text = f"is not a recording of `hadir record`: {error}"
            raise ConfigError(Problem(file=str(path), line=1, text=text)) from error
        if self.gateway not in {gateway.id for gateway in self.office.gateways}:
            text = f'was made by gateway "{self.gateway}", which its own configuration does not have'
            raise ConfigError(Problem(file=str(path), line=1, text=text))

    def inputs(self, counters: Counters) -> Iterator[tuple[int, Input]]:
        """(when it was taken, input), in order; bad lines are counted, and the first of them named in `problems`."""
        self.problems = []
        for number, text in enumerate(self._lines(), start=3):
            try:
                if text is None:
                    raise ValueError(f"longer than {MAX_LINE} bytes")  # noqa: TRY301 one way for all bad lines
                yield parse(text)
            except ValueError as error:
                counters.add("recording.dropped", "bad_line")
                if len(self.problems) < MOST_PROBLEMS:
                    self.problems.append(Problem(file=str(self.path), line=number, text=f"{error}: left out"))

    def _lines(self) -> Iterator[bytes | None]:
        lines = Lines(MAX_LINE)
        with self.path.open("rb") as raw:
            raw.seek(self._body)
            while block := raw.read(1 << 16):
                yield from lines.feed(block)
            yield from lines.end()


def parse(text: bytes) -> tuple[int, Input]:
    """One line. Raises ValueError, which says what is wrong with it."""
    try:
        kind, at, fields = read_json(text, MAX_LINE)
        make = KINDS[kind]
        made: Input = make(**fields)
    except (PermanentError, ValueError, KeyError, TypeError) as error:
        raise ValueError("is not an input of the rules") from error
    if not _is_time(at):
        raise ValueError("its time is not ns since 1970")
    for name, check in _CHECKS[kind].items():
        value = getattr(made, name)
        if not check(value) and (kind, name, value) not in _EMPTY:
            raise ValueError(f"{kind}.{name} is not valid")
    if isinstance(made, Reading) and made.kind == "badge" and made.value is not True:
        raise ValueError("holds a raw credential")
    return at, made


def _facts(found: Any) -> dict[str, dict[str, Any]]:
    """Rule -> key -> body. Raises TypeError."""
    facts: dict[str, dict[str, Any]] = {}
    for rule, rows in found.items():
        if not isinstance(rows, dict) or not all(isinstance(body, dict) for body in rows.values()):
            raise TypeError(f"facts of {rule} are not objects")
        facts[rule] = rows
    return facts


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 64


def _is_value(value: object) -> bool:
    return value is None or isinstance(value, bool) or _is_number(value) or _is_text(value)


def _fits(pattern: str, *, empty: bool = False) -> Callable[[object], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and (compiled.fullmatch(value) is not None or (empty and not value))


_BY_TYPE: Mapping[Any, Callable[[Any], bool]] = {
    str: _is_text,
    int: _is_time,
    float: _is_number,
    bool: lambda value: type(value) is bool,
}
_BY_NAME: Mapping[str, Callable[[Any], bool]] = {
    "dev": _fits(IDENTIFIER),
    "receiver": _fits(IDENTIFIER),
    "place": _fits(PLACE),
    "person": _fits(PID, empty=True),
    "value": _is_value,
    "ref": lambda value: isinstance(value, str) and len(value) <= 200,
    "args": lambda value: isinstance(value, dict),
}
_EMPTY = [("Command", "place", "")]
"""A command that concerns no place: somebody opts out."""
_CHECKS: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    name: {field: _BY_NAME.get(field) or _BY_TYPE[hint] for field, hint in get_type_hints(kind).items()}
    for name, kind in KINDS.items()
}

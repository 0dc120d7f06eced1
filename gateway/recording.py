"""Recordings of hop 4: what the rules were given, with pseudonyms only, and enough around it to run them again.

{"hadir": "recording", "version": 1, "gateway": "gw-05", "office": {...}}      the configuration, as JSON
{"facts": {"desk": {"<place>": {...}}}}                                        what was known at the start
["Reading", 1795483802117000000, {...}]                                        an input and when it was taken
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.config.model import Office
from gateway.counters import Counters
from gateway.errors import ConfigError, Problem
from rules.api import Command, Health, Input, Life, Reading, Sighting

VERSION = 1
MAX_LINE = 64 * 1024
MOST_KEPT = 50_000
KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (Reading, Sighting, Health, Life, Command)}


class Tap:
    """Keeps what the rules are given while somebody records; nothing otherwise."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, str]] = deque(maxlen=MOST_KEPT)
        self._number = 0
        self.on = False

    def take(self, item: Input, at: int) -> None:
        """An input goes to the rules now."""
        if type(item).__name__ in KINDS:
            self._number += 1
            self._kept.append((self._number, line(item, at)))

    def after(self, cursor: int | None) -> dict[str, Any]:
        """Lines behind `cursor`; None begins. `lost`: lines that were pushed out before they were fetched."""
        self.on = True
        if cursor is None:
            return {"cursor": self._number, "lines": [], "lost": 0}
        oldest = self._kept[0][0] if self._kept else self._number + 1
        lines = [text for number, text in self._kept if number > cursor]
        return {"cursor": self._number, "lines": lines, "lost": max(0, oldest - cursor - 1) if lines else 0}


def line(item: Input, at: int) -> str:
    """One input as a line."""
    return json.dumps([type(item).__name__, at, item._asdict()], separators=(",", ":"))


def header(office: Office, gateway: str) -> str:
    """The first line of a recording."""
    return json.dumps(
        {"hadir": "recording", "version": VERSION, "gateway": gateway, "office": office.model_dump(mode="json")},
        separators=(",", ":"),
    )


class Recording:
    """A recording that is read."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError for a file that is not a recording."""
        self.path = path
        try:
            with path.open(encoding="utf-8") as lines:
                first = json.loads(lines.readline())
                second = json.loads(lines.readline() or '{"facts":{}}')
            self.gateway = str(first["gateway"])
            known = (first.get("hadir"), first.get("version")) == ("recording", VERSION)
            self.office = Office.model_validate(first["office"])
            self.facts: dict[str, dict[str, Any]] = dict(second["facts"])
        except OSError as error:
            text = f"cannot be read: {error.strerror}"
            raise ConfigError(Problem(file=str(path), line=None, text=text)) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            text = f"is not a recording of `hadir record`: {error}"
            raise ConfigError(Problem(file=str(path), line=1, text=text)) from error
        if not known:
            text = f"is not a recording of version {VERSION}"
            raise ConfigError(Problem(file=str(path), line=1, text=text))

    def inputs(self, counters: Counters) -> Iterator[tuple[int, Input]]:
        """(when it was taken, input), in order; bad lines are counted."""
        with self.path.open(encoding="utf-8") as lines:
            for number, text in enumerate(lines, start=1):
                if number <= 2:
                    continue
                made = parse(text) if len(text) <= MAX_LINE else None
                if made is None:
                    counters.add("recording.dropped", "bad_line")
                else:
                    yield made


def parse(text: str) -> tuple[int, Input] | None:
    """One line; None for a bad one."""
    try:
        kind, at, fields = json.loads(text)
        made: Input = KINDS[kind](**fields)
    except (ValueError, KeyError, TypeError):
        return None
    return (at, made) if isinstance(at, int) else None

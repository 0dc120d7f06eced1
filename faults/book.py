"""What was offered and what was accepted, written down outside the system: a line each, synced before it counts.

`offer` is durable before the action is handed to a device; `accept` when the gateway has answered that the action is
durable. What was offered and never accepted was refused or is in doubt: that is back-pressure and not loss.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Action(NamedTuple):
    """A card held to the reader of its own desk."""

    number: int
    card: int
    at: int
    """ns UTC, in whole milliseconds; rises from action to action."""


class Book:
    """Appends to a file; survives its own process."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.offered = self.accepted = 0

    def offer(self, actions: Iterable[Action]) -> None:
        self.offered += self._write("offer", actions)

    def accept(self, actions: Iterable[Action]) -> None:
        self.accepted += self._write("accept", actions)

    def close(self) -> None:
        os.close(self._handle)

    def _write(self, word: str, actions: Iterable[Action]) -> int:
        lines = [json.dumps([word, *action]) for action in actions]
        os.write(self._handle, "".join(f"{line}\n" for line in lines).encode())
        os.fdatasync(self._handle)
        return len(lines)


def read(path: Path) -> tuple[list[Action], set[int]]:
    """All offered actions in order, and the numbers of those that were accepted."""
    offered: list[Action] = []
    accepted: set[int] = set()
    for word, number, card, at in _lines(path):
        if word == "offer":
            offered.append(Action(number, card, at))
        else:
            accepted.add(number)
    return offered, accepted


def _lines(path: Path) -> Iterator[tuple[str, int, int, int]]:
    with path.open(encoding="ascii") as lines:
        for line in lines:
            word, number, card, at = json.loads(line)
            yield word, number, card, at

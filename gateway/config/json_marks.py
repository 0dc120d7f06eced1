"""Where the values of a JSON text stand, for lines in messages and for edits that leave the rest as it is."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from gateway.config.document import Where

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


class Span(NamedTuple):
    """`text[start:end]` is the value."""

    start: int
    end: int


def spans(text: str, depth: int) -> dict[Where, Span]:
    """Span of every value that is at most `depth` steps from the root. `text` is JSON that json.loads has read."""
    found: dict[Where, Span] = {}
    path: list[str | int] = []
    starts: list[tuple[int, bool]] = []  # where each open list or object begins, and whether it is an object
    key = False  # whether the next text is a name
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in "{[":
            starts.append((token.start(), word == "{"))
            path.append("" if word == "{" else 0)
            key = word == "{"
        elif word in "}]":
            path.pop()
            start, _ = starts.pop()
            if len(path) <= depth:
                found[tuple(path)] = Span(start, token.end())
            key = False
        elif word == ",":
            last = path[-1]
            key = starts[-1][1]
            if isinstance(last, int):
                path[-1] = last + 1
        elif word == ":":
            key = False
        elif key:
            path[-1] = _text(word)
        elif len(path) <= depth:
            found[tuple(path)] = Span(token.start(), token.end())
    return found


def _text(word: str) -> str:
    return str(json.loads(word)) if "\\" in word else word[1:-1]


def line(text: str, position: int) -> int:
    """Of the character at `position`, from 1."""
    return text.count("\n", 0, position) + 1

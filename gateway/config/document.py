"""A YAML document that remembers on which line each of its values stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import ConfigError, Problem

MAX_BYTES = 4 << 20
MAX_DEPTH = 32

Where = tuple[str | int, ...]
"""Keys and indices from the root to a value."""


class Document:
    """The parsed YAML, and the line on which each of its values stands."""

    def __init__(self, name: str, data: Any, lines: Mapping[Where, int]) -> None:
        self.name = name
        self.data = data
        self._lines = lines

    @classmethod
    def read(cls, path: Path) -> Document:
        name = str(path)
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise ConfigError(Problem(file=name, line=None, text=f"cannot be read: {error.strerror}")) from error
        if len(raw) > MAX_BYTES:
            text = f"has {len(raw)} bytes; the limit is {MAX_BYTES}"
            raise ConfigError(Problem(file=name, line=None, text=text))
        loader: yaml.SafeLoader | None = None
        try:
            loader = yaml.SafeLoader(raw)  # reads ahead: it raises on control characters already here
            root = loader.get_single_node()
            lines: dict[Where, int] = {}
            duplicates: list[Problem] = []
            if root is not None:
                _walk(root, (), lines, duplicates, name, depth=0)
            data = loader.construct_document(root) if root is not None else None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            what = getattr(error, "problem", None) or getattr(error, "reason", None) or "is not YAML"
            line = mark.line + 1 if mark is not None else None
            raise ConfigError(Problem(file=name, line=line, text=f"YAML: {what}")) from error
        except RecursionError as error:
            raise ConfigError(Problem(file=name, line=None, text="YAML: nested too deep")) from error
        finally:
            if loader is not None:
                loader.dispose()
        if duplicates:
            raise ConfigError(*duplicates)
        if not isinstance(data, dict):
            raise ConfigError(Problem(file=name, line=1, text="must be a mapping; start from `hadir init`"))
        return cls(name, data, lines)

    def line(self, path: Where) -> int | None:
        """Line of `path`, or of the nearest thing around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)

    def problem(self, path: Where, text: str) -> Problem:
        return Problem(file=self.name, line=self.line(path), text=text)


def _walk(
    node: yaml.Node, path: Where, lines: dict[Where, int], duplicates: list[Problem], name: str, depth: int
) -> None:
    if depth > MAX_DEPTH:
        raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=node.start_mark)
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            word = str(key.value)
            line = key.start_mark.line + 1
            if word in seen:
                duplicates.append(Problem(file=name, line=line, text=f'"{word}" is given twice; keep one'))
            seen.add(word)
            lines[(*path, word)] = line
            _walk(value, (*path, word), lines, duplicates, name, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*path, index), lines, duplicates, name, depth + 1)


def short(value: Any) -> Any:
    """`value` as text that is fit for a message."""
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "d-09"?` where something known is close to `word`, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""

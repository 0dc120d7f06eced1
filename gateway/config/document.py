"""A YAML document that remembers on which line each of its values stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from gateway.errors import ConfigError, Problem

MAX_BYTES = 4 << 20
MAX_DEPTH = 32
MAX_VALUES = 300_000
"""Values of one file, those behind aliases counted each time: nested aliases stand for billions."""

Where = tuple[str | int, ...]
"""Keys and indices from the root to a value."""

_TAG = "tag:yaml.org,2002:"
_PLAIN = frozenset(f"{_TAG}{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map"))
_CONTROL = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\ud800-\udfff]")
"""Written as escapes, YAML lets them through; no name, path or topic can have them."""


class _Loader(yaml.SafeLoader):
    """Numbers as people mean them. YAML 1.1 reads 18:00 as 1080, 017 as 15 and 2026-02-18 as a date: text here."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in found if tag.removeprefix(_TAG) not in ("int", "float", "timestamp")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,17})$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,17}|(?=\.[0-9]))(?:\.[0-9]{0,17})?(?:[eE][-+]?[0-9]{1,3})?$"),
    list("-+.0123456789"),
)


class Document:
    """The parsed YAML, and the line on which each of its values stands."""

    def __init__(self, name: str, data: dict[Any, Any], lines: Mapping[Where, int], problems: list[Problem]) -> None:
        self.name = name
        self.data = data
        self.problems = problems
        """Mistakes that leave the rest readable: keys that are given twice, keys that are no text."""
        self._lines = lines

    @classmethod
    def read(cls, path: Path) -> Document:
        """Raises ConfigError for what cannot be read as a mapping at all."""
        return cls.parse(bytes_of(path), str(path))

    @classmethod
    def parse(cls, raw: bytes, name: str) -> Document:
        """The document that `raw` is; `name` is the file's, for messages. Raises ConfigError as `read`."""
        loader: yaml.SafeLoader | None = None
        lines: dict[Where, int] = {}
        problems: list[Problem] = []
        try:
            loader = _Loader(raw)  # reads ahead: it raises on control characters already here
            root = loader.get_single_node()
            if root is not None:
                _Walk(lines, problems, name).over(root)
            data = loader.construct_document(root) if root is not None else None
        except yaml.reader.ReaderError as error:
            start = raw.decode("utf-8", "replace") if error.encoding == "unicode" else raw
            what = "a control character" if error.encoding == "unicode" else f"not {error.encoding} text"
            text = f"YAML: {what} ({error.reason})"
            raise ConfigError(Problem(file=name, line=_line_of(start, error.position), text=text)) from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            what = getattr(error, "problem", None) or "is not YAML"
            if "'\\t'" in what:
                what = "a tab stands here; YAML is indented with spaces"
            elif what == "but found another document":
                what = "a second document begins here; keep one"
            line = mark.line + 1 if mark is not None else None
            raise ConfigError(Problem(file=name, line=line, text=f"YAML: {what}")) from error
        except RecursionError as error:
            raise ConfigError(Problem(file=name, line=None, text="YAML: nested too deep")) from error
        except ValueError as error:  # `!!int x`
            raise ConfigError(Problem(file=name, line=None, text=f"YAML: {error}")) from error
        finally:
            if loader is not None:
                loader.dispose()
        if not isinstance(data, dict):
            text = "is empty" if data is None else "must be a mapping (name: value)"
            raise ConfigError(Problem(file=name, line=1, text=f"{text}; start from `hadir init`"))
        return cls(name, data, lines, problems)

    def line(self, path: Where) -> int | None:
        """Line of `path`, or of the nearest thing around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)

    def problem(self, path: Where, text: str) -> Problem:
        return Problem(file=self.name, line=self.line(path), text=text)


def bytes_of(path: Path, most: int = MAX_BYTES) -> bytes:
    """The file, and not more of it than is good for us. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except (OSError, ValueError) as error:
        text = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ConfigError(Problem(file=str(path), line=None, text=text)) from error
    if len(raw) > most:
        raise ConfigError(Problem(file=str(path), line=None, text=f"is larger than {most >> 20} MB"))
    return raw


def _line_of(text: str | bytes, position: int) -> int:
    start = text[:position]
    return 1 + (start.count("\n") if isinstance(start, str) else start.count(b"\n"))


def _last(path: Where) -> str:
    return short(next((step for step in reversed(path) if isinstance(step, str)), "a value"))


class _Walk:
    """Notes the line of every value, before anything is built from them."""

    def __init__(self, lines: dict[Where, int], problems: list[Problem], name: str) -> None:
        self._lines = lines
        self._problems = problems
        self._name = name
        self._values = 0

    def over(self, node: yaml.Node, path: Where = ()) -> None:
        """Raises yaml.YAMLError for what is too deep, too much, or tagged."""
        self._values += 1
        if len(path) > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=node.start_mark)
        if self._values > MAX_VALUES:
            text = f"more than {MAX_VALUES} values; aliases of aliases?"
            raise yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)
        if node.tag not in _PLAIN:
            text = f"the tag {node.tag.replace(_TAG, '!!')} is not used here"
            raise yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode) and _CONTROL.search(node.value):
            self._say(node.start_mark.line + 1, f"{_last(path)} has a control character in it")
        if isinstance(node, yaml.MappingNode):
            self._mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.over(value, (*path, index))

    def _mapping(self, node: yaml.MappingNode, path: Where) -> None:
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a name must be a word", problem_mark=key.start_mark)
            word = str(key.value)
            if word in seen:
                self._say(line, f'"{short(word)}" is given twice; keep one')
            elif key.tag != f"{_TAG}str" and word != "<<":
                self._say(line, f'the name {short(word)} is no text; put it in quotes: "{short(word)}"')
            seen.add(word)
            self._lines[(*path, word)] = line
            self.over(value, (*path, word))

    def _say(self, line: int, text: str) -> None:
        self._problems.append(Problem(file=self._name, line=line, text=text))


def short(value: Any) -> str:
    """`value` as text that is fit for a message: one line, not long."""
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "d-09"?` where something known is close to `word`, else nothing."""
    close = nearest(word, known)
    return "" if close is None else f'; did you mean "{close}"?'


def nearest(word: str, known: Iterable[str]) -> str | None:
    """What is known and close to `word`."""
    if len(word) > 100:
        return None
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None

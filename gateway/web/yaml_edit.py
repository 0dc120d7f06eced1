"""Edits of office.yaml that leave every comment, blank line and quote mark where they are.

A change is put into the text at the place where the value stands; nothing is dumped. Each change is checked: what the
new text means is what the old one meant, with exactly that change. Pure.
"""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from gateway.config.document import Document, Where
from gateway.errors import ConfigError

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


class EditError(ValueError):
    """The text cannot be changed there by us; its words say why, in English."""


@dataclass(frozen=True, slots=True)
class Put:
    """The setting `key` of the mapping at `where` becomes `value`: text, number, list of numbers, or switch."""

    where: Where
    key: str
    value: Any
    after: str = ""
    """A setting that is new is written after this one, if it is there; else at the end."""


@dataclass(frozen=True, slots=True)
class Append:
    """New items, flat mappings, at the end of the list that is the setting `key` of the mapping at `where`."""

    where: Where
    key: str
    items: tuple[Mapping[str, Any], ...]


Change = Put | Append


class _Edit(NamedTuple):
    """`text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str


def apply(text: str, changes: Sequence[Change]) -> str:
    """`text` with all changes, none of which may be about another's. Raises EditError; ConfigError for no mapping."""
    wanted = _parsed(text)
    for change in changes:
        _change(wanted, change)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    tree = _Tree(text, root)
    edits = sorted((tree.edit(change) for change in changes), key=lambda edit: edit[:2])
    made, done = [], 0
    for edit in edits:
        if edit.start < done:
            raise EditError("two changes are about the same setting")
        made += [text[done : edit.start], edit.new]
        done = edit.end
    new = "".join((*made, text[done:]))
    try:
        same = _parsed(new) == wanted
    except ConfigError:
        same = False
    if not same:
        names = ", ".join(_shown(change) for change in changes[:3])
        raise EditError(f"{names} cannot be written into the file as it is laid out; edit it by hand")
    return new


def diff(old: str, new: str, name: str) -> str:
    """A unified diff; empty where nothing changes."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"a/{name}", f"b/{name}", lineterm="", n=2)
    return "\n".join(lines)


# --- what a change means --------------------------------------------------------------------------------------------


def _parsed(text: str) -> dict[Any, Any]:
    return copy.deepcopy(Document.parse(text.encode(), "office.yaml").data)


def _change(data: dict[Any, Any], change: Change) -> None:
    target: Any = data
    try:
        for step in change.where:
            target = target[step]
        if isinstance(change, Put):
            target[change.key] = _plain(change.value)
        else:
            target[change.key] = [*(target.get(change.key) or ()), *map(dict, change.items)]
    except (LookupError, TypeError, AttributeError) as error:
        raise EditError(f"{_shown(change)}: there is nothing of this name") from error


def _plain(value: Any) -> Any:
    """As YAML gives it back."""
    return list(value) if isinstance(value, tuple) else value


def _shown(change: Change) -> str:
    return ".".join(str(step) for step in (*change.where, change.key))


# --- where it stands ------------------------------------------------------------------------------------------------


class _Tree:
    """The nodes of a text, and what has to be written where."""

    def __init__(self, text: str, root: yaml.Node | None) -> None:
        self._text = text
        self._root = root
        self._shared = _shared(root)

    def edit(self, change: Change) -> _Edit:
        """Raises EditError where an alias stands on the way."""
        node = self._mapping(change)
        pair = _pair(node, change.key)
        if pair is not None and id(pair[1]) in self._shared:
            raise EditError(f"{_shown(change)} is shared by an alias (*name); edit the file by hand")
        return self._put(node, pair, change) if isinstance(change, Put) else self._append(node, pair, change)

    def _mapping(self, change: Change) -> yaml.MappingNode:
        """The mapping in which something changes."""
        node: Any = self._root
        for step in change.where:
            if isinstance(node, yaml.MappingNode):
                node = next((value for key, value in node.value if key.value == step), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
            else:
                node = None
            if id(node) in self._shared:
                raise EditError(f"{_shown(change)} is shared by an alias (*name); edit the file by hand")
        if not isinstance(node, yaml.MappingNode):
            raise EditError(f"{_shown(change)}: there is no mapping to write it into")
        return node

    def _put(self, node: yaml.MappingNode, pair: tuple[yaml.Node, yaml.Node] | None, change: Put) -> _Edit:
        written = _flow(change.value)
        if pair is None:
            return self._insert(node, f"{change.key}: {written}", change.after)
        name, value = pair
        start, end = int(value.start_mark.index), self._end(value)
        block = isinstance(value, yaml.CollectionNode) and not value.flow_style
        if block or start == end:  # what follows becomes a word on the line of the name
            start = self._text.index(":", int(name.end_mark.index)) + 1
            kept = "".join(f"\n{line}" for line in self._comments(start, end, value)) if block else ""
            return _Edit(start, end if block else start, f" {written}{kept}")
        return _Edit(start, end, written)

    def _append(self, node: yaml.MappingNode, pair: tuple[yaml.Node, yaml.Node] | None, change: Append) -> _Edit:
        items = [_flow(item) for item in change.items]
        in_line = ", ".join(items)
        if pair is None:
            if node.flow_style or not node.value:
                return self._insert(node, f"{change.key}: [{in_line}]", "")
            indent = " " * int(node.value[0][0].start_mark.column)
            return self._insert(node, "\n".join((f"{change.key}:", *(f"{indent}  - {item}" for item in items))), "")
        _, value = pair
        if not isinstance(value, yaml.SequenceNode):
            return self._put(node, pair, Put(change.where, change.key, list(change.items)))
        if not value.value:
            at = int(value.start_mark.index) + 1
            return _Edit(at, at, in_line)
        at = self._end(value.value[-1])
        if value.flow_style:
            return _Edit(at, at, f", {in_line}")
        indent = " " * int(value.start_mark.column)
        return self._line_after(at, "\n".join(f"{indent}- {item}" for item in items))

    def _insert(self, node: yaml.MappingNode, written: str, after: str) -> _Edit:
        """`written` as a new setting of `node`."""
        start = int(node.start_mark.index)
        if not node.value:
            return _Edit(start + 1, start + 1, written)
        _, value = (_pair(node, after) if after else None) or node.value[-1]
        if id(value) in self._shared:
            raise EditError("the setting before a new one is an alias; edit the file by hand")
        at = self._end(value)
        if node.flow_style:
            return _Edit(at, at, f", {written}")
        return self._line_after(at, " " * int(node.value[0][0].start_mark.column) + written)

    def _comments(self, start: int, end: int, value: yaml.Node) -> Iterator[str]:
        """Lines in [start, end), which `value` takes, that are comments and nothing else."""
        texts = list(_texts(value))
        at = self._text.find("\n", start, end) + 1
        while 0 < at < end:
            until = self._text.find("\n", at)
            line = self._text[at : until if until >= 0 else len(self._text)]
            if line.lstrip().startswith("#") and not any(first <= at < last for first, last in texts):
                yield line
            at = until + 1

    def _end(self, node: yaml.Node) -> int:
        """Where a value ends. A block's own mark is where the next thing begins, after comments."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return self._end(last[1] if isinstance(node, yaml.MappingNode) else last)
        end = int(node.end_mark.index)
        if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
            return len(self._text[:end].rstrip())
        return end

    def _line_after(self, at: int, lines: str) -> _Edit:
        """Lines after the one on which position `at` is, whose comment stays with it."""
        end = self._text.find("\n", at)
        if end < 0:
            return _Edit(len(self._text), len(self._text), f"\n{lines}\n")
        newline = "\r\n" if self._text[end - 1 : end] == "\r" else "\n"
        return _Edit(end + 1, end + 1, (lines + "\n").replace("\n", newline))


def _shared(root: yaml.Node | None) -> set[int]:
    """Nodes that stand at several places of the tree."""
    seen: set[int] = set()
    twice: set[int] = set()
    left = [root] if root is not None else []
    while left:
        node = left.pop()
        if id(node) in seen:
            twice.add(id(node))
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            left += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            left += node.value
    return twice


def _texts(node: yaml.Node) -> Iterator[tuple[int, int]]:
    """Where the words of a value stand: what looks like a comment in them is none."""
    if isinstance(node, yaml.ScalarNode):
        yield int(node.start_mark.index), int(node.end_mark.index)
    elif isinstance(node, yaml.CollectionNode):
        for part in node.value:
            for one in part if isinstance(part, tuple) else (part,):
                yield from _texts(one)


def _pair(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next(((name, value) for name, value in node.value if name.value == key), None)


def _flow(value: Any) -> str:
    """A value as it is written within a line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else repr(value)
    if _PLAIN.fullmatch(value) and value.casefold() not in _WORDS:
        return str(value)
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(character if character.isprintable() else f"\\U{ord(character):08x}" for character in quoted)

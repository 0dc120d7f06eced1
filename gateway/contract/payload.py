"""Bytes from outside become JSON: limits first, then the parser, and no trick that two parsers read differently."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from pydantic_core import from_json, to_json

from gateway.errors import PermanentError

MAX_EVENT = 8 * 1024
MAX_BATCH = 64 * 1024
MAX_IN_BATCH = 100
MAX_DEPTH = 16
_TOKENS = re.compile(rb'"(?>[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
"""Strings, so that what stands in them is passed over, and what structures JSON. Linear for any input."""
_HEAD = b'{"specversion":'
_FIRST, _NEXT = b"[" + _HEAD, b"," + _HEAD
_OPEN, _CLOSE = frozenset((b"[", b"{")), frozenset((b"]", b"}"))


def read_json(payload: bytes, limit: int = MAX_BATCH) -> Any:
    """The value in `payload`. Raises PermanentError: too_big, too_deep, not_json.

    Refused as not_json: bytes that are not UTF-8, NaN and infinity (also 1e999), a key that is given twice, and half
    of a surrogate pair, which no other system could store.
    """
    if len(payload) > limit:
        raise PermanentError("too_big", f"{len(payload)} bytes, at most {limit} are taken")
    if payload.count(b"{") + payload.count(b"[") > MAX_DEPTH:
        _check_depth(payload)
    if (plain := _as_we_write(payload)) is not None:
        return plain
    try:
        value = _DECODER.decode(str(payload, "utf-8"))
        if b"\\u" in payload:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise PermanentError("not_json", str(error)[:100]) from error
    return value


def _as_we_write(payload: bytes) -> Any:
    """The value of JSON that is written as we write it: in half of the time. None: look closer.

    What comes out the same when it is written again has no key twice, no number that is none, no half of a pair.
    """
    try:
        value = from_json(payload, allow_inf_nan=False)
        return value if to_json(value) == payload else None
    except ValueError:
        return None


def quick_split(payload: bytes) -> list[bytes]:
    """The items of a batch as gateways write them; right when each of them is valid JSON, and empty for other batches.

    Valid items with commas between them are a batch in one way only.
    """
    if not payload.startswith(_FIRST) or not payload.endswith(b"}]") or len(payload) > MAX_BATCH:
        return []
    items = payload[len(_FIRST) : -1].split(_NEXT)
    return [_HEAD + item for item in items] if len(items) <= MAX_IN_BATCH else []


def split_batch(payload: bytes) -> list[bytes]:
    """The items of a JSON array, each as its own unchanged bytes. Raises PermanentError.

    Items are not parsed: one that is not valid JSON does not lose the others, as long as its brackets match.
    """
    if len(payload) > MAX_BATCH:
        raise PermanentError("too_big", f"{len(payload)} bytes, at most {MAX_BATCH} are taken")
    text = payload.strip(b" \t\r\n")
    if text[:1] != b"[" or text[-1:] != b"]":
        raise PermanentError("not_json", "a batch is a JSON array")
    depth, start, end = 0, 1, len(text) - 1
    cuts: list[bytes] = []
    for found in _TOKENS.finditer(text):
        token = found[0]
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth -= 1
            if depth == 0 and found.start() != end:
                raise PermanentError("not_json", "something follows the batch")
        elif token == b"," and depth == 1:
            cuts.append(text[start : found.start()].strip(b" \t\r\n"))
            start = found.end()
    if depth != 0:
        raise PermanentError("not_json", "brackets do not match")
    last = text[start:end].strip(b" \t\r\n")
    if last or cuts:
        cuts.append(last)
    if len(cuts) > MAX_IN_BATCH:
        raise PermanentError("too_big", f"{len(cuts)} items, at most {MAX_IN_BATCH} are taken")
    return cuts


def _check_depth(payload: bytes) -> None:
    depth = 0
    for found in _TOKENS.finditer(payload):
        token = found[0]
        if token in _OPEN:
            depth += 1
            if depth > MAX_DEPTH:
                raise PermanentError("too_deep", f"more than {MAX_DEPTH} levels")
        elif token in _CLOSE:
            depth -= 1


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is given twice")
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)

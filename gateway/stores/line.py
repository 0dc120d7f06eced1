"""InfluxDB line protocol: validated before it is sent, because VictoriaMetrics answers 204 to garbage.

Stricter than the protocol where servers differ: a backslash or a control character in a name or tag is refused, since
InfluxDB 1 keeps a backslash and VictoriaMetrics reads it as an escape. Fields are numbers; a truth value is 1 or 0, so
that a field has one type in every store.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeVar

from gateway.errors import PermanentError
from gateway.stores.base import BadPoints, Point

LONGEST = 256
"""Characters of a name or a tag's value."""
_INT64 = 2**63
_T = TypeVar("_T")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FORBIDDEN = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ESCAPED = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})


def line(point: Point) -> str:
    """One point as a line, without its end; tags in order of their names. Raises PermanentError("bad_point")."""
    _name(point.measurement)
    if not point.fields:
        raise _bad("no field")
    head = [point.measurement]
    for name, value in _unique(point.tags):
        if not value or len(value) > LONGEST or _FORBIDDEN.search(value):
            raise _bad(f"tag {name} has a value that cannot be carried: {value[:40]!r}")
        head.append(f"{name}={value.translate(_ESCAPED)}")
    fields = ",".join(f"{name}={_number(name, value)}" for name, value in _unique(point.fields))
    if type(point.time) is not int or not 0 <= point.time < _INT64:
        raise _bad("time is not ns between 1970 and 2262")
    return f"{','.join(head)} {fields} {point.time}"


def lines(points: Sequence[Point]) -> list[str]:
    """All points as lines. Raises BadPoints with the positions of all that are not valid."""
    out: list[str] = []
    bad: dict[int, str] = {}
    for at, point in enumerate(points):
        try:
            out.append(line(point))
        except PermanentError as error:
            bad[at] = str(error)
    if bad:
        raise BadPoints("bad_point", next(iter(bad.values())), bad=tuple(bad))
    return out


def _unique(pairs: Sequence[tuple[str, _T]]) -> list[tuple[str, _T]]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise _bad("a name stands twice")
    for name in names:
        _name(name)
        if name == "time":
            raise _bad("`time` is reserved")
    return sorted(pairs, key=lambda pair: pair[0])


def _name(text: str) -> None:
    if not _NAME.fullmatch(text):
        raise _bad(f"{text[:40]!r} is not a name: lower case letters, digits, _")


def _number(name: str, value: float | int | bool) -> str:
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise _bad(f"{name} has more than 64 bits")
        return f"{int(value)}i"
    if not isinstance(value, float) or not math.isfinite(value):
        raise _bad(f"{name} is not a finite number")
    return repr(value)


def _bad(text: str) -> PermanentError:
    return PermanentError("bad_point", text)

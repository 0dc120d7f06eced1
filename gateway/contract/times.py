"""Times of the contract: RFC 3339 in UTC with milliseconds on the wire, ns since 1970 inside."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from gateway.clock import SECOND, parse_rfc3339, rfc3339
from gateway.contract.fields import TIME
from gateway.errors import PermanentError

LATEST = 2**63 - 1
"""What a database's integer holds: the year 2262."""
LONGEST = 30
"""Characters of a time with nanoseconds: nothing longer rests in a cache."""
_TIME = re.compile(TIME)


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return rfc3339(seconds * SECOND)[:-4]


@lru_cache(maxsize=1024)
def _millisecond(number: int) -> str:
    """One event names a moment two or three times, and a batch records all of its events at one."""
    seconds, rest = divmod(number, 1000)
    return f"{_second(seconds)}{rest:03d}Z"


def written(ns: Any) -> str:
    """`2026-11-24T01:30:02.117Z` of ns. Raises PermanentError for what is no time between 1970 and 2262."""
    if type(ns) is not int or not 0 <= ns <= LATEST:
        raise PermanentError("invalid", "a time is ns since 1970, and before 2262")
    return _millisecond(ns // 1_000_000)


def parsed(text: Any) -> int:
    """ns of a time on the wire. Raises PermanentError."""
    if not isinstance(text, str) or len(text) > LONGEST:
        raise PermanentError("invalid", "a time is RFC 3339 in UTC, for example 2026-11-24T01:30:02.117Z")
    return _parsed(text)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> int:
    """One event names a moment two or three times, and a batch many of them."""
    if not _TIME.fullmatch(text):
        raise PermanentError("invalid", "a time is RFC 3339 in UTC, for example 2026-11-24T01:30:02.117Z")
    try:
        ns = parse_rfc3339(text)
    except ValueError as error:
        raise PermanentError("invalid", "no such day or time of day") from error
    if not 0 <= ns <= LATEST:
        raise PermanentError("invalid", "a time lies between 1970 and 2262")
    return ns

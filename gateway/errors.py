"""Errors by remedy: the type says what the caller should do, the attributes say about what.

drivers.api.DecodeError      drop the frame and count it
HadirError
  ConfigError                fix the file; raised only before a daemon starts
  TransientError             try again later, with full jitter
  PermanentError             set the item aside (dead letters) and count it
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


class HadirError(Exception):
    """Anything that hadir itself raises on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a file, in words that say where it is and what to do."""

    file: str
    line: int | None
    text: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.text}"


class ConfigError(HadirError):
    """The configuration cannot be used. `problems` lists every mistake that was found, not only the first."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class TransientError(HadirError):
    """It did not work now and may work later: broker away, disk full, store slow.

    `sign`: returns when there is a reason to try at once: what was missing has appeared. None: nobody would tell.
    """

    def __init__(self, text: str, *, sign: Callable[[], Awaitable[None]] | None = None) -> None:
        super().__init__(text)
        self.sign = sign


class PermanentError(HadirError):
    """It will never work: refused by the archive, too big, not valid. `reason` is stable and countable."""

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(f"{reason}: {text}" if text else reason)
        self.reason = reason

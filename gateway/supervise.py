"""Keeps a component running: retry with full jitter, around the component and never inside it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.errors import TransientError

_log = logging.getLogger(__name__)
_jitter = random.Random()
"""Nobody gains by guessing it; and an event that goes out asks for it."""

FIRST_S = 0.5
LONGEST_S = 30.0
SETTLED_S = 60.0
"""After so long without a failure the next one counts as the first again."""


def full_jitter(attempt: int, *, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> float:
    """Seconds to wait before try `attempt` (0 is the first retry): anything up to a ceiling that doubles."""
    return _jitter.uniform(0.0, min(longest_s, first_s * 2 ** min(attempt, 16)))


async def keep(
    name: str,
    run: Callable[[], Awaitable[None]],
    clock: Clock,
    counters: Counters,
    *,
    first_s: float = FIRST_S,
    longest_s: float = LONGEST_S,
) -> None:
    """Run `run` for ever: again after each TransientError, until cancelled. Other errors are bugs and go up.

    An error that has a sign is tried again when it comes, before the pause is over: what was plugged in again, or was
    started again, should not wait for the dice.

    A run that returns has nothing more to do (the end of a recording).
    """
    attempt, told = 0, False
    while True:
        started = clock.machine()
        try:
            await run()
        except TransientError as error:
            if clock.machine() - started > SETTLED_S * SECOND:
                attempt, told = 0, False
            counters.add("supervise.restarts")
            if not told:  # once a trouble, not once a try: an unplugged line must not fill the journal
                _log.warning("%s: %s; trying again", name, error)
            told = True
            signed = await _pause(full_jitter(attempt, first_s=first_s, longest_s=longest_s), error.sign)
            attempt = 0 if signed else attempt + 1
        else:
            return


async def _pause(seconds: float, sign: Callable[[], Awaitable[None]] | None) -> bool:
    """Sleep; True when a sign came meanwhile."""
    if sign is None:
        await asyncio.sleep(seconds)
        return False
    try:
        async with asyncio.timeout(seconds):
            await sign()
    except TimeoutError:
        return False
    return True

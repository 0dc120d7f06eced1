"""Components that fail and are run again."""

from __future__ import annotations

import asyncio

import pytest

from gateway.clock import SystemClock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.supervise import keep


async def test_a_sign_ends_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.supervise.full_jitter", lambda *_, **__: 3600.0)
    failed, plugged, tries, counters = asyncio.Event(), asyncio.Event(), list[int](), Counters()

    async def run() -> None:
        tries.append(1)
        failed.set()
        if not plugged.is_set():
            raise TransientError("nothing is there", sign=sign)

    async def sign() -> None:
        await plugged.wait()

    kept = asyncio.create_task(keep("line", run, SystemClock(), counters))
    await failed.wait()
    plugged.set()
    await asyncio.wait_for(kept, 5)
    assert len(tries) == 2
    assert counters.get("supervise.restarts") == 1


async def test_a_sign_that_does_not_come_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[int]()

    def dice(attempt: int, **_: float) -> float:
        asked.append(attempt)
        return 0.001

    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("gateway.supervise.full_jitter", dice)
    left = [TransientError("a", sign=never), TransientError("b"), TransientError("c", sign=never)]

    async def run() -> None:
        if left:
            raise left.pop()

    await asyncio.wait_for(keep("line", run, SystemClock(), Counters()), 5)
    assert asked == [0, 1, 2]

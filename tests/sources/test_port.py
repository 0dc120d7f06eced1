"""Names of plugged-in devices: when they lead elsewhere, and when something appears under them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.sources import port as ports
from gateway.sources.port import SURE_S, Port


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "SETTLE_S", 0.01)
    monkeypatch.setattr(ports, "LOOK_S", 0.01)


@pytest.fixture
def name(tmp_path: Path) -> Path:
    for number in range(2):
        (tmp_path / f"ttyUSB{number}").touch()
    lead(tmp_path / "by-id", 0)
    return tmp_path / "by-id"


@pytest.fixture
def handle(name: Path) -> Iterator[int]:
    opened = os.open(name, os.O_RDONLY)
    yield opened
    os.close(opened)


def lead(name: Path, number: int | None) -> None:
    name.unlink(missing_ok=True)
    if number is not None:
        name.symlink_to(name.with_name(f"ttyUSB{number}"))


def give(name: Path) -> None:
    """As udev gives a node to its group."""
    name.resolve().chmod(0o660)


async def test_a_name_that_moves_while_udev_is_at_work_is_not_believed(name: Path, handle: int) -> None:
    clock, port = ManualClock(0, 0), Port(str(name))
    port.tries()
    assert await port.settled(handle, clock)
    lead(name, 1)
    assert not await port.settled(handle, clock)
    lead(name, None)
    assert not await port.settled(handle, clock)


async def test_a_twin_that_takes_the_name_later_does_not_take_the_line(name: Path, handle: int) -> None:
    clock, port = ManualClock(0, 0), Port(str(name))
    port.tries()
    assert await port.settled(handle, clock)
    lead(name, 1)
    assert not port.holds(handle, clock)
    lead(name, 0)
    clock.advance(SURE_S + 1)
    assert port.holds(handle, clock)
    lead(name, 1)
    assert port.holds(handle, clock)


async def test_what_was_tried_does_not_appear_and_what_comes_next_does(name: Path) -> None:
    port = Port(str(name))
    port.tries()
    waiting = asyncio.create_task(port.appears())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    lead(name, None)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    lead(name, 1)
    await asyncio.wait_for(waiting, 5)


async def test_a_node_that_udev_gives_away_is_worth_another_try(name: Path) -> None:
    """First it is root's, then the group's: the first try may have come too early."""
    port = Port(str(name))
    port.tries()
    waiting = asyncio.create_task(port.appears())
    await asyncio.sleep(0.05)
    give(name)
    await asyncio.wait_for(waiting, 5)

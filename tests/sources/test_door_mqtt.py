"""A door system behind a real Mosquitto: taps, outages, crashes before they were durable, rubbish."""

from __future__ import annotations

import asyncio

from firmware_sim import door_system
from gateway.clock import SECOND, SystemClock
from gateway.config.sources import DoorFields
from gateway.counters import Counters
from gateway.sources.door_mqtt import DoorMqttSource
from tests.conftest import Mosquitto
from tests.delivery.links import Wire
from tests.sources.brokers import link, publish, running
from tests.sources.conftest import soon
from tests.sources.doors import FIELDS, READERS, UNDATED, tap, taps

TOPIC = "acs/site-1/events"


def source(port: int, counters: Counters, fields: DoorFields = FIELDS, expiry_s: int = 86_400) -> DoorMqttSource:
    behind = link(port, counters, client_id="hadir-demo-gw-01-door", expiry_s=expiry_s)
    return DoorMqttSource("door", behind, "acs/+/events", taps(counters, behind.state, fields))


async def say(port: int, *bodies: bytes, retain: bool = False, qos: int = 1) -> None:
    await publish(port, [(TOPIC, body, retain) for body in bodies], qos=qos)


async def test_a_tap_becomes_a_frame(mosquitto: Mosquitto) -> None:
    counters = Counters()
    door = source(mosquitto.port, counters)
    async with running(door, counters) as taken:
        before = SystemClock().office()
        await say(mosquitto.port, door_system.message(tap(1)), door_system.message(tap(2), tap(3)))
        frames = await taken.count(3)
        assert [frame.payload for frame in frames] == [b"1;5001", b"1;5002", b"1;5003"]
        assert frames[0][:3] == ("door", "door", READERS[1])
        assert before <= frames[0].received_at <= SystemClock().office()
        assert door.state.frames == 3
    assert not counters.snapshot()
    assert not door.state.up


async def test_what_came_while_we_were_away_is_taken_with_its_own_time(mosquitto: Mosquitto) -> None:
    counters = Counters()
    async with running(source(mosquitto.port, counters), counters):
        pass  # the broker knows us now
    hour_ago = SystemClock().office() - 3600 * SECOND
    await say(mosquitto.port, door_system.message(tap(1, hour_ago)))
    async with running(source(mosquitto.port, counters), counters) as taken:
        (frame,) = await taken.count(1)
        assert abs(frame.received_at - hour_ago) < SECOND  # milliseconds are written
        assert abs(SystemClock().machine() - frame.machine_at - 3600 * SECOND) < 60 * SECOND
    assert not counters.snapshot()


async def test_what_was_not_durable_comes_again_after_a_crash(mosquitto: Mosquitto) -> None:
    counters = Counters()
    async with running(source(mosquitto.port, counters), counters, at_once=False) as taken:
        await say(mosquitto.port, door_system.message(tap(1), tap(2)))
        await taken.count(2)
        taken.waiting[0]()  # half of a message is none
    async with running(source(mosquitto.port, counters), counters) as taken:
        frames = await taken.count(2)
        assert [frame.payload for frame in frames] == [b"1;5001", b"1;5002"]
    async with running(source(mosquitto.port, counters), counters) as taken:  # it was acknowledged
        await say(mosquitto.port, door_system.message(tap(3)))
        await taken.count(1)
        assert [frame.payload for frame in taken.frames] == [b"1;5003"]


async def test_a_broker_that_sends_again_costs_no_second_tap(mosquitto: Mosquitto) -> None:
    counters = Counters()
    async with (
        Wire(mosquitto.port).open() as wire,
        running(source(wire.port, counters), counters, at_once=False) as taken,
    ):
        await say(mosquitto.port, door_system.message(tap(1)))
        await taken.count(1)
        wire.cut()
        await soon(lambda: counters.get("door.repeated") == 1)
        taken.waiting[0]()
        await say(mosquitto.port, door_system.message(tap(2)))
        frames = await taken.count(2)
        assert [frame.payload for frame in frames] == [b"1;5001", b"1;5002"]


async def test_rubbish_is_counted_acknowledged_and_in_nobodys_way(mosquitto: Mosquitto) -> None:
    counters = Counters()
    door = source(mosquitto.port, counters)
    await say(mosquitto.port, door_system.message(tap(9)), retain=True)
    async with running(door, counters) as taken:
        await say(
            mosquitto.port,
            b"",
            b"not json",
            b'"text"',
            b"{}",
            b"[" * 40,
            b"[]",
            b'[{"door":{"reader":"Desk 12"},"card":{"number":[1]}}]',
            b"x" * 70_000,
            door_system.message(tap(1, reader="Car park")),
            door_system.message(tap(2, SystemClock().office() - 90_000 * SECOND)),
            door_system.message(tap(3)),
        )
        (frame,) = await taken.count(1)
        assert frame.payload == b"1;5003"
    assert counters.snapshot() == {
        "door.dropped{bad_field}": 1,
        "door.dropped{no_reader}": 1,
        "door.dropped{not_event}": 1,
        "door.dropped{not_json}": 2,
        "door.dropped{old}": 1,
        "door.dropped{retained}": 1,
        "door.dropped{too_big}": 1,
        "door.dropped{too_deep}": 1,
        "door.dropped{unbound}": 1,
    }
    async with running(source(mosquitto.port, counters), counters) as taken:  # nothing comes again, but what is kept
        await soon(lambda: counters.get("door.dropped", "retained") == 2)
        assert not taken.frames


async def test_undated_events_are_taken_as_they_come(mosquitto: Mosquitto) -> None:
    counters = Counters()
    async with running(source(mosquitto.port, counters, UNDATED, expiry_s=10), counters) as taken:
        await say(mosquitto.port, door_system.message(tap(1, 0)), qos=0)
        await say(mosquitto.port, door_system.message(tap(1, 0)), qos=0)
        frames = await taken.count(2)
        assert all(SystemClock().office() - frame.received_at < 60 * SECOND for frame in frames)


async def test_a_broker_that_is_away_is_seen(mosquitto: Mosquitto) -> None:
    counters = Counters()
    door = source(mosquitto.port, counters)
    async with running(door, counters) as taken:
        mosquitto.stop()
        await soon(lambda: door.state.cause == "broker")
        mosquitto.start()
        await soon(lambda: door.state.up)
        await asyncio.sleep(0)
        await say(mosquitto.port, door_system.message(tap(1)))
        await taken.count(1)

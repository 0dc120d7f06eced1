"""The publisher when the broker dies, freezes, refuses or takes little, and when the archive keeps silent for long."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from gateway.contract.acks import BootAck, Refusal
from gateway.outbox import Outbox
from tests.conftest import Mosquitto
from tests.delivery.lanes import HISTORY, LIVE, Gateway, Key, archive, keys, leave
from tests.delivery.links import MakeBroker, access, frozen
from tests.delivery.world import BOOT, act, sense, telemetry, until

OLD = "000000-0001"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent again after a minute is sent again soon."""
    monkeypatch.setattr("gateway.outstanding.RESEND_S", 0.2)
    monkeypatch.setattr("gateway.outstanding.TOGETHER_S", 0.1)
    monkeypatch.setattr("gateway.publisher.LOOK_S", 0.2)


# --- a broker that is lost -------------------------------------------------------------------------------------------


async def test_nothing_is_lost_when_the_broker_is_killed_and_frozen(mosquitto: Mosquitto, tmp_path: Path) -> None:
    gateway = Gateway(mosquitto.port, tmp_path, frozen_after_s=1)
    made = 0

    async def work(outbox: Outbox) -> None:
        nonlocal made
        while True:
            await outbox.append([telemetry(made), act(made)], ())
            made += 2

    stored: Counter[Key] = Counter()
    async with gateway.running() as outbox:
        worker = asyncio.create_task(work(outbox))
        for trouble in ("kill", "freeze", "kill"):
            async with archive(mosquitto.port) as there:
                await there.say()
                before = gateway.publisher.published
                await until(lambda before=before, there=there: gateway.publisher.published > before and there.heard)
                await asyncio.sleep(0.1)
            stored += there.times
            if trouble == "kill":
                mosquitto.kill()
                await until(lambda: not gateway.link.state.connected)
                mosquitto.start()
            else:
                with frozen(mosquitto):
                    await until(lambda: not gateway.link.state.connected)
                    assert "frozen" in gateway.link.state.reason
            await until(lambda: gateway.link.state.connected)
        worker.cancel()
        await asyncio.wait((worker,))
        async with archive(mosquitto.port) as there:
            await there.say()
            await gateway.empty()
        stored += there.times
        assert set(stored) == set(keys(*range(1, outbox.last_sequence + 1)))
        assert outbox.waiting == 0
    assert made > 100


# --- a broker that refuses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "what", "topic"),
    [
        ("who", "live who", "hadir/v1/who/ikn/bkn/gw-1/desk.checkin.started"),
        ("whohist", "history who", "hadir/v1/whohist/ikn/bkn/gw-1"),
    ],
)
async def test_a_refusal_is_a_state_and_stops_nobody_else(
    make_mosquitto: MakeBroker, tmp_path: Path, cls: str, what: str, topic: str
) -> None:
    allowed = {*LIVE, *HISTORY, "ack", "gw"} - {cls}
    broker = make_mosquitto(extra=access(tmp_path, *(f"readwrite hadir/v1/{name}/#" for name in allowed)))
    await leave(tmp_path, act(), telemetry(), sense(), boot=OLD)
    gateway = Gateway(broker.port, tmp_path)
    async with archive(broker.port), gateway.running() as outbox:
        await outbox.append([act(), telemetry(), sense()], ())
        await until(lambda: outbox.waiting == 1)
        (left,) = await outbox.pending()
        assert (left.cls, left.boot) == ("who", BOOT if cls == "who" else OLD)
        assert gateway.publisher.refused == {topic: f"refused: {topic}: Not authorized"}
        assert gateway.counters.get("publisher.refused") == gateway.counters.get("publisher.refused", what) == 1
        assert gateway.link.state.connects == 1


async def test_a_batch_that_the_broker_refuses_holds_up_no_other(make_mosquitto: MakeBroker, tmp_path: Path) -> None:
    """Also where the broker ends the connection behind each refusal, and all that was out has to go again."""
    rules = ("readwrite hadir/#", "deny hadir/v1/whohist/ikn/aaa/#")
    broker = make_mosquitto(extra=access(tmp_path, *rules, cuts=True))
    await leave(tmp_path, act(1, unit="aaa"), act(2, unit="bbb"), telemetry(3), boot=OLD)
    gateway = Gateway(broker.port, tmp_path)
    async with archive(broker.port) as there, gateway.running() as outbox:
        await outbox.append([telemetry(n) for n in range(10)], ())
        await until(lambda: outbox.waiting == 1)
        assert await gateway.waiting() == [1]
        assert set(there.times) == set(keys(2, 3, boot=OLD)) | set(keys(*range(1, 11)))
        assert gateway.counters.get("publisher.refused", "history who") >= 1
        assert list(gateway.publisher.refused) == ["hadir/v1/whohist/ikn/aaa/gw-1"]


@pytest.mark.usefixtures("impatient")
async def test_what_was_refused_goes_when_it_is_allowed(make_mosquitto: MakeBroker, tmp_path: Path) -> None:
    everything = "readwrite hadir/#"
    broker = make_mosquitto(extra=access(tmp_path, everything, "deny hadir/v1/who/#", "deny hadir/v1/whohist/#"))
    await leave(tmp_path, *(act(n) for n in range(250)), boot=OLD)
    gateway = Gateway(broker.port, tmp_path)
    async with archive(broker.port) as there, gateway.running() as outbox:
        await outbox.append([act(), telemetry()], ())
        await until(lambda: len(gateway.publisher.refused) == 2 and outbox.waiting == 251)
        access(tmp_path, everything)
        assert broker.process is not None
        os.kill(broker.process.pid, signal.SIGHUP)
        await gateway.empty()
        assert list(gateway.publisher.refused) == ["hadir/v1/who/ikn/bkn/gw-1/desk.checkin.started"]
        await outbox.append([act()], ())
        await gateway.empty()
        assert gateway.publisher.refused == {}
    assert sorted(there.history) == sorted(keys(*range(1, 251), boot=OLD) + keys(1))
    assert there.live == keys(2, 3)


async def test_batches_fit_what_the_broker_takes(make_mosquitto: MakeBroker, tmp_path: Path) -> None:
    broker = make_mosquitto(extra="max_packet_size 10000\n")
    await leave(tmp_path, *(telemetry(n, padding=8) for n in range(100)), boot=OLD)
    gateway = Gateway(broker.port, tmp_path)
    async with archive(broker.port) as there, gateway.running():
        await gateway.empty()
    assert sorted(there.history) == keys(*range(1, 101), boot=OLD)
    assert gateway.publisher.refused == {}


async def test_what_is_larger_than_the_broker_takes_holds_up_no_other(
    make_mosquitto: MakeBroker, tmp_path: Path
) -> None:
    broker = make_mosquitto(extra="max_packet_size 1600\n")
    large, small = telemetry(padding=8), telemetry()
    await leave(tmp_path, large, small, small, boot=OLD)
    gateway = Gateway(broker.port, tmp_path)
    async with archive(broker.port), gateway.running() as outbox:
        await outbox.append([large, small, small], ())
        await until(lambda: outbox.waiting == 2)
        assert [row.sequence for row in await outbox.pending()] == [1, 1]
        assert gateway.counters.get("publisher.refused", "history evt") == 1
        assert gateway.counters.get("publisher.refused", "live evt") == 1


# --- an archive that keeps silent, or refuses ------------------------------------------------------------------------


async def test_what_the_archive_refuses_is_a_dead_letter_and_the_rest_goes_on(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    gateway = Gateway(mosquitto.port, tmp_path)
    async with archive(mosquitto.port) as there, gateway.running() as outbox:
        there.acking = False
        await outbox.append([telemetry(), act()], ())
        await until(lambda: len(there.live) == 2)
        await there.say(BootAck(boot=BOOT, refused=tuple(Refusal(seq=n, reason="foreign_source") for n in (1, 2))))
        await until(lambda: outbox.waiting == 0)
        assert [letter[1:3] for letter in await outbox.dead_letters()] == [(1, "foreign_source"), (2, "foreign_source")]
        there.acking = True
        await there.say()
        await outbox.append([telemetry()], ())
        await gateway.empty()
    assert there.times == dict.fromkeys(keys(1, 2, 3), 1)


async def test_a_silent_archive_stops_the_history_lane_and_not_the_live_one(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.publisher.MOST_OUT", 300)
    gateway = Gateway(mosquitto.port, tmp_path)
    async with archive(mosquitto.port) as there, gateway.running() as outbox:
        there.acking = False
        await outbox.append([telemetry(n) for n in range(1000)], ())
        await until(lambda: len(there.live) == 1000)
        assert there.history == [], "the others listen as well; more than is remembered waits for the archive"
        await there.say(BootAck(boot=BOOT, committed=((1, 300),)))
        await until(lambda: len(there.history) == 300)
        await asyncio.sleep(0.2)
        assert there.history == keys(*range(301, 601)), "what was not remembered, and no more than is remembered"
        there.acking = True
        await there.say(BootAck(boot=BOOT, committed=((301, 600),)))
        await gateway.empty()
    assert there.live == keys(*range(1, 1001))
    assert there.history == keys(*range(301, 1001))


async def test_a_backlog_that_nobody_takes_goes_from_the_oldest_on_as_it_is_taken(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.publisher.MOST_OUT", 1000)
    await leave(tmp_path, *(telemetry(n) for n in range(1500)), boot=OLD)
    gateway = Gateway(mosquitto.port, tmp_path)
    async with gateway.running() as outbox:
        await until(lambda: gateway.publisher.published == 1000)
        await outbox.append([telemetry(n) for n in range(1500)], ())
        await until(lambda: gateway.publisher.published == 2500)
        oldest = keys(*range(1, 1501), boot=OLD) + keys(*range(1, 1501))
        async with archive(mosquitto.port) as there:
            there.acking = False
            await there.say()
            await until(lambda: len(there.history) >= 1000)
            await asyncio.sleep(0.2)
            assert there.history == oldest[:1000]
            await there.say(BootAck(boot=OLD, committed=((1, 1000),)))
            await until(lambda: len(there.history) >= 2000)
            await asyncio.sleep(0.2)
            assert there.history == oldest[:2000]
            there.acking = True
            await there.say(BootAck(boot=OLD, committed=((1001, 1500),)), BootAck(boot=BOOT, committed=((1, 500),)))
            await gateway.empty()
    assert there.history == oldest


async def test_what_was_live_while_the_archive_was_away_reaches_it_before_a_long_backlog(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.publisher.AHEAD", 200)
    await leave(tmp_path, *(telemetry(n) for n in range(1500)), boot=OLD)
    gateway = Gateway(mosquitto.port, tmp_path)
    async with gateway.running() as outbox:
        await until(lambda: gateway.publisher.published == 200)
        await outbox.append([telemetry()], ())
        await until(lambda: gateway.publisher.published == 201)
        async with archive(mosquitto.port) as there:
            await there.say()
            await gateway.empty()
    (live,) = keys(1)
    assert there.history.index(live) <= 300, "behind what was out already, and before the rest of the past"
    assert set(there.history) == {live, *keys(*range(1, 1501), boot=OLD)}


@pytest.mark.usefixtures("impatient")
async def test_what_the_outbox_has_given_up_is_not_waited_for(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.publisher.MOST_OUT", 300)
    gateway = Gateway(mosquitto.port, tmp_path, max_bytes=350_000)
    async with archive(mosquitto.port) as there, gateway.running() as outbox:
        there.acking = False
        await outbox.append([telemetry(n) for n in range(300)], ())
        await until(lambda: len(there.live) == 300)
        for _ in range(10):
            await outbox.append([telemetry(n) for n in range(100)], ())
        kept = await gateway.waiting()
        assert kept[0] > 300, "all that is out without the archive's word was dropped"
        await until(lambda: {n for _, n in there.history} & set(kept))
        there.acking = True
        await gateway.empty()
    assert set(there.times) >= set(keys(*kept))

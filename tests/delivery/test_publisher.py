"""The publisher's two lanes with a real outbox and a real broker, and the archive's word."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import SECOND, ManualClock
from gateway.contract.acks import BootAck, Refusal
from gateway.contract.envelope import MAX_BATCH
from gateway.outbox_store import Row
from gateway.publisher import batches
from tests.conftest import Mosquitto
from tests.delivery.lanes import ACK, Gateway, archive, keys, leave
from tests.delivery.world import BOOT, T0, act, origin, sense, telemetry, until

OLD = "000000-0001"
EVERYTHING = (1, 999_999_999_999)

# --- live ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [5, 50])
async def test_events_go_out_live_in_order_and_leave_by_the_archives_word(
    mosquitto: Mosquitto, tmp_path: Path, window: int
) -> None:
    gateway = Gateway(mosquitto.port, tmp_path, window=window)
    async with archive(mosquitto.port) as there, gateway.running() as outbox:
        for n in range(40):
            await outbox.append([telemetry(n), act(n), sense(n)], ())
        await gateway.empty()
    assert there.live == keys(*range(1, 121))
    assert there.history == []
    assert gateway.publisher.published == 120
    assert [item.topic.removeprefix("hadir/v1/") for item in there.heard[:3]] == [
        "evt/ikn/kk2/l05/timur/d-017/occupancy.changed",
        "who/ikn/bkn/gw-1/desk.checkin.started",
        "sense/ikn/kk2/gw-1/presence.moved",
    ]
    assert len(there.topics) == 3


async def test_what_waited_briefly_is_still_live_and_what_waited_long_is_not(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    clock = ManualClock(office=T0, machine=SECOND)
    gateway = Gateway(mosquitto.port, tmp_path, clock=clock)
    mosquitto.stop()
    async with gateway.running(connected=False) as outbox:
        await outbox.append([telemetry(n) for n in range(5)], ())
        clock.advance(61)
        await outbox.append([telemetry(n) for n in range(5)], ())
        mosquitto.start()
        async with archive(mosquitto.port) as there:
            await gateway.link.connected()
            await there.say()  # what came before the archive was there is sent again
            await gateway.empty()
    assert set(there.times) == set(keys(*range(1, 11)))
    assert set(there.history) >= set(keys(*range(1, 6)))
    assert not set(there.live) & set(keys(*range(1, 6)))


async def test_more_than_the_live_lane_holds_comes_from_the_disk(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.publisher.MOST_LIVE", 50)
    gateway = Gateway(mosquitto.port, tmp_path, window=10)
    async with archive(mosquitto.port) as there, gateway.running() as outbox:
        await outbox.append([telemetry(n) for n in range(300)], ())
        await gateway.empty()
    assert there.live == keys(*range(251, 301))
    assert sorted(there.history) == keys(*range(1, 251))


# --- history ---------------------------------------------------------------------------------------------------------


async def test_rows_of_an_earlier_life_go_as_history_by_class(mosquitto: Mosquitto, tmp_path: Path) -> None:
    drafts = [draft for n in range(150) for draft in (telemetry(n, padding=8), act(n), act(n, unit="_"), sense(n))]
    bodies = await leave(tmp_path, *drafts, boot=OLD)
    gateway = Gateway(mosquitto.port, tmp_path)
    async with archive(mosquitto.port) as there, gateway.running() as outbox:
        await outbox.append([telemetry()], ())
        await gateway.empty()
    assert there.live == keys(1)
    assert sorted(there.history) == keys(*range(1, 601), boot=OLD)
    old = [item for item in there.heard if item.event.boot == OLD]
    assert {(item.topic.removeprefix("hadir/v1/"), item.event.cls, item.event.unit) for item in old} == {
        ("hist/ikn/gw-1", "evt", "_"),
        ("whohist/ikn/bkn/gw-1", "who", "bkn"),
        ("whohist/ikn/_/gw-1", "who", "_"),
        ("sensehist/ikn/kk2/gw-1", "sense", "_"),
    }
    for topic in {item.topic for item in old}:
        numbers = [item.event.sequence for item in old if item.topic == topic]
        assert numbers == sorted(numbers), "in order"
    assert sorted(item.event.raw for item in old) == sorted(bodies), "each once, byte for byte"
    assert len(there.batches) < 30


async def test_what_the_archive_does_not_answer_is_sent_again_later_and_later(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.outstanding.RESEND_S", 0.2)
    monkeypatch.setattr("gateway.outstanding.TOGETHER_S", 0.1)
    monkeypatch.setattr("gateway.publisher.LOOK_S", 0.2)
    gateway = Gateway(mosquitto.port, tmp_path)
    async with archive(mosquitto.port) as there, gateway.running() as outbox:
        there.acking = False
        await outbox.append([telemetry(), act()], ())
        await until(lambda: len(there.history) >= 6)
        assert there.live == keys(1, 2)
        assert [item.cls for item in there.heard[:2]] == ["evt", "who"]
        assert {item.cls for item in there.heard[2:]} == {"hist", "whohist"}
        assert len({item.event.raw for item in there.heard}) == 2, "its stored bytes"
        there.acking = True
        await gateway.empty()


async def test_the_archives_greeting_makes_everything_go_again(mosquitto: Mosquitto, tmp_path: Path) -> None:
    gateway = Gateway(mosquitto.port, tmp_path)
    async with gateway.running() as outbox:
        await outbox.append([telemetry(n) for n in range(250)], ())
        await until(lambda: gateway.publisher.published == 250)  # and nobody was there
        async with archive(mosquitto.port) as there:
            await there.say()
            await gateway.empty()
    assert sorted(there.history) == keys(*range(1, 251))
    assert there.live == []


async def test_the_greeting_makes_nothing_go_again_that_is_acknowledged(mosquitto: Mosquitto, tmp_path: Path) -> None:
    gateway = Gateway(mosquitto.port, tmp_path)
    async with archive(mosquitto.port) as there, gateway.running() as outbox:
        there.acking = False
        await outbox.append([telemetry(n) for n in range(10)], ())
        await until(lambda: gateway.publisher.published == 10 and len(there.live) == 10)
        await there.say(BootAck(boot=BOOT, committed=((1, 6),)))
        await until(lambda: outbox.waiting == 4)
        there.acking = True
        await there.say()
        await gateway.empty()
    assert there.history == keys(7, 8, 9, 10)
    assert there.batches == [4]


# --- the archive's word ----------------------------------------------------------------------------------------------


async def test_a_puback_retires_nothing_and_the_archives_word_exactly_its_ranges(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    gateway = Gateway(mosquitto.port, tmp_path)
    async with archive(mosquitto.port) as there, gateway.running() as outbox:
        there.acking = False
        await outbox.append([telemetry(n) for n in range(10)], ())
        await until(lambda: gateway.publisher.published == 10 and len(there.live) == 10)
        assert await gateway.waiting() == list(range(1, 11))
        await there.say(BootAck(boot="000099-ffff", committed=((1, 10),)))
        await there.say(BootAck(boot=BOOT, committed=((2, 3), (7, 900)), refused=(Refusal(seq=5, reason="invalid"),)))
        await until(lambda: outbox.waiting == 3)
        assert await gateway.waiting() == [1, 4, 6]
        assert [letter[:3] for letter in await outbox.dead_letters()] == [(BOOT, 5, "invalid")]
        await there.say(BootAck(boot=BOOT, committed=(EVERYTHING,)))
        await until(lambda: outbox.waiting == 0)
        there.acking = True
        await outbox.append([telemetry()], ())
        await gateway.empty()
    assert there.times == dict.fromkeys(keys(*range(1, 12)), 1), "nothing was sent twice"


async def test_what_is_no_acknowledgement_is_counted(mosquitto: Mosquitto, tmp_path: Path) -> None:
    bad = [
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b"{", "not_json"),
        (b"[]", "invalid"),
        (b'{"worker":"a"}', "invalid"),
        (b'{"worker":"a","boots":[{"boot":"x","committed":[[1,2]]}]}', "invalid"),
        (b'{"worker":"a","boots":[{"boot":"%s","committed":[[9,1]]}]}' % BOOT.encode(), "invalid"),
        (b'{"worker":"a","boots":[{"boot":"%s","committed":[["1","x"]]}]}' % BOOT.encode(), "invalid"),
        (b"[" * 5000, "too_deep"),
        (b"[" * 70_000, "too_big"),
        (bytes(70_000), "too_big"),
    ]
    gateway = Gateway(mosquitto.port, tmp_path)
    async with archive(mosquitto.port) as there, gateway.running() as outbox:
        there.acking = False
        await outbox.append([telemetry()], ())
        for n, (payload, cause) in enumerate(bad):
            before = gateway.counters.get("publisher.bad_ack", cause)
            await there.link.deliver(ACK, payload)
            await until(lambda n=n: gateway.counters.get("publisher.bad_ack") == n + 1)
            assert gateway.counters.get("publisher.bad_ack", cause) == before + 1
        assert await gateway.waiting() == [1]
        await there.say(BootAck(boot=BOOT, committed=((1, 1),)))
        await until(lambda: outbox.waiting == 0)


# --- batches: pure ---------------------------------------------------------------------------------------------------


def _row(sequence: int, cls: str, unit: str, size: int) -> Row:
    return Row(BOOT, sequence, cls, "t", b"x" * size, 0, 0, "", unit)


@given(
    st.lists(
        st.tuples(st.sampled_from(["evt", "who", "sense"]), st.sampled_from(["_", "bkn"]), st.integers(1, 8192)),
        max_size=300,
    ),
    st.sampled_from([100, 10_000, MAX_BATCH]),
)
def test_batches_keep_order_and_limits_and_lose_nothing(kinds: list[tuple[str, str, int]], most: int) -> None:
    rows = [_row(n, *kind) for n, kind in enumerate(kinds)]
    made = batches(rows, origin(), most)
    assert sorted(row.sequence for _, batch in made for row in batch) == list(range(len(rows)))
    for topic, batch in made:
        assert 1 <= len(batch) <= 100
        assert len(batch) == 1 or len(b"[" + b",".join(row.body for row in batch) + b"]") <= most
        assert len({(row.cls, row.unit if row.cls == "who" else "") for row in batch}) == 1
        assert topic.split("/")[2].startswith({"evt": "hist", "who": "whohist", "sense": "sensehist"}[batch[0].cls])
    for topic in {topic for topic, _ in made}:
        sequence = [row.sequence for name, batch in made if name == topic for row in batch]
        assert sequence == sorted(sequence)

"""The publisher with a real outbox and a real broker, and an archive that acknowledges, keeps silent, or refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway import mqtt
from gateway import publisher as publishing
from gateway.clock import SystemClock
from gateway.contract import topics
from gateway.contract.acks import Acknowledgement, BootAck, Refusal, write_ack
from gateway.contract.envelope import Envelope, decode, decode_batch
from gateway.counters import Counters
from gateway.mqtt import Link, Message
from gateway.outbox import Outbox
from gateway.outbox_store import Row
from gateway.publisher import Publisher, batches
from tests.conftest import Mosquitto
from tests.delivery.links import make_link, ready
from tests.delivery.world import BOOT, PERSON, act, make_outbox, origin, running, sense, telemetry, until

ACK = topics.ack("ikn", "gw-1")
CLASSES = ("evt", "who", "sense", "hist", "whohist", "sensehist")


class Archive:
    """A stand-in for ingest and ledger: what it heard, by topic, and what it says about it."""

    def __init__(self, port: int, mode: str = "ack") -> None:
        self.mode = mode
        """ack, silent, refuse."""
        self.link: Link = make_link(port, "archive")
        self.heard: list[tuple[str, Envelope]] = []
        self.batches: list[int] = []
        for cls in CLASSES:
            self.link.subscribe(f"hadir/v1/{cls}/#", self._take)

    async def run(self) -> None:
        await self.link.run()

    def _take(self, message: Message) -> None:
        if message.payload[:1] == b"[":
            events = [event for event in decode_batch(message.payload) if isinstance(event, Envelope)]
            assert len(events) == len(json.loads(message.payload)) <= 100
            self.batches.append(len(events))
        else:
            events = [decode(message.payload)]
        self.heard += [(message.topic, event) for event in events]
        for event in events:
            if self.mode == "ack":
                self.say(event.boot, committed=[(event.sequence, event.sequence)])
            elif self.mode == "refuse":
                self.say(event.boot, refused=[event.sequence])
        message.ack()

    def say(self, boot: str, committed: list[tuple[int, int]] | None = None, refused: list[int] | None = None) -> None:
        about = BootAck(
            boot=boot,
            committed=tuple(committed or ()),
            refused=tuple(Refusal(seq=n, reason="foreign_source") for n in refused or ()),
        )
        self.link.publish(ACK, write_ack(Acknowledgement(worker="archive", boots=(about,))), qos=0)

    def greet(self) -> None:
        self.link.publish(ACK, write_ack(Acknowledgement(worker="archive", boots=())))

    def numbers(self, boot: str = BOOT) -> list[int]:
        return [event.sequence for _, event in self.heard if event.boot == boot]


class Gateway:
    """Outbox, link and publisher of one gateway."""

    def __init__(self, folder: Path, port: int, boot: str = BOOT, **broker: object) -> None:
        self.counters = Counters()
        self.outbox: Outbox = make_outbox(folder, boot=boot, counters=self.counters)
        self.link = make_link(port, "gw-1", **broker)
        self.publisher = Publisher(self.link, self.outbox, origin(boot), SystemClock(), self.counters)

    async def waiting(self) -> list[int]:
        return [row.sequence for row in await self.outbox.pending()]


@asynccontextmanager
async def site(
    folder: Path, port: int, *, mode: str = "ack", **broker: object
) -> AsyncIterator[tuple[Gateway, Archive]]:
    """One gateway and the archive, connected."""
    gateway, archive = Gateway(folder, port, **broker), Archive(port, mode)
    async with running(archive, gateway.outbox, gateway.link, gateway.publisher):
        await ready(archive.link, gateway.link)
        await until(lambda: not gateway.publisher._history.is_set() and not gateway.publisher._behind)
        yield gateway, archive


async def test_events_go_live_in_order_on_their_own_topics(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with site(tmp_path, mosquitto.port, window=5) as (gateway, archive):
        for n in range(40):
            await gateway.outbox.append([telemetry(n), act(n), sense(n)], ())
        await until(lambda: len(archive.heard) >= 120)
        await until(lambda: gateway.outbox.waiting == 0)
        assert archive.numbers() == list(range(1, 121))
        assert archive.batches == []
        assert [topic for topic, _ in archive.heard[:3]] == [
            "hadir/v1/evt/ikn/kk2/l05/timur/d-017/occupancy.changed",
            "hadir/v1/who/ikn/bkn/gw-1/desk.checkin.started",
            "hadir/v1/sense/ikn/kk2/gw-1/presence.moved",
        ]
        assert gateway.publisher.published == 120
        assert not gateway.publisher._sent


async def test_puback_does_not_retire_and_an_ack_retires_exactly_its_ranges(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async with site(tmp_path, mosquitto.port, mode="silent") as (gateway, archive):
        await gateway.outbox.append([telemetry(n) for n in range(10)], ())
        await until(lambda: len(archive.heard) == 10 and gateway.publisher.published == 10)
        assert await gateway.waiting() == list(range(1, 11))
        archive.say(BOOT, committed=[(2, 4), (9, 9)])
        archive.say("000777-abcd", committed=[(1, 10)])
        await until(lambda: gateway.outbox.waiting == 6)
        assert await gateway.waiting() == [1, 5, 6, 7, 8, 10]
        archive.say(BOOT, committed=[(1, 999_999_999_999)])
        await until(lambda: gateway.outbox.waiting == 0)
        assert not gateway.publisher._sent
        assert len(archive.heard) == 10, "nothing was sent twice"


async def test_what_the_archive_refuses_is_a_dead_letter(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with site(tmp_path, mosquitto.port, mode="refuse") as (gateway, archive):
        await gateway.outbox.append([telemetry(), act()], ())
        await until(lambda: gateway.outbox.waiting == 0)
        letters = await gateway.outbox.dead_letters()
        assert [(letter[1], letter[2]) for letter in letters] == [(1, "foreign_source"), (2, "foreign_source")]
        archive.mode = "ack"
        await gateway.outbox.append([telemetry()], ())
        await until(lambda: gateway.outbox.waiting == 0)
        assert archive.numbers() == [1, 2, 3]


async def test_a_broker_killed_in_the_middle_loses_nothing(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "full_jitter", lambda _attempt: 0.05)  # five cuts in a row would wait for half a minute
    async with site(tmp_path, mosquitto.port) as (gateway, archive):
        total = 0
        for _ in range(5):
            for n in range(60):
                await gateway.outbox.append([telemetry(n), act(n)], ())
                total += 2
                if n == 30:
                    mosquitto.kill()
            await until(lambda: not gateway.link.state.connected)
            mosquitto.start()
            await until(lambda: gateway.link.state.connected and archive.link.state.connected)
        while gateway.outbox.waiting:
            # an acknowledgement may be lost as well: the archive's greeting asks for what it has not acknowledged
            archive.greet()
            await asyncio.sleep(0.3)
        assert set(archive.numbers()) == set(range(1, total + 1))
        assert gateway.link.state.connects == 6


async def test_rows_of_an_old_boot_come_in_batches_on_history_topics(mosquitto: Mosquitto, tmp_path: Path) -> None:
    before = make_outbox(tmp_path, boot="000000-0001")
    async with running(before):
        rows = await before.append([draft(n) for n in range(130) for draft in (telemetry, act, sense)], ())
    async with site(tmp_path, mosquitto.port) as (gateway, archive):
        await gateway.outbox.append([telemetry()], ())
        await until(lambda: gateway.outbox.waiting == 0)
        old = [(topic, event) for topic, event in archive.heard if event.boot == "000000-0001"]
        assert {(topic, event.cls) for topic, event in old} == {
            ("hadir/v1/hist/ikn/gw-1", "evt"),
            ("hadir/v1/whohist/ikn/bkn/gw-1", "who"),
            ("hadir/v1/sensehist/ikn/kk2/gw-1", "sense"),
        }
        for cls in ("evt", "who", "sense"):
            numbers = [event.sequence for _, event in old if event.cls == cls]
            assert numbers == [row.sequence for row in rows if row.cls == cls], "in order, each once"
        assert len(archive.batches) < 30
        assert {event.raw for _, event in old} == {row.body for row in rows}, "byte for byte"


async def test_what_waited_while_the_broker_was_away_is_history(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with site(tmp_path, mosquitto.port) as (gateway, archive):
        mosquitto.kill()
        await until(lambda: not gateway.link.state.connected and not archive.link.state.connected)
        await gateway.outbox.append([telemetry(n) for n in range(20)], ())
        mosquitto.start()
        await until(lambda: archive.link.state.connected)
        async with asyncio.timeout(20):
            while gateway.outbox.waiting:
                archive.greet()
                await asyncio.sleep(0.2)
        assert {topic for topic, _ in archive.heard} == {"hadir/v1/hist/ikn/gw-1"}
        assert set(archive.numbers()) == set(range(1, 21))


async def test_no_word_from_the_archive_sends_it_again(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "RESEND_S", 0.2)
    monkeypatch.setattr(publishing, "RESEND_MOST_S", 0.4)
    monkeypatch.setattr(publishing, "LOOK_EVERY_S", 0.1)
    async with site(tmp_path, mosquitto.port, mode="silent") as (gateway, archive):
        await gateway.outbox.append([telemetry(), act()], ())
        await until(lambda: len(archive.heard) >= 6)
        assert [topic.split("/")[2] for topic, _ in archive.heard[:2]] == ["evt", "who"]
        assert {topic.split("/")[2] for topic, _ in archive.heard[2:]} == {"hist", "whohist"}
        assert len({event.raw for _, event in archive.heard}) == 2
        archive.mode = "ack"
        await until(lambda: gateway.outbox.waiting == 0)
        await until(lambda: not gateway.publisher._sent)


async def test_the_greeting_sends_at_once_what_is_not_acknowledged(mosquitto: Mosquitto, tmp_path: Path) -> None:
    async with site(tmp_path, mosquitto.port, mode="silent") as (gateway, archive):
        await gateway.outbox.append([telemetry(n) for n in range(10)], ())
        await until(lambda: len(archive.heard) == 10 and gateway.publisher.published == 10)
        archive.say(BOOT, committed=[(1, 6)])
        await until(lambda: gateway.outbox.waiting == 4)
        archive.mode = "ack"
        archive.greet()
        await until(lambda: gateway.outbox.waiting == 0)
        assert archive.numbers()[10:] == [7, 8, 9, 10]
        assert archive.batches == [4]


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b"[]", "invalid"),
        (b'{"worker":"a"}', "invalid"),
        (b'{"worker":"a","boots":[{"boot":"1","committed":[[1,2]]}]}', "invalid"),
        (b'{"worker":"a","boots":[{"boot":"000001-abcd","committed":[[9,1]]}]}', "invalid"),
        (b'{"worker":"a","boots":[{"boot":"000001-abcd","committed":[["1","x"]]}]}', "invalid"),
        (b"[" * 5000, "too_deep"),
        (b" " * 70_000, "too_big"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:10].decode("latin-1"),
)
async def test_another_shape_on_the_ack_topic_is_counted(
    mosquitto: Mosquitto, tmp_path: Path, payload: bytes, cause: str
) -> None:
    async with site(tmp_path, mosquitto.port, mode="silent") as (gateway, archive):
        await gateway.outbox.append([telemetry()], ())
        await archive.link.deliver(ACK, payload)
        await until(lambda: gateway.counters.get("publisher.bad_ack"))
        assert gateway.counters.get("publisher.bad_ack", cause) == 1
        assert await gateway.waiting() == [1]
        archive.say(BOOT, committed=[(1, 1)])
        await until(lambda: gateway.outbox.waiting == 0)


async def test_a_batch_that_the_broker_refuses_holds_up_no_other(
    make_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite probe\ntopic readwrite hadir/#\ntopic deny hadir/v1/whohist/ikn/aaa/#\n")
    broker = make_mosquitto(extra=f"user root\nacl_file {rules}\n")
    before = make_outbox(tmp_path, boot="000000-0001")
    async with running(before):
        await before.append([act(1, unit="aaa"), act(2, unit="bbb"), telemetry(3)], ())
    async with site(tmp_path, broker.port) as (gateway, archive):
        await until(lambda: gateway.outbox.waiting == 1)
        assert set(archive.numbers("000000-0001")) == {2, 3}
        assert gateway.counters.get("publisher.refused", "history") >= 1


async def test_more_than_the_live_lane_holds_comes_from_the_disk(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "MOST_LIVE", 50)
    async with site(tmp_path, mosquitto.port, window=10) as (gateway, archive):
        await asyncio.gather(*(gateway.outbox.append([telemetry(n) for n in range(30)], ()) for _ in range(10)))
        await until(lambda: gateway.outbox.waiting == 0)
        assert set(archive.numbers()) == set(range(1, 301))


def _row(n: int, cls: str = "evt", unit: str = "_", size: int = 10) -> Row:
    return Row(BOOT, n, cls, "t", b"x" * size, 0, 0, PERSON, unit)


def test_batches_keep_the_order_and_the_limits() -> None:
    rows = [_row(n, ("evt", "who", "sense")[n % 3], ("aaa", "bbb")[n % 2], size=1 + n * 37 % 8000) for n in range(900)]
    made = batches(rows, origin())
    assert sorted(row.sequence for _, batch in made for row in batch) == list(range(900))
    for topic in {topic for topic, _ in made}:
        numbers = [row.sequence for found, batch in made if found == topic for row in batch]
        assert numbers == sorted(numbers)
    for _, batch in made:
        assert 1 <= len(batch) <= 100
        assert len(b"[" + b",".join(row.body for row in batch) + b"]") <= 65_536
    assert len({topic for topic, _ in made}) == 4

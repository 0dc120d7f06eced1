"""Ingest over a real broker: the good is stored and acknowledged, each refusal counted, and kill -9 loses nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import apsw
import pytest

from gateway import ingest as hop
from gateway.clock import SystemClock
from gateway.contract.acks import read_ack
from gateway.contract.envelope import Encoded, batch
from gateway.contract.times import written as written_time
from gateway.counters import Counters
from gateway.ingest import Ingest
from gateway.ledger import Ledger, read
from gateway.mqtt import Link
from rules.api import SECOND, Event
from tests.archive.world import BOOT, DESK, OTHER_DESK, PERSON, T0, changed, checkin, office, written
from tests.conftest import Mosquitto

CHILD = Path(__file__).with_name("ingest_child.py")
ROOT = Path(__file__).parents[2]


class Told:
    """What the archive's acknowledgements say to gw-1."""

    def __init__(self) -> None:
        self.committed: dict[str, set[int]] = {}
        self.refused: dict[int, str] = {}

    async def listen(self, client: aiomqtt.Client) -> None:
        await client.subscribe("hadir/v1/ack/ikn/gw-1", qos=1)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            for boot in read_ack(message.payload).boots:
                for first, last in boot.committed:
                    self.committed.setdefault(boot.boot, set()).update(range(first, last + 1))
                self.refused |= {refusal.seq: refusal.reason for refusal in boot.refused}


@asynccontextmanager
async def archive(folder: Path, port: int) -> AsyncIterator[tuple[Ledger, Counters]]:
    site, clock, counters = office(folder, port), SystemClock(), Counters()
    link = Link(site.broker, client_id="archive", clock=clock, counters=counters, base=folder)
    ledger = Ledger(folder / "ledger.sqlite")
    ingest = Ingest(link, ledger, site, clock, counters)
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(ingest.run())]
    try:
        async with asyncio.timeout(10):
            await link.connected()
            await link.deliver("probe", b"")  # its PUBACK comes behind the answers to all subscriptions
        yield ledger, counters
    finally:
        for task in reversed(tasks):
            task.cancel()
            await asyncio.wait((task,))
        ledger.close()


@asynccontextmanager
async def publisher(port: int) -> AsyncIterator[tuple[aiomqtt.Client, Told]]:
    told = Told()
    async with aiomqtt.Client("127.0.0.1", port, identifier="gw-1") as client:
        listening = asyncio.create_task(told.listen(client))
        try:
            yield client, told
        finally:
            listening.cancel()
            await asyncio.wait((listening,))


async def until(true: object, what: str) -> None:
    assert callable(true)
    try:
        async with asyncio.timeout(15):
            while not true():  # noqa: ASYNC110 what is waited for has no event
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(what)


async def test_good_events_of_every_class_are_stored_byte_for_byte_and_acknowledged(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    live = [written(changed(at=T0 + n), n) for n in range(1, 40)]
    live.append(written(checkin(T0, PERSON), 40))
    waited = [written(changed(at=T0 + n), n) for n in range(41, 60)]
    async with archive(tmp_path, mosquitto.port) as (ledger, counters), publisher(mosquitto.port) as (client, told):
        for event in live:
            await client.publish(event.topic, event.body, qos=1)
        await client.publish("hadir/v1/hist/ikn/gw-1", batch(e.body for e in waited)[0], qos=1)
        await until(lambda: told.committed.get(BOOT) == set(range(1, 60)), "not all was acknowledged")
        assert {row.body for row in ledger.all()} == {event.body for event in live + waited}
        await client.publish(live[0].topic, live[0].body, qos=1)
        told.committed.clear()
        await until(lambda: told.committed.get(BOOT) == {1}, "a duplicate is acknowledged again")
        assert counters.get("ingest.stored") == 59
        assert counters.get("ingest.duplicates") == 1
        assert counters.get("ingest.refused") == 0


def bad() -> dict[str, tuple[str, bytes]]:
    """Cause -> a message that is refused for it."""

    def told(event: Event, sequence: int, **how: str) -> Encoded:
        return written(event, sequence, **how)

    good = told(changed(), 100)
    item = json.loads(good.body)
    deep = good.body.replace(b'"evidence":[]', b'"evidence":' + b"[" * 40 + b"]" * 40)
    foreign = told(checkin(T0, PERSON), 101, gateway="gw-2")
    sense = Event("presence.idle", DESK, T0, {"visit_id": "5b0c5c8e-1111-5222-8333-444455556666"}, "sense", PERSON)
    return {
        "not_json": (good.topic, b"{no"),
        "too_big": (good.topic, good.body[:-1] + b" " * 9_000 + b"}"),
        "too_deep": (good.topic, deep),
        "invalid": (good.topic, json.dumps(item | {"id": "5b0c5c8e-1111-5222-8333-444455556666"}).encode()),
        "foreign_source": (foreign.topic.replace("gw-2", "gw-1"), foreign.body),
        "wrong_topic": (good.topic.replace("d-001", "d-002"), good.body),
        "not_owner": told(changed(place=OTHER_DESK), 102),
        "not_coordinator": told(sense, 103, gateway="gw-2"),
        "unknown_gateway": told(changed(), 104, gateway="gw-9"),
        "simulated": told(changed(), 105, quality="simulated"),
        "replayed": told(changed(), 106, quality="replayed"),
        "topic": ("hadir/v1/evt/ikn/kk2/l05/timur/D 1/occupancy.changed", good.body),
    }


async def test_each_refusal_is_counted_by_its_cause_and_nothing_of_it_is_stored(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    async with archive(tmp_path, mosquitto.port) as (ledger, counters), publisher(mosquitto.port) as (client, told):
        for topic, body in bad().values():
            await client.publish(topic, body, qos=1)
        last = written(changed(), 200)
        await client.publish(last.topic, last.body, qos=1)
        await until(lambda: 200 in told.committed.get(BOOT, ()), "a good event after bad ones is stored")
        found = {cause: counters.get("ingest.refused", cause) for cause in bad()}
        assert found == dict.fromkeys(bad(), 1)
        assert [row.body for row in ledger.all()] == [last.body]
        await until(lambda: {105, 106} <= set(told.refused), "the gateway is told what will never be taken")
        assert told.refused[105] == "simulated"
        assert 102 not in told.refused, "whoever writes to another's topic must not be able to refuse for us"
        await client.publish("hadir/v1/hist/ikn/gw-1", b"[" + bad()["not_owner"][1] + b"]", qos=1)
        await until(lambda: told.refused.get(102) == "not_owner", "sent again by its own topic, it is told")


async def test_one_bad_event_of_a_batch_does_not_lose_the_others(tmp_path: Path, mosquitto: Mosquitto) -> None:
    events = [written(changed(at=T0 + n), n) for n in range(1, 6)]
    bodies = [event.body for event in events]
    bodies[2] = bodies[2].replace(b'"occupied"', b'"perhaps"').replace(b'"confidence":0.9', b'"confidence":9')
    async with archive(tmp_path, mosquitto.port) as (_, counters), publisher(mosquitto.port) as (client, told):
        await client.publish("hadir/v1/hist/ikn/gw-1", b"[" + b",".join(bodies) + b"]", qos=1)
        await until(lambda: told.committed.get(BOOT) == {1, 2, 4, 5}, "the good ones are acknowledged")
        assert counters.get("ingest.refused", "invalid") == 1
        await until(lambda: told.refused == {3: "invalid"}, "and the bad one is named")


def without(body: bytes, field: str) -> bytes:
    """The event, its `data` without a field."""
    item = json.loads(body)
    del item["data"][field]
    return json.dumps(item).encode()


async def test_events_that_do_not_say_how_they_are_to_be_taken_are_refused_and_nothing_stops(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    known, strange = written(changed(), 1), written(changed(), 2)
    strange = strange._replace(
        topic=strange.topic.replace("occupancy.changed", "occupancy.guessed"),
        body=strange.body.replace(b"occupancy.changed", b"occupancy.guessed"),
    )
    bodies = [(event.topic, without(event.body, field)) for event in (known, strange) for field in ("clock", "quality")]
    bodies.append((known.topic, known.body.replace(b'"ntp"', b"5")))
    bodies.append((strange.topic, strange.body.replace(b'"ntp"', b"5")))
    async with archive(tmp_path, mosquitto.port) as (ledger, counters), publisher(mosquitto.port) as (client, told):
        for topic, body in bodies:
            await client.publish(topic, body, qos=1)
        await client.publish(strange.topic, strange.body, qos=1)  # of a newer gateway, and whole
        await until(lambda: 2 in told.committed.get(BOOT, ()), "what came behind it is stored")
        assert counters.get("ingest.refused", "invalid") == len(bodies)
        assert [row.type for row in ledger.all()] == ["occupancy.guessed"]


async def test_a_person_stands_only_on_the_topic_of_their_unit(tmp_path: Path, mosquitto: Mosquitto) -> None:
    event = written(checkin(T0, PERSON), 1)
    async with archive(tmp_path, mosquitto.port) as (ledger, counters), publisher(mosquitto.port) as (client, told):
        await client.publish(event.topic.replace("/_/", "/bkn/"), event.body, qos=1)
        await until(lambda: told.refused == {1: "wrong_topic"}, "another unit's reader would see it")
        await client.publish("hadir/v1/whohist/ikn/bkn/gw-1", b"[" + event.body + b"]", qos=1)
        await client.publish(event.topic, event.body, qos=1)
        await until(lambda: told.committed.get(BOOT) == {1}, "on its own it is stored")
        assert counters.get("ingest.refused", "wrong_topic") == 2
        assert [row.body for row in ledger.all()] == [event.body]


async def test_a_retained_event_is_old_news(tmp_path: Path, mosquitto: Mosquitto) -> None:
    first, second = written(changed(), 1), written(changed(), 2)
    async with publisher(mosquitto.port) as (client, told):
        await client.publish(first.topic, first.body, qos=1, retain=True)
        async with archive(tmp_path, mosquitto.port) as (ledger, counters):
            await client.publish(second.topic, second.body, qos=1)
            await until(lambda: told.committed.get(BOOT) == {2}, "what is sent now is stored")
            assert counters.get("ingest.refused", "retained") == 1
            assert [row.sequence for row in ledger.all()] == [2]


async def test_a_flood_is_let_go_unacknowledged_and_stored_when_it_is_sent_again(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hop, "MOST_WAITING", 20_000)
    events = {n: written(changed(at=T0 + n), n) for n in range(1, 201)}
    async with archive(tmp_path, mosquitto.port) as (ledger, counters), publisher(mosquitto.port) as (client, told):
        slow = apsw.Connection(str(tmp_path / "ledger.sqlite"))
        slow.execute("BEGIN IMMEDIATE")  # the disk takes nothing for a while
        for event in events.values():
            await client.publish(event.topic, event.body, qos=1)
        await until(lambda: counters.get("ingest.shed"), "more than may wait")
        assert told.committed == {}
        slow.execute("ROLLBACK")
        slow.close()
        await until(lambda: told.committed.get(BOOT), "what could wait is stored")
        while missing := sorted(events.keys() - told.committed[BOOT])[:20]:
            for number in missing:
                await client.publish(events[number].topic, events[number].body, qos=1)
            await until(lambda some=missing: told.committed[BOOT].issuperset(some), "sent again, each is stored")
        assert {row.body for row in ledger.all()} == {event.body for event in events.values()}


async def test_kill_9_between_commit_and_acknowledgement_loses_and_doubles_nothing(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    events = {n: written(changed(at=T0 + n * SECOND), n) for n in range(1, 401)}
    deaths = 0

    async def child(commits: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, str(CHILD), str(tmp_path), str(mosquitto.port), str(commits), cwd=ROOT
        )

    async def send_until_acked(client: aiomqtt.Client, told: Told) -> None:
        while missing := sorted(set(events) - told.committed.get(BOOT, set())):
            for n in missing[:60]:
                await client.publish(events[n].topic, events[n].body, qos=1)
            await asyncio.sleep(0.1)

    async with publisher(mosquitto.port) as (client, told):
        sending = asyncio.create_task(send_until_acked(client, told))
        async with asyncio.timeout(50):
            for cycle in range(5):
                process = await child(2 + cycle % 2)
                assert await process.wait() == -9
                deaths += 1
                stored = {row.sequence for row in read(tmp_path / "ledger.sqlite")}
                assert told.committed.get(BOOT, set()) <= stored, "acknowledged, and not committed"
                assert len(stored) > len(told.committed.get(BOOT, ())), "it died between commit and acknowledgement"
            process = await child(0)
            await sending
        process.terminate()
        await process.wait()
    rows = read(tmp_path / "ledger.sqlite")
    assert deaths == 5
    assert sorted(row.sequence for row in rows) == sorted(events)
    assert {row.sequence: row.body for row in rows} == {n: event.body for n, event in events.items()}


def led(term: int, since: int, at: int) -> Event:
    data = {"visit_id": "5b0c5c8e-1111-5222-8333-444455556666", "term": term, "led_since": since}
    return Event("presence.idle", DESK, at, data, "sense", PERSON)


async def test_what_a_lower_term_recorded_after_a_higher_one_began_is_refused(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """By the time of record: an outbox that comes back full was in office when it said so."""
    async with archive(tmp_path, mosquitto.port) as (ledger, counters), publisher(mosquitto.port) as (client, told):
        beat = {"rank": 1, "term": 9, "boot": BOOT, "leads": True, "led_since": written_time(T0 + 60 * SECOND)}
        await client.publish("hadir/v1/coord/ikn/kk2/gw-9", json.dumps(beat | {"term": 99}).encode(), qos=1)
        await client.publish("hadir/v1/coord/ikn/kk2/gw-1", json.dumps(beat).encode(), qos=1)
        before, after = led(8, T0, T0 + 59 * SECOND), led(8, T0, T0 + 61 * SECOND)
        for event, sequence in ((before, 1), (after, 2), (led(9, T0 + 60 * SECOND, T0 + 61 * SECOND), 3)):
            made = written(event, sequence)
            await client.publish(made.topic, made.body, qos=1)
        await until(lambda: 3 in told.committed.get(BOOT, ()), "the higher term is stored")
        assert [row.sequence for row in ledger.all()] == [1, 3]
        await until(lambda: told.refused == {2: "old_term"}, "the gateway is told")
        assert counters.get("ingest.refused", "old_term") == 1

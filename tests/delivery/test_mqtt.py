"""The link on a Mosquitto that does what it should: there and back, the window, refusals, acknowledgements."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.counters import Counters
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.mqtt import Delivered, Message
from gateway.mqtt_inbox import MAX_RECEIVE, matches
from gateway.mqtt_wire import MAX_PACKET
from tests.conftest import Mosquitto, free_port
from tests.delivery.links import (
    PROTOCOLS,
    READS_OURS,
    MakeBroker,
    Reader,
    access,
    linked,
    make_link,
    peer,
    reading,
    ready,
)
from tests.delivery.world import running, until

PLUGINS = [
    f"/usr/{folder}/mosquitto_dynamic_security.so"
    for folder in ("lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib", "local/lib")
]

# --- there and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_it_delivers_until_it_is_stopped(mosquitto: Mosquitto, protocol: str) -> None:
    link = make_link(mosquitto.port, protocol=protocol)
    reader = Reader(link)
    async with linked(link):
        assert (link.state.connected, link.state.reason) == (True, "")
        assert await link.deliver("t/1", b"one", expiry_s=90, content_type="text/plain") == Delivered(0, "")
        assert await link.deliver("t/0", b"zero", qos=0) == Delivered(0, "")
        assert await link.deliver("t/r", b"kept", retain=True) == Delivered(0, "")
        await until(lambda: len(reader.messages) == 3)
        async with reading(mosquitto.port, "t/+", protocol=protocol) as late:
            assert [(m.topic, m.payload, m.retain) for m in late.messages] == [("t/r", b"kept", True)]
    assert reader.latest == {"t/1": b"one", "t/0": b"zero", "t/r": b"kept"}
    assert (link.in_flight, link.state.connected, link.state.reason) == (0, False, "stopped")
    assert not link.publish("t", b"")
    with pytest.raises(TransientError, match="stopped"):
        await link.deliver("t", b"")


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_is_published_arrives_in_order(mosquitto: Mosquitto, protocol: str) -> None:
    link = make_link(mosquitto.port, protocol=protocol, window=20)
    reader = Reader(link, "t/+/x")
    async with linked(link):
        answers = await asyncio.gather(*(link.deliver("t/a/x", b"%d" % n) for n in range(500)))
        assert set(answers) == {Delivered(0, "")}
        await until(lambda: len(reader.messages) == 500)
    assert reader.payloads() == [b"%d" % n for n in range(500)]


async def test_messages_carry_what_mqtt_5_says_beside_the_payload(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port)
    reader = Reader(link, "q")
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("a", "1"), ("b", "2")]
    properties.ResponseTopic = "r"
    properties.CorrelationData = b"c"
    async with linked(link), peer(mosquitto.port) as other:
        await other.subscribe("s")
        await other.publish("q", b"?", qos=1, properties=properties)
        await until(lambda: reader.messages)
        await link.deliver("s", b"!", content_type="text/x", expiry_s=60)
        answer = await anext(aiter(other.messages))
    (message,) = reader.messages
    assert (message.user, message.response_topic, message.correlation) == ({"a": "1", "b": "2"}, "r", b"c")
    assert (answer.properties.ContentType, answer.properties.MessageExpiryInterval) == ("text/x", 60)


# --- the window ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_the_window_is_never_exceeded_and_says_when_it_has_room(mosquitto: Mosquitto, protocol: str) -> None:
    link = make_link(mosquitto.port, protocol=protocol, window=7)
    reader = Reader(link)
    answers: list[Any] = []
    sent = most = 0

    def pump() -> None:
        nonlocal sent, most
        while sent < 200 and link.publish("t", b"%d" % sent, done=answers.append):
            sent += 1
            most = max(most, link.in_flight)

    async with linked(link):
        link.on_room(pump)
        pump()
        assert (link.room, link.in_flight) == (0, 7)
        assert not link.publish("t", b"x")
        await until(lambda: len(answers) == 200 and len(reader.messages) == 200)
    assert most == link.window == 7
    assert set(answers) == {Delivered(0, "")}
    assert reader.payloads() == [b"%d" % n for n in range(200)]


async def test_many_deliveries_share_a_window_of_one(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port, window=1)
    async with linked(link):
        waiting = [asyncio.create_task(link.deliver("t", b"%d" % n)) for n in range(20)]
        await asyncio.sleep(0)
        for task in waiting[3:10]:
            task.cancel()
        done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in done] == [
        asyncio.CancelledError if 3 <= n < 10 else Delivered for n in range(20)
    ]


async def test_who_waits_for_room_is_not_starved_by_who_takes_all_of_it(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port, window=5)
    order: list[str] = []

    def greedy() -> None:
        while len(order) < 5000 and link.publish("t", b"x"):
            order.append("greedy")

    async with linked(link):
        link.on_room(greedy)
        greedy()
        await link.deliver("t", b"patient")
        assert len(order) < 100


async def test_the_brokers_own_limits_are_kept(make_mosquitto: MakeBroker) -> None:
    broker = make_mosquitto(extra="max_inflight_messages 3\nmax_packet_size 2000\n")
    link = make_link(broker.port, window=50)
    reader = Reader(link, "t")
    async with linked(link):
        assert link.window == 3
        assert 1000 < link.largest < 2000
        await asyncio.gather(*(link.deliver("t", b"%d" % n) for n in range(300)))
        with pytest.raises(PermanentError, match="too large") as caught:
            await link.deliver("t", bytes(4000))
        assert caught.value.reason == "too_big"
        await until(lambda: len(reader.messages) == 300)
        assert link.state.connects == 1


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_a_refused_publish_says_why(make_mosquitto: MakeBroker, tmp_path: Path) -> None:
    counters = Counters()
    broker = make_mosquitto(extra=access(tmp_path, "readwrite mine/#"))
    link = make_link(broker.port, counters=counters)
    async with linked(link):
        await link.deliver("mine/a", b"")
        with pytest.raises(PermanentError, match="theirs/a: Not authorized") as caught:
            await link.deliver("theirs/a", b"")
        assert caught.value.reason == "refused"
        answers: list[Any] = []
        assert link.publish("theirs/a", b"", done=answers.append)
        await until(lambda: answers)
        assert answers == [Delivered(0x87, "Not authorized")]
        assert link.state.connects == 1
    assert counters.get("mqtt.publish_refused") == 2


async def test_a_broker_that_cuts_behind_a_refusal_is_come_back_to(make_mosquitto: MakeBroker, tmp_path: Path) -> None:
    link = make_link(make_mosquitto(extra=access(tmp_path, "readwrite mine/#", cuts=True)).port)
    async with linked(link):
        with pytest.raises(PermanentError, match="theirs/a") as caught:
            await link.deliver("theirs/a", b"")
        assert caught.value.reason == "refused"
        await until(lambda: link.state.connects == 2)
        await link.deliver("mine/a", b"")


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_refused_subscription_is_a_state(make_mosquitto: MakeBroker, tmp_path: Path, protocol: str) -> None:
    plugin = next((path for path in PLUGINS if os.access(path, os.R_OK)), None)
    if plugin is None:
        pytest.skip("Mosquitto refuses a subscription only by its plugin for dynamic security, which is not here")
    allowed = dict.fromkeys(("publishClientSend", "publishClientReceive", "unsubscribe"), True) | {"subscribe": False}
    security = {
        "defaultACLAccess": allowed,
        "roles": [{"rolename": "r", "acls": [{"acltype": "subscribePattern", "topic": "open/#", "allow": True}]}],
        "groups": [{"groupname": "all", "roles": [{"rolename": "r"}]}],
        "anonymousGroup": "all",
    }
    (tmp_path / "security.json").write_text(json.dumps(security))
    broker = make_mosquitto(
        extra=f"{READS_OURS}plugin {plugin}\nplugin_opt_config_file {tmp_path}/security.json\nallow_anonymous true\n"
    )
    link = make_link(broker.port, protocol=protocol)
    reader = Reader(link, "open/#")
    Reader(link, "closed/#")
    async with linked(link):
        assert list(link.state.refused) == ["closed/#"]
        assert link.state.connected
        assert "closed/#" in link.state.reason
        await link.deliver("open/1", b"x")
        await until(lambda: reader.payloads() == [b"x"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_wrong_password_is_a_state_and_heals_when_the_file_does(
    make_mosquitto: MakeBroker, tmp_path: Path, protocol: str
) -> None:
    passwords = tmp_path / "passwords"
    process = await asyncio.create_subprocess_exec("mosquitto_passwd", "-c", "-b", str(passwords), "gw", "right")
    assert await process.wait() == 0
    broker = make_mosquitto(extra=f"{READS_OURS}allow_anonymous false\npassword_file {passwords}\n")
    (tmp_path / "secret").write_text("wrong\n", encoding="ascii")
    link = make_link(broker.port, protocol=protocol, username="gw", password_file="secret", base=tmp_path)
    async with running(link):
        await until(lambda: "ot authorized" in link.state.reason)
        (tmp_path / "secret").unlink()
        await until(lambda: "secret" in link.state.reason)
        (tmp_path / "secret").write_text("right\n", encoding="ascii")
        await until(lambda: link.state.connected)
        await link.deliver("t", b"")
    assert link.state.connects == 1


async def test_a_closed_port_is_said() -> None:
    link = make_link(free_port())
    async with running(link):
        await until(lambda: "cannot connect" in link.state.reason and "Connection refused" in link.state.reason)
        assert link.room == 0
        assert not link.publish("t", b"")
        with pytest.raises(TransientError, match="not connected"):
            await link.deliver("t", b"")


# --- what arrives ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_was_not_acknowledged_comes_again(mosquitto: Mosquitto, protocol: str) -> None:
    session: dict[str, Any] = {"clean_start": False, "session_expiry_s": 600, "protocol": protocol}
    other = make_link(mosquitto.port, "other")
    first = make_link(mosquitto.port, "keeper", **session)
    reader = Reader(first, "t", acks=False)
    async with linked(other):
        async with linked(first):
            for n in range(6):
                await other.deliver("t", b"%d" % n)
            await until(lambda: len(reader.messages) == 6)
            for n in (4, 1, 0):
                reader.messages[n].ack()
            await ready(first)  # behind the acknowledgements on the same connection
        await other.deliver("t", b"6")
        second = make_link(mosquitto.port, "keeper", **session)
        again = Reader(second, "t")
        reader.messages[2].ack()  # too late: that connection is gone
        async with linked(second):
            await until(lambda: len(again.messages) == 5)
            await ready(second)
        third = make_link(mosquitto.port, "keeper", **session)
        rest = Reader(third, "t")
        async with linked(third):
            await other.deliver("t", b"last")
            await until(lambda: rest.messages)
    # acknowledgements go out in the order of arrival: 4 waited for 2 and 3
    assert again.payloads() == [b"2", b"3", b"4", b"5", b"6"]
    assert rest.payloads() == [b"last"]


async def test_what_is_wrong_with_a_message_is_counted_and_done(mosquitto: Mosquitto) -> None:
    counters = Counters()
    link = make_link(mosquitto.port, counters=counters)
    reader = Reader(link, "t/#")

    def picky(_message: Message) -> None:
        raise HadirError("no")

    link.subscribe("picky", picky)
    other = make_link(mosquitto.port, "other")
    async with linked(link, other):
        await other.deliver("t/a", bytes(MAX_RECEIVE + 1))
        await other.deliver("picky", b"")
        await other.deliver("t/a", bytes(MAX_RECEIVE))
        await until(lambda: reader.messages)
        assert link.state.connects == 1
    assert len(reader.messages) == 1
    assert counters.snapshot() == {"mqtt.refused{handler}": 1, "mqtt.refused{too_big}": 1}


async def test_a_packet_beyond_all_bounds_is_not_read_into_memory(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """MQTT 3.1.1 has no word for how much we take: what is more ends the connection, and the link comes back."""
    link = make_link(mosquitto.port, protocol="3.1.1")
    reader = Reader(link, "t")
    async with linked(link), peer(mosquitto.port) as other:
        await other.publish("t", bytes(MAX_PACKET), qos=0)
        await until(lambda: link.state.connects == 2)
        assert f"a packet of {MAX_PACKET + len('..t')} bytes came" in caplog.text
        await ready(link)
        await other.publish("t", b"small", qos=0)
        await until(lambda: reader.payloads() == [b"small"])


@given(st.lists(st.sampled_from(["a", "b", "+", "#", "$s"]), min_size=1, max_size=4), st.data())
def test_filters_match_as_paho_says(wanted: list[str], data: st.DataObject) -> None:
    levels = wanted[: wanted.index("#") + 1] if "#" in wanted else wanted
    topic = "/".join(data.draw(st.lists(st.sampled_from(["a", "b", "", "$s"]), min_size=1, max_size=4)))
    name = "/".join(levels)
    assert matches(name, topic) == topic_matches_sub(name, topic)
    assert matches(f"$share/group/{name}", topic) == matches(name, topic)

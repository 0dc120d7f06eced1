"""The link against real brokers: Mosquitto that refuses, restarts, freezes and dies; and a peer that misbehaves."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.clock import SystemClock
from gateway.config.model import Broker, Tls
from gateway.counters import Counters
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.mqtt import Delivered, Link, Message, Note
from gateway.mqtt_inbox import MAX_RECEIVE, matches
from tests.conftest import Mosquitto, free_port, wait_for_port

GUARD_S = 20.0
READS_OURS = "user root\n"
"""Where tests run as root, Mosquitto would become another user, who cannot read a test's folder."""
QUEUES = "max_queued_messages 1000\n"
"""With 0, without a limit, Mosquitto 2.0.11 cuts the connection of who is refused a publish for the second time."""


def make_link(port: int, *, client_id: str = "link", counters: Counters | None = None, **settings: Any) -> Link:
    link = {
        key: settings.pop(key)
        for key in ("will", "farewell", "canary", "clean_start", "session_expiry_s", "base")
        if key in settings
    }
    return Link(
        Broker(port=port, **settings),
        client_id=client_id,
        clock=SystemClock(),
        counters=counters or Counters(),
        **{"base": Path(), **link},
    )


@asynccontextmanager
async def running(*links: Link, connected: bool = True) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(link.run()) for link in links]
    try:
        if connected:
            async with asyncio.timeout(GUARD_S):
                for link in links:
                    await link.connected()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def until(wanted: Callable[[], Any]) -> Any:
    async with asyncio.timeout(GUARD_S):
        while not (found := wanted()):  # noqa: ASYNC110 what is waited for has no event
            await asyncio.sleep(0.01)
        return found


def keep(into: list[Message]) -> Callable[[Message], None]:
    def handler(message: Message) -> None:
        into.append(message)
        message.ack()

    return handler


def peer(port: int, **settings: Any) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, **settings)


# --- there and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_what_is_published_arrives_in_order(mosquitto: Mosquitto, protocol: str) -> None:
    link = make_link(mosquitto.port, protocol=protocol, window=20)
    got: list[Message] = []
    link.subscribe("t/+/x", keep(got))
    async with running(link):
        assert link.state.reason == ""
        answers = await asyncio.gather(*(link.deliver("t/a/x", str(n).encode()) for n in range(500)))
        assert set(answers) == {Delivered(0, "")}
        await until(lambda: len(got) == 500)
    assert [message.payload for message in got] == [str(n).encode() for n in range(500)]
    assert (link.in_flight, link.state.connected, link.state.reason) == (0, False, "stopped")


async def test_the_window_is_never_exceeded_and_says_when_it_has_room(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port, window=7)
    answers: list[Any] = []
    most = 0
    left = 200

    def pump() -> None:
        nonlocal left, most
        while left and link.publish("t", b"x", done=answers.append):
            left -= 1
            most = max(most, link.in_flight)

    link.on_room(pump)
    async with running(link):
        pump()
        assert (link.room, link.in_flight) == (0, 7)
        assert not link.publish("t", b"x")
        await until(lambda: len(answers) == 200)
    assert most == link.window == 7
    assert set(answers) == {Delivered(0, "")}


async def test_who_waits_for_room_is_not_starved_by_who_takes_all_of_it(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port, window=5)
    order: list[str] = []

    def greedy() -> None:
        while len(order) < 5000 and link.publish("t", b"x"):
            order.append("greedy")

    link.on_room(greedy)
    async with running(link):
        greedy()
        await link.deliver("t", b"patient")
        assert len(order) < 100


async def test_the_brokers_own_limits_are_kept(make_mosquitto: Callable[..., Mosquitto]) -> None:
    broker = make_mosquitto(extra="max_inflight_messages 3\nmax_packet_size 2000\n")
    link = make_link(broker.port, window=50)
    async with running(link):
        assert link.window == 3
        await asyncio.gather(*(link.deliver("t", b"x") for _ in range(50)))
        with pytest.raises(PermanentError, match="too large"):
            await link.deliver("t", bytes(4000))
        assert link.state.connects == 1


async def test_messages_carry_what_mqtt_5_says_beside_the_payload(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port)
    got: list[Message] = []
    link.subscribe("q", keep(got))
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("a", "1"), ("b", "2")]
    properties.ResponseTopic = "r"
    properties.CorrelationData = b"c"
    async with running(link), peer(mosquitto.port) as other:
        await until(lambda: link.in_flight == 0)
        await other.subscribe("s")
        await other.publish("q", b"?", qos=1, properties=properties)
        await until(lambda: got)
        await link.deliver("s", b"!", content_type="text/x", expiry_s=60)
        answer = await anext(aiter(other.messages))
    (message,) = got
    assert (message.user, message.response_topic, message.correlation) == ({"a": "1", "b": "2"}, "r", b"c")
    assert (answer.properties.ContentType, answer.properties.MessageExpiryInterval) == ("text/x", 60)


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_a_refused_publish_says_why(make_mosquitto: Callable[..., Mosquitto], tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite mine/#\n", encoding="ascii")
    counters = Counters()
    link = make_link(make_mosquitto(extra=f"{READS_OURS}{QUEUES}acl_file {acl}\n").port, counters=counters)
    async with running(link):
        await link.deliver("mine/a", b"")
        with pytest.raises(PermanentError, match="Not authorized") as caught:
            await link.deliver("theirs/a", b"")
        assert caught.value.reason == "refused"
        answers: list[Any] = []
        assert link.publish("theirs/a", b"", done=answers.append)
        await until(lambda: answers)
        assert answers == [Delivered(0x87, "Not authorized")]
        assert link.state.connected
    assert counters.get("mqtt.publish_refused") == 2


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_wrong_password_is_a_state_and_heals_when_the_file_does(
    make_mosquitto: Callable[..., Mosquitto], tmp_path: Path, protocol: str
) -> None:
    passwords = tmp_path / "passwords"
    process = await asyncio.create_subprocess_exec("mosquitto_passwd", "-c", "-b", str(passwords), "gw", "right")
    assert await process.wait() == 0
    passwords.chmod(0o644)
    broker = make_mosquitto(extra=f"{READS_OURS}allow_anonymous false\npassword_file {passwords}\n")
    (tmp_path / "secret").write_text("wrong\n", encoding="ascii")
    link = make_link(broker.port, protocol=protocol, username="gw", password_file="secret", base=tmp_path)
    async with running(link, connected=False):
        await until(lambda: "ot authorized" in link.state.reason)
        (tmp_path / "secret").unlink()
        await until(lambda: "secret" in link.state.reason)
        (tmp_path / "secret").write_text("right\n", encoding="ascii")
        await until(lambda: link.state.connected)
    assert link.state.connects == 1


async def test_a_closed_port_is_said(tmp_path: Path) -> None:
    link = make_link(free_port())
    async with running(link, connected=False):
        await until(lambda: "Connection refused" in link.state.reason)
        assert not link.publish("t", b"")
        with pytest.raises(TransientError, match="not connected"):
            await link.deliver("t", b"")


# --- what arrives ----------------------------------------------------------------------------------------------------


async def test_what_was_not_acknowledged_comes_again(mosquitto: Mosquitto) -> None:
    got: list[Message] = []
    session: dict[str, Any] = {"client_id": "keeper", "clean_start": False, "session_expiry_s": 600}
    first = make_link(mosquitto.port, **session)
    first.subscribe("t", got.append)
    other = make_link(mosquitto.port, client_id="other")
    async with running(other):
        async with running(first):
            for n in range(5):
                await other.deliver("t", str(n).encode())
            await until(lambda: len(got) == 5)
            got[1].ack()
            got[0].ack()
            got[3].ack()
            await asyncio.sleep(0.05)
        await other.deliver("t", b"5")
        again: list[Message] = []
        second = make_link(mosquitto.port, **session)
        second.subscribe("t", keep(again))
        got[2].ack()  # too late: that connection is gone
        async with running(second):
            await until(lambda: len(again) == 4)
        third = make_link(mosquitto.port, **session)
        third.subscribe("t", keep(again))
        async with running(third):
            await other.deliver("t", b"last")
            await until(lambda: len(again) == 5)
    assert [message.payload for message in again] == [b"2", b"3", b"4", b"5", b"last"]


async def test_what_is_wrong_with_a_message_is_counted_and_done(mosquitto: Mosquitto) -> None:
    counters = Counters()
    link = make_link(mosquitto.port, counters=counters)
    got: list[Message] = []

    def picky(message: Message) -> None:
        raise HadirError("no")

    link.subscribe("t/#", keep(got))
    link.subscribe("picky", picky)
    async with running(link, other := make_link(mosquitto.port, client_id="other")):
        await other.deliver("t/a", bytes(MAX_RECEIVE + 1))
        await other.deliver("picky", b"")
        await other.deliver("t/a", bytes(MAX_RECEIVE))
        await until(lambda: got)
        assert link.state.connects == 1
    assert len(got) == 1
    assert counters.snapshot() == {"mqtt.refused{handler}": 1, "mqtt.refused{too_big}": 1}


async def test_a_packet_beyond_all_bounds_is_not_read_into_memory(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port, protocol="3.1.1")
    link.subscribe("t", lambda message: message.ack())
    async with running(link), peer(mosquitto.port) as other:
        await other.publish("t", bytes(2 << 20), qos=0)
        await until(lambda: "a packet of 2097" in link.state.reason)
        await until(lambda: link.state.connects == 2)


@given(st.lists(st.sampled_from(["a", "b", "+", "#", "$s"]), min_size=1, max_size=4), st.data())
def test_filters_match_as_paho_says(wanted: list[str], data: st.DataObject) -> None:
    levels = wanted[: wanted.index("#") + 1] if "#" in wanted else wanted
    topic = "/".join(data.draw(st.lists(st.sampled_from(["a", "b", "", "$s"]), min_size=1, max_size=4)))
    name = "/".join(levels)
    assert matches(name, topic) == topic_matches_sub(name, topic)
    assert matches(f"$share/group/{name}", topic) == matches(name, topic)


# --- losses ----------------------------------------------------------------------------------------------------------


async def test_a_restarted_broker_is_subscribed_to_again(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port)
    got: list[Message] = []
    connects: list[int] = []
    link.subscribe("t", keep(got))
    link.on_connect(lambda: connects.append(link.state.connects))
    async with running(link):
        await link.deliver("t", b"1")
        await until(lambda: len(got) == 1)
        mosquitto.kill()
        await until(lambda: not link.state.connected)
        assert link.state.reason
        mosquitto.start()
        await until(lambda: link.state.connected)
        link.subscribe("late", keep(got))
        await link.deliver("t", b"2")
        await link.deliver("late", b"3")
        await until(lambda: len(got) == 3)
    assert connects == [1, 2]


async def test_each_publish_gets_one_answer_when_the_broker_is_killed(mosquitto: Mosquitto) -> None:
    """PUBACKed, lost, or refused at once: nothing is silent, and nothing is told twice."""
    link = make_link(mosquitto.port, window=50)
    answers: dict[int, list[Any]] = {}
    sent = 0

    def pump() -> None:
        nonlocal sent
        while sent < 20_000:
            waiting = answers.setdefault(sent, [])
            if not link.publish("t", b"%d" % sent, done=waiting.append):
                del answers[sent]
                return
            sent += 1

    link.on_room(pump)
    link.on_connect(pump)
    async with running(link):
        for _ in range(3):
            await until(lambda: link.state.connected and sent > 0)
            before = sent
            await until(lambda before=before: sent > before + 500 or sent == 20_000)
            waiter = asyncio.create_task(link.deliver("t", b"waits"))
            await asyncio.sleep(0)
            mosquitto.kill()
            with_answer = await asyncio.gather(waiter, return_exceptions=True)
            assert isinstance(with_answer[0], Delivered | TransientError)
            await until(lambda: not link.state.connected)
            assert link.in_flight == 0
            mosquitto.start()
        await until(lambda: sent == 20_000 and link.in_flight == 0)
    assert all(len(answer) == 1 for answer in answers.values())
    lost = [answer for (answer,) in answers.values() if isinstance(answer, TransientError)]
    assert 0 < len(lost) <= 150


@pytest.mark.parametrize("busy", [True, False])
@pytest.mark.parametrize("canary", ["own/canary", None])
async def test_a_frozen_broker_is_noticed(mosquitto: Mosquitto, busy: bool, canary: str | None) -> None:
    counters = Counters()
    link = make_link(mosquitto.port, frozen_after_s=1, canary=canary, counters=counters)
    assert mosquitto.process is not None
    async with running(link):
        os.kill(mosquitto.process.pid, signal.SIGSTOP)
        try:
            answers: list[Any] = []
            if busy:
                link.publish("t", b"", done=answers.append)
            await until(lambda: not link.state.connected)
            assert ("frozen" in link.state.reason) or ("Keep alive" in link.state.reason)
            assert all(isinstance(answer, TransientError) for answer in answers)
            assert len(answers) == int(busy)
        finally:
            os.kill(mosquitto.process.pid, signal.SIGCONT)
        await until(lambda: link.state.connected)
        await link.deliver("t", b"")


async def test_a_quiet_link_stays_up(mosquitto: Mosquitto) -> None:
    links = [
        make_link(mosquitto.port, client_id=f"quiet-{k}", frozen_after_s=1, canary=canary)
        for k, canary in enumerate(("own/canary", None))
    ]
    async with running(*links):
        await asyncio.sleep(3)
        assert [link.state.connects for link in links] == [1, 1]


async def test_goodbye_and_last_will(mosquitto: Mosquitto) -> None:
    settings: dict[str, Any] = {"will": Note("status", b"lost"), "farewell": Note("status", b"disconnected")}
    async with peer(mosquitto.port) as other:
        await other.subscribe("status")
        said = aiter(other.messages)
        async with running(make_link(mosquitto.port, **settings)):
            pass
        assert (await anext(said)).payload == b"disconnected"
        link = make_link(mosquitto.port, **settings)
        async with running(link):
            assert link._session is not None
            link._session._wire.abort()
            assert (await anext(said)).payload == b"lost"


async def test_two_clients_of_one_name_do_not_fight_at_full_speed(mosquitto: Mosquitto) -> None:
    links = [make_link(mosquitto.port, client_id="same") for _ in range(2)]
    async with running(*links, connected=False):
        await until(lambda: sum(link.state.connects for link in links) >= 3)
        await asyncio.sleep(2)
        assert sum(link.state.connects for link in links) < 20


# --- a peer that misbehaves -------------------------------------------------------------------------------------------

CONNACK = bytes.fromhex("2003000000")


@asynccontextmanager
async def server(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def packet(reader: asyncio.StreamReader) -> bytes:
    """One short packet."""
    head = await reader.readexactly(2)
    length = head[1]
    if length & 0x80:
        length = (length & 0x7F) + 128 * (await reader.readexactly(1))[0]
    return head[:1] + await reader.readexactly(length)


async def test_a_refused_subscription_is_a_state_and_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.mqtt.ASK_AGAIN_S", 0.1)
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await packet(reader)
        writer.write(CONNACK)
        while True:
            received = await packet(reader)
            if received[0] == 0x82:
                asked += 1
                codes = b"\x87\x01" if asked == 1 else b"\x87" if asked == 2 else b"\x01"
                writer.write(bytes((0x90, 3 + len(codes))) + received[1:3] + b"\0" + codes)
            elif received[0] == 0xC0:
                writer.write(b"\xd0\0")

    async with server(talk) as port:
        link = make_link(port)
        link.subscribe("no/#", lambda message: message.ack())
        link.subscribe("yes", lambda message: message.ack())
        async with running(link):
            await until(lambda: link.state.refused)
            assert link.state.refused == {"no/#": "Not authorized"}
            assert link.state.reason == "subscription to no/# refused: Not authorized"
            await until(lambda: not link.state.refused)
            assert (link.state.connected, link.state.reason, asked) == (True, "", 3)


async def test_what_follows_connack_in_the_same_segment_is_acknowledged() -> None:
    acknowledged = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        publish = b"\0\1t" + b"\0\7" + b"\0" + b"body"
        writer.write(CONNACK + bytes((0x32, len(publish))) + publish)
        while True:
            if (await packet(reader))[:3] == b"\x40\0\7":
                acknowledged.set()

    async with server(talk) as port:
        link = make_link(port)
        got: list[Message] = []
        link.subscribe("t", keep(got))
        async with running(link), asyncio.timeout(GUARD_S):
            await acknowledged.wait()
    assert [message.payload for message in got] == [b"body"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed"),
        (bytes.fromhex("2003008800"), "refused: Server unavailable"),
        (bytes.fromhex("f000"), "ended"),
        (bytes.fromhex("ffffffffffff"), "ended"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "closed"),
        (CONNACK + bytes.fromhex("e0018b"), "said: Server shutting down"),
        (CONNACK + bytes.fromhex("30ffffff7f") + bytes(100), "a packet of 268435455 bytes"),
    ],
)
async def test_nonsense_is_a_reason_and_no_crash(answer: bytes, said: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(answer)
        await writer.drain()

    async with server(talk) as port:
        link = make_link(port)
        async with running(link, connected=False):
            await until(lambda: said in link.state.reason)


async def test_a_stop_does_not_wait_for_a_silent_peer() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with server(talk) as port:
        link = make_link(port, farewell=Note("s", b"bye"))
        async with asyncio.timeout(5), running(link, connected=False):
            await asyncio.sleep(0.1)
        assert link.state.reason == "stopped"


# --- TLS --------------------------------------------------------------------------------------------------------------


def _certificate(folder: Path, name: str, issuer: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
    """A key and a certificate as PEM files; signed by itself where there is no issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, certificate = issuer or (key, None)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if certificate is None else certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=certificate is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )
    made = builder.sign(signer, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / f"{name}.key").chmod(0o644)
    return key, made


async def test_tls_with_certificates_on_both_sides(make_mosquitto: Callable[..., Mosquitto], tmp_path: Path) -> None:
    ca = _certificate(tmp_path, "ca")
    for name in ("broker", "gw-1"):
        _certificate(tmp_path, name, ca)
    _certificate(tmp_path, "other-ca")
    broker = make_mosquitto(
        extra=f"{READS_OURS}cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.key\n"
        "require_certificate true\nuse_identity_as_username true\n"
    )
    assert broker.process is not None
    wait_for_port(broker.port, broker.process)

    def tls(**files: str) -> Tls:
        return Tls(**{what: Path(file) for what, file in files.items()})

    mutual = tls(ca="ca.pem", certificate="gw-1.pem", key="gw-1.key")
    link = make_link(broker.port, tls=mutual, base=tmp_path, farewell=Note("s", b"bye"))
    got: list[Message] = []
    link.subscribe("t", keep(got))
    async with running(link):
        await asyncio.gather(*(link.deliver("t", bytes(30_000)) for _ in range(100)))
        await until(lambda: len(got) == 100)
    stranger = make_link(broker.port, client_id="s", tls=tls(ca="other-ca.pem"), base=tmp_path)
    nameless = make_link(broker.port, client_id="n", tls=tls(ca="ca.pem"), base=tmp_path)
    missing = make_link(broker.port, client_id="m", tls=tls(ca="no.pem"), base=tmp_path)
    async with running(stranger, nameless, missing, connected=False):
        await until(lambda: "not trusted" in stranger.state.reason)
        await until(lambda: nameless.state.reason != "starting")
        await until(lambda: "no.pem" in missing.state.reason or "No such file" in missing.state.reason)
        assert not nameless.state.connects

"""The link against a real Mosquitto: what it tells, what it notices, and what it comes back from."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.config.model import Tls
from gateway.counters import Counters
from gateway.errors import PermanentError, TransientError
from gateway.mqtt import Delivered, Message, Note
from tests.conftest import Mosquitto, free_port
from tests.delivery.links import Inbox, Wire, make_link, ready
from tests.delivery.world import running, until

PLUGINS = [
    f"/usr/{folder}/mosquitto_dynamic_security.so"
    for folder in ("lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib", "local/lib")
]
PROTOCOLS = ["5", "3.1.1"]
MakeBroker = Callable[..., Mosquitto]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_it_delivers(mosquitto: Mosquitto, protocol: str) -> None:
    link = make_link(mosquitto.port, protocol=protocol)
    inbox = Inbox(link)
    async with running(link):
        await ready(link)
        assert await link.deliver("t/1", b"one", expiry_s=90, content_type="text/plain") == Delivered(0, "")
        assert await link.deliver("t/0", b"zero", qos=0) == Delivered(0, "")
        assert await link.deliver("t/r", b"kept", retain=True)
        await until(lambda: len(inbox.messages) == 3)
        late = make_link(mosquitto.port, "b", protocol=protocol)
        kept = Inbox(late, "t/+")
        async with running(late):
            await until(lambda: kept.payloads() == [b"kept"])
            assert kept.messages[0].retain
    assert {m.topic: m.payload for m in inbox.messages} == {"t/1": b"one", "t/0": b"zero", "t/r": b"kept"}
    assert (link.state.connected, link.state.reason) == (False, "stopped")
    assert not link.publish("t", b"")
    with pytest.raises(TransientError, match="stopped"):
        await link.deliver("t", b"")


async def test_an_acl_refusal_is_permanent(make_mosquitto: MakeBroker, tmp_path: Path) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite open/#\ntopic readwrite probe\n")
    broker = make_mosquitto(extra=f"user root\nacl_file {rules}\n")
    link = make_link(broker.port)
    async with running(link):
        await ready(link)
        with pytest.raises(PermanentError, match="closed/1") as refused:
            await link.deliver("closed/1", b"")
        assert refused.value.reason == "refused"
        # Mosquitto 2.0.11 closes the connection behind such a PUBACK: the link comes back
        answers: list[int] = []
        while not answers:
            try:
                answers.append((await link.deliver("open/1", b"")).reason)
            except TransientError:
                await asyncio.sleep(0.05)
        assert answers[0] < 0x80


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_refused_subscription_is_a_state(make_mosquitto: MakeBroker, tmp_path: Path, protocol: str) -> None:
    plugin = next((path for path in PLUGINS if os.access(path, os.R_OK)), None)
    if plugin is None:
        pytest.skip("Mosquitto refuses a subscription only by its plugin for dynamic security, which is not here")
    acls = [{"acltype": "subscribePattern", "topic": "open/#", "allow": True}]
    access = dict.fromkeys(("publishClientSend", "publishClientReceive", "unsubscribe"), True) | {"subscribe": False}
    security = {
        "defaultACLAccess": access,
        "roles": [{"rolename": "reader", "acls": acls}],
        "groups": [{"groupname": "all", "roles": [{"rolename": "reader"}]}],
        "anonymousGroup": "all",
    }
    (tmp_path / "security.json").write_text(json.dumps(security))
    broker = make_mosquitto(
        extra=f"user root\nplugin {plugin}\nplugin_opt_config_file {tmp_path}/security.json\nallow_anonymous true\n"
    )
    link = make_link(broker.port, protocol=protocol)
    inbox = Inbox(link, "open/#")
    Inbox(link, "closed/#")
    async with running(link):
        await ready(link)
        assert list(link.state.refused) == ["closed/#"]
        assert link.state.connected
        assert "closed/#" in link.state.reason
        await link.deliver("open/1", b"x")
        await until(lambda: inbox.payloads() == [b"x"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_after_a_broker_that_forgot_it_is_subscribed_again(mosquitto: Mosquitto, protocol: str) -> None:
    link = make_link(mosquitto.port, protocol=protocol)
    inbox = Inbox(link)
    connects: list[int] = []
    link.on_connect(lambda: connects.append(link.state.connects))
    async with running(link):
        await ready(link)
        mosquitto.kill()
        await until(lambda: not link.state.connected)
        with pytest.raises(TransientError, match="not connected"):
            await link.deliver("t", b"lost")
        mosquitto.start()
        await until(lambda: link.state.connected)
        await link.deliver("t", b"again")
        await until(lambda: inbox.payloads() == [b"again"])
    assert connects == [1, 2]


async def test_a_lost_connection_answers_everybody_who_waits(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port, window=3)
    async with running(link):
        await ready(link)
        assert mosquitto.process is not None
        os.kill(mosquitto.process.pid, signal.SIGSTOP)
        waiting = [asyncio.create_task(link.deliver("t", b"%d" % n)) for n in range(8)]
        await until(lambda: link.room == 0)
        mosquitto.kill()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(answer, TransientError) for answer in answers)
        mosquitto.start()


@pytest.mark.parametrize("busy", [True, False], ids=["publish", "canary"])
async def test_a_frozen_broker_is_noticed(mosquitto: Mosquitto, busy: bool) -> None:
    counters = Counters()
    link = make_link(mosquitto.port, counters=counters, frozen_after_s=1, canary=None if busy else "canary")
    told: list[Any] = []
    async with running(link):
        await ready(link)
        assert mosquitto.process is not None
        os.kill(mosquitto.process.pid, signal.SIGSTOP)
        try:
            if busy:
                link.publish("t", b"", done=told.append)
            await until(lambda: not link.state.connected)
            assert counters.get("mqtt.frozen") == 1
        finally:
            os.kill(mosquitto.process.pid, signal.SIGCONT)
        await until(lambda: link.state.connected)
    assert all(isinstance(answer, TransientError) for answer in told)
    assert len(told) == busy


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_the_will_speaks_for_the_dead_and_the_farewell_for_the_stopped(
    mosquitto: Mosquitto, protocol: str
) -> None:
    watcher = make_link(mosquitto.port, "watcher")
    seen = Inbox(watcher, "status")
    notes = {"will": Note("status", b"lost"), "farewell": Note("status", b"disconnected"), "protocol": protocol}
    async with running(watcher):
        await ready(watcher)
        link = make_link(mosquitto.port, "one", **notes)
        async with running(link):
            await ready(link)
            await link.deliver("status", b"ready", retain=True)
        await until(lambda: len(seen.messages) == 2)
        assert seen.payloads() == [b"ready", b"disconnected"]
        async with Wire(mosquitto.port).open() as wire:
            other = make_link(wire.port, "two", **notes)
            async with running(other):
                await ready(other)
                wire.cut()
                await until(lambda: len(seen.messages) == 3)
                await until(lambda: other.state.connects == 2)
        assert seen.payloads()[2] == b"lost"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_was_not_acknowledged_comes_again(mosquitto: Mosquitto, protocol: str) -> None:
    session = {"clean_start": False, "session_expiry_s": 3600, "protocol": protocol}
    sender = make_link(mosquitto.port, "sender")
    async with running(sender):
        first = make_link(mosquitto.port, "archive", **session)
        inbox = Inbox(first, "evt/#", acks=False)
        async with running(first):
            await ready(first, sender)
            for n in range(6):
                await sender.deliver("evt/x", b"%d" % n)
            await until(lambda: len(inbox.messages) == 6)
            for n in (4, 1, 0):
                inbox.messages[n].ack()
            await first.deliver("marker", b"")  # behind the acknowledgements on the same connection
        second = make_link(mosquitto.port, "archive", **session)
        again = Inbox(second, "evt/#")
        async with running(second):
            await ready(second)
            await sender.deliver("evt/x", b"last")
            await until(lambda: b"last" in again.payloads())
        # acknowledgements go out in the order of arrival: 4 waited for 2 and 3
        assert again.payloads() == [b"2", b"3", b"4", b"5", b"last"]
        for message in inbox.messages:
            message.ack()  # of a connection that is gone: harmless


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_the_window_is_never_exceeded(mosquitto: Mosquitto, protocol: str) -> None:
    link = make_link(mosquitto.port, protocol=protocol, window=7)
    inbox = Inbox(link)
    most = 0
    told: list[Any] = []
    async with running(link):
        await ready(link)
        refused = 0
        for n in range(200):
            while not link.publish("t", b"%d" % n, done=told.append):
                refused += 1
                await asyncio.sleep(0)
            most = max(most, link.window - link.room)
        await until(lambda: len(inbox.messages) == 200)
        await until(lambda: len(told) == 200)
    assert most == 7
    assert refused > 0
    assert inbox.payloads() == [b"%d" % n for n in range(200)]


async def test_a_broker_with_a_smaller_window_is_respected(make_mosquitto: MakeBroker) -> None:
    broker = make_mosquitto(extra="max_inflight_messages 5\n")
    link = make_link(broker.port, window=50)
    inbox = Inbox(link)
    async with running(link):
        await ready(link)
        assert link.room <= 5
        await asyncio.gather(*(link.deliver("t", b"%d" % n) for n in range(300)))
        await until(lambda: len(inbox.messages) == 300)
    assert link.state.connects == 1


async def test_many_deliveries_share_a_window_of_one(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port, window=1)
    async with running(link):
        await ready(link)
        waiting = [asyncio.create_task(link.deliver("t", b"%d" % n)) for n in range(20)]
        await asyncio.sleep(0)
        for task in waiting[3:10]:
            task.cancel()
        done = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in done] == [
        asyncio.CancelledError if 3 <= n < 10 else Delivered for n in range(20)
    ]


async def test_what_a_handler_does_not_take_is_counted_and_acknowledged(mosquitto: Mosquitto) -> None:
    counters = Counters()
    link = make_link(mosquitto.port, counters=counters)
    good: list[bytes] = []

    def handler(message: Message) -> None:
        if message.payload == b"bad":
            raise PermanentError("invalid")
        good.append(message.payload)
        message.ack()

    link.subscribe("t", handler)
    async with running(link):
        await ready(link)
        await link.deliver("t", b"bad")
        await link.deliver("t", b"good")
        await until(lambda: good)
    assert good == [b"good"]
    assert counters.get("mqtt.refused", "handler") == 1


async def test_nobody_listens_is_a_state(tmp_path: Path) -> None:
    link = make_link(free_port())
    async with running(link):
        await until(lambda: "cannot connect" in link.state.reason)
        assert link.room == 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_name_and_password(make_mosquitto: MakeBroker, tmp_path: Path, protocol: str) -> None:
    passwords = tmp_path / "passwords"
    made = await asyncio.create_subprocess_exec("mosquitto_passwd", "-b", "-c", str(passwords), "gw-1", "s3cret")
    assert await made.wait() == 0
    (tmp_path / "right").write_text("s3cret\n")
    (tmp_path / "wrong").write_text("secret\n")
    broker = make_mosquitto(extra=f"user root\nallow_anonymous false\npassword_file {passwords}\n")
    account = {"username": "gw-1", "protocol": protocol, "base": tmp_path}
    link = make_link(broker.port, password_file=Path("right"), **account)
    async with running(link):
        await ready(link)
        await link.deliver("t", b"")
    for file in ("wrong", "absent"):
        refused = make_link(broker.port, password_file=Path(file), **account)
        async with running(refused):
            await until(lambda refused=refused: refused.state.reason not in {"starting", ""})
            assert not refused.state.connected


def _certificates(folder: Path) -> None:
    """An authority, a server and a client of it, and a stranger's authority."""
    now = datetime.datetime.now(datetime.UTC)

    def issue(
        name: str, issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None
    ) -> tuple[x509.Name, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        by, signer = issuer or (subject, key)
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .sign(signer, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        return subject, key

    authority = issue("ca", None)
    issue("server", authority)
    issue("gw-1", authority)
    issue("stranger", None)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho drops a socket that TLS refused
async def test_tls_with_certificates_of_both_sides(make_mosquitto: MakeBroker, tmp_path: Path) -> None:
    _certificates(tmp_path)
    broker = make_mosquitto(
        extra=f"user root\ncafile {tmp_path}/ca.pem\ncertfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.key\n"
        "require_certificate true\nuse_identity_as_username true\n"
    )
    own = {"certificate": Path("gw-1.pem"), "key": Path("gw-1.key")}
    link = make_link(broker.port, base=tmp_path, tls=Tls(ca=Path("ca.pem"), **own))
    inbox = Inbox(link)
    async with running(link):
        await ready(link)
        # more than one TLS record: what is decrypted and not yet read makes no socket readable
        payloads = [bytes([n]) * 40_000 for n in range(20)]
        await asyncio.gather(*(link.deliver("t", payload) for payload in payloads))
        await until(lambda: len(inbox.messages) == 20)
    assert sorted(inbox.payloads()) == payloads
    for tls in (
        Tls(ca=Path("stranger.pem"), **own),
        Tls(ca=Path("ca.pem")),
        Tls(ca=Path("absent.pem"), **own),
        Tls(ca=Path("ca.pem"), certificate=Path("absent.pem"), key=Path("gw-1.key")),
    ):
        refused = make_link(broker.port, base=tmp_path, tls=tls)
        async with running(refused):
            await until(lambda refused=refused: refused.state.reason not in {"starting", ""})
            assert not refused.state.connected

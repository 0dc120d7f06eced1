"""LoRaWAN sources: envelopes of both network servers over a real Mosquitto, repeats, crashes, old uplinks, rubbish."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim import lorawan as sim
from gateway.clock import ManualClock, SystemClock, parse_rfc3339, rfc3339
from gateway.config.sources import Broker
from gateway.counters import Counters
from gateway.errors import PermanentError
from gateway.mqtt import Message
from gateway.sources.base import SourceState
from gateway.sources.lorawan import LorawanSource, Network, chirpstack, things_stack
from tests.conftest import Mosquitto
from tests.sources.brokers import Taken, link, publish, running
from tests.sources.conftest import soon

EUI = "24e124136b502217"
MEDIA = {EUI: "lorawan:milesight:vs121"}
NOW = "2026-11-26T09:00:00Z"
networks = pytest.mark.parametrize("network", ["chirpstack", "ttn"])
TOPIC = {"chirpstack": f"application/a1/device/{EUI}/event/up", "ttn": "v3/a1@ttn/devices/desk-1/up"}


def chirp(f_cnt: int, data: bytes = b"\x03\x00\x01", *, at: str = NOW, uid: str = "", **more: Any) -> dict[str, Any]:
    return {
        "deduplicationId": uid or f"id-{f_cnt}",
        "time": at,
        "deviceInfo": {"devEui": EUI, "deviceName": "desk 1"},
        "fCnt": f_cnt,
        "fPort": 85,
        "data": b64encode(data).decode(),
        "rxInfo": [{"gatewayId": "g1", "rssi": -101, "snr": 2.5}, {"gatewayId": "g2", "rssi": -57, "snr": 9.0}],
        **more,
    }


def ttn(f_cnt: int, data: bytes = b"\x03\x00\x01", *, at: str = NOW, uid: str = "", **more: Any) -> dict[str, Any]:
    uplink = {
        "f_port": 85,
        "f_cnt": f_cnt,
        "frm_payload": b64encode(data).decode(),
        "rx_metadata": [{"gateway_ids": {"gateway_id": "g1"}, "rssi": -101}, {"rssi": -57}],
        "received_at": at,
        **more,
    }
    return {
        "end_device_ids": {"device_id": "desk-1", "dev_eui": EUI.upper()},
        "correlation_ids": ["as:up:x", f"gs:uplink:{uid or f_cnt}"],
        "received_at": at,
        "uplink_message": {name: value for name, value in uplink.items() if value},  # as protocol buffers write JSON
    }


MAKE = {"chirpstack": chirp, "ttn": ttn}


def source(port: int, counters: Counters, network: Network = "chirpstack", **more: Any) -> LorawanSource:
    behind = link(port, counters)
    return LorawanSource("net", behind, network, MEDIA, SystemClock(), counters, **more)


def up(network: str, *messages: dict[str, Any]) -> list[tuple[str, bytes, bool]]:
    return [(TOPIC[network], json.dumps(message).encode(), False) for message in messages]


@networks
async def test_an_uplink_becomes_a_frame(mosquitto: Mosquitto, network: Network) -> None:
    counters = Counters()
    net = source(mosquitto.port, counters, network)
    async with running(net, counters) as taken:
        await publish(mosquitto.port, up(network, MAKE[network](7, at=rfc3339(SystemClock().office()))))
        (frame,) = await taken.count(1)
    assert (frame.medium, frame.source, frame.address) == ("lorawan:milesight:vs121", "net", EUI)
    assert (frame.payload, frame.port, frame.rssi) == (b"\x03\x00\x01", 85, -57)
    assert abs(frame.received_at - SystemClock().office()) < 60e9
    assert net.state.frames == 1


@networks
async def test_the_simulated_network_server_is_understood(mosquitto: Mosquitto, network: Network) -> None:
    counters = Counters()
    device = sim.Device(dev_eui=EUI, name="vs121-1")
    make = sim.chirpstack_up if network == "chirpstack" else sim.things_stack_up
    join = sim.chirpstack_join if network == "chirpstack" else sim.things_stack_join
    uplink = sim.vs121_people(3, [True, False])
    at = SystemClock().office()
    async with running(source(mosquitto.port, counters, network), counters) as taken:
        said = [join(device, at), make(device, uplink, 0, at, (sim.Heard(rssi=-90), sim.Heard(rssi=-61)))]
        await publish(mosquitto.port, [(topic, body, False) for topic, body in said])
        (frame,) = await taken.count(1)
    assert (frame.payload, frame.port, frame.rssi) == (uplink.payload, 85, -61)


@networks
async def test_a_repeat_is_delivered_once_and_a_rejoin_is_none(mosquitto: Mosquitto, network: Network) -> None:
    counters = Counters()
    make = MAKE[network]
    said = [make(0, b"a", uid="p"), make(1, b"b", uid="q"), make(1, b"b", uid="q"), make(0, b"c", uid="r")]
    async with running(source(mosquitto.port, counters, network, network_time=False), counters) as taken:
        await publish(mosquitto.port, up(network, *said))
        frames = await taken.count(3)
        await soon(lambda: counters.get("lorawan.repeated") == 1)
    assert [frame.payload for frame in frames] == [b"a", b"b", b"c"]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_what_was_not_durable_comes_again_after_a_crash(
    mosquitto: Mosquitto, protocol: Literal["5", "3.1.1"]
) -> None:
    """The first life delivers four and gets two on the disk; the next one is told the other two, and only these."""
    counters = Counters()
    broker = Broker(port=mosquitto.port, protocol=protocol, frozen_after_s=2)

    def life() -> LorawanSource:
        behind = link(mosquitto.port, counters, broker=broker)
        return LorawanSource("net", behind, "chirpstack", MEDIA, SystemClock(), counters, network_time=False)

    async with running(life(), counters, at_once=False) as taken:
        await publish(mosquitto.port, up("chirpstack", *(chirp(n, bytes((n,))) for n in range(1, 5))))
        await taken.count(4)
        for durable in taken.waiting[:2]:
            durable()
    await publish(mosquitto.port, up("chirpstack", chirp(5, b"\x05")))  # nobody is there
    async with running(life(), counters) as again:
        frames = await again.count(3)
    assert [frame.payload for frame in frames] == [b"\x03", b"\x04", b"\x05"]
    async with running(life(), counters) as silent:
        await publish(mosquitto.port, up("chirpstack", chirp(6, b"\x06")))
        assert [frame.payload for frame in await silent.count(1)] == [b"\x06"]


async def test_a_lost_broker_comes_back(mosquitto: Mosquitto) -> None:
    counters, told = Counters(), list[tuple[bool, str, str]]()

    def note(state: SourceState) -> None:
        told.append((state.up, state.cause, state.problem))

    net = LorawanSource(
        "net", link(mosquitto.port, counters, on_state=note), "chirpstack", MEDIA, SystemClock(), counters
    )
    async with running(net, counters) as taken:
        mosquitto.kill()
        await soon(lambda: not net.state.up)
        mosquitto.start()
        await soon(lambda: net.state.up)
        await publish(mosquitto.port, up("chirpstack", chirp(1)))
        await taken.count(1)
    assert [(alive, cause) for alive, cause, _ in told] == [(True, ""), (False, "broker"), (True, "")]
    assert f"127.0.0.1:{mosquitto.port}" in told[1][2]
    assert "is it running" in told[1][2]


async def test_a_broker_that_is_started_anew_at_once_was_not_away(mosquitto: Mosquitto) -> None:
    counters, told = Counters(), list[bool]()
    net = LorawanSource(
        "net",
        link(mosquitto.port, counters, on_state=lambda state: told.append(state.up)),
        "chirpstack",
        MEDIA,
        SystemClock(),
        counters,
    )
    async with running(net, counters) as taken:
        mosquitto.stop()
        mosquitto.start()
        await soon(lambda: net.state.opens == 2)
        await publish(mosquitto.port, up("chirpstack", chirp(1)))
        await taken.count(1)
    assert told[0] is True
    assert set(told) == {True} or told == [True, False, True]  # a slow machine may need longer than the grace


async def test_rubbish_is_counted_by_cause_and_acknowledged(mosquitto: Mosquitto) -> None:
    counters = Counters()
    strange = {
        "not_json": b"\x0a\x10protobuf",
        "too_deep": b"[" * 40 + b"]" * 40,
        "too_big": json.dumps(chirp(1, object="x" * 70_000)).encode(),
        "not_uplink": b'{"deviceInfo": {"deviceName": "no DevEUI"}}',
        "bad_field": json.dumps({**chirp(1), "data": "%%%"}).encode(),
        "encrypted": json.dumps(chirp(1, joinServerContext={"sessionKeyId": "01"})).encode(),
        "unbound": json.dumps(chirp(1, deviceInfo={"devEui": "00" * 8})).encode(),
        "no_data": json.dumps({**chirp(1), "data": ""}).encode(),
        "old": json.dumps(chirp(1, at="2025-01-01T00:00:00Z")).encode(),
    }
    async with running(source(mosquitto.port, counters), counters) as taken:
        await publish(mosquitto.port, [(TOPIC["chirpstack"], body, False) for body in strange.values()])
        await publish(mosquitto.port, up("chirpstack", chirp(9, at=rfc3339(SystemClock().office()))))
        await taken.count(1)
    assert {cause: counters.get("lorawan.dropped", cause) for cause in strange} == dict.fromkeys(strange, 1)
    async with running(source(mosquitto.port, counters), counters) as again:  # nothing of it comes again
        await publish(mosquitto.port, up("chirpstack", chirp(10, b"x", at=rfc3339(SystemClock().office()))))
        assert [frame.payload for frame in await again.count(1)] == [b"x"]


# --- without a broker: what depends on time, and on what came before


class Acked:
    """Messages whose acknowledgements are counted."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, message: dict[str, Any], qos: int = 1) -> Message:
        return Message("t", json.dumps(message).encode(), qos, False, {}, None, None, self._ack)

    def _ack(self) -> None:
        self.count += 1


def alone(clock: ManualClock, counters: Counters, taken: Taken, **more: Any) -> LorawanSource:
    made = LorawanSource("net", link(1, counters, clock=clock), "chirpstack", MEDIA, clock, counters, **more)
    made._deliver = taken
    return made


async def test_a_repeat_of_what_is_not_durable_yet_waits_with_it() -> None:
    clock, counters, taken, acked = ManualClock(parse_rfc3339(NOW)), Counters(), Taken(at_once=False), Acked()
    net = alone(clock, counters, taken)
    for _ in range(3):
        net._arrived(acked(chirp(1)))
    assert (len(taken.frames), acked.count) == (1, 0)
    taken.waiting[0]()
    assert acked.count == 3
    net._arrived(acked(chirp(1)))
    assert (len(taken.frames), acked.count) == (1, 4)
    assert counters.get("lorawan.repeated") == 3


async def test_memory_of_uplinks_is_bounded() -> None:
    clock, taken, acked = ManualClock(parse_rfc3339(NOW)), Taken(at_once=False), Acked()
    net = alone(clock, Counters(), taken)
    for n in range(200):
        net._arrived(acked(chirp(n)))
    for durable in taken.waiting:
        durable()
    assert acked.count == 200
    assert len(net._seen[EUI]) == 32
    net._arrived(acked(chirp(3, uid="")))  # forgotten: delivered again rather than lost
    assert len(taken.frames) == 201


@pytest.mark.parametrize(
    ("said", "observed"),
    [
        ("2026-11-26T08:59:30.123456789+00:00", NOW),  # in time: our own clock counts
        ("2026-11-26T08:30:00Z", "2026-11-26T08:30:00Z"),  # out of a queue
        ("2026-11-25T09:00:01Z", "2026-11-25T09:00:01Z"),
        ("2026-11-25T08:59:59Z", None),  # says nothing about now
        ("2026-11-26T09:30:00Z", NOW),  # the future
        ("1970-01-01T00:02:03Z", NOW),  # a clock that was never set
        ("9999-12-31T23:59:59Z", NOW),
        ("yesterday", NOW),
        ("", NOW),
    ],
)
async def test_when_it_was_observed(said: str, observed: str | None) -> None:
    clock, counters, taken, acked = ManualClock(parse_rfc3339(NOW)), Counters(), Taken(), Acked()
    alone(clock, counters, taken)._arrived(acked(chirp(1, at=said)))
    assert [frame.received_at for frame in taken.frames] == ([] if observed is None else [parse_rfc3339(observed)])
    assert acked.count == 1
    assert counters.get("lorawan.dropped", "old") == (observed is None)


async def test_a_simulated_office_has_a_time_of_its_own() -> None:
    clock, taken = ManualClock(parse_rfc3339(NOW)), Taken()
    alone(clock, Counters(), taken, network_time=False)._arrived(Acked()(chirp(1, at="2026-01-01T00:00:00Z")))
    assert taken.frames[0].received_at == parse_rfc3339(NOW)


async def test_what_protocol_buffers_leave_out_is_zero() -> None:
    message = chirp(0, at=NOW)
    del message["fCnt"]
    assert chirpstack(message).f_cnt == 0
    del message["fPort"]
    assert chirpstack(message).f_port == 0
    del message["rxInfo"]
    assert chirpstack(message).rssi is None
    assert things_stack(ttn(0)).f_cnt == 0


async def test_an_uplink_sent_from_the_console_is_none() -> None:
    with pytest.raises(PermanentError, match="simulated"):
        things_stack({**ttn(1), "simulated": True})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from([*chirp(1), *ttn(1)]), value=JSON, inner=st.sampled_from(["", *ttn(1)["uplink_message"]]))
def test_no_field_of_any_kind_raises_anything_else(name: str, value: Any, inner: str) -> None:
    reasons = set[str]()
    for read, message in ((chirpstack, chirp(1)), (things_stack, ttn(1))):
        if inner and "uplink_message" in message:
            message["uplink_message"][inner] = value
        else:
            message[name] = value
        try:
            assert read(message).dev_eui == EUI
        except PermanentError as error:
            reasons.add(error.reason)
    assert reasons <= {"not_uplink", "bad_field", "encrypted", "simulated"}


async def test_cancellation_is_quick(mosquitto: Mosquitto) -> None:
    counters = Counters()
    net = source(mosquitto.port, counters)
    task = asyncio.ensure_future(net.run(Taken()))
    await soon(lambda: net.state.up)
    task.cancel()
    async with asyncio.timeout(10):
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert not net.state.up


@networks
async def test_a_device_that_nobody_configured_is_named_to_who_asks(mosquitto: Mosquitto, network: Network) -> None:
    counters, told = Counters(), list[tuple[str, str, str]]()
    net = source(mosquitto.port, counters, network, on_stranger=lambda *one: told.append(one))
    text = json.dumps(MAKE[network](1)).replace(EUI, "a84041ffff123456").replace(EUI.upper(), "A84041FFFF123456")
    async with running(net, counters):
        await publish(mosquitto.port, [(TOPIC[network], text.encode(), False)])
        await soon(lambda: counters.get("lorawan.dropped", "unbound") == 1)
    assert [(source_id, medium, address.lower()) for source_id, medium, address in told] == [
        ("net", "lorawan", "a84041ffff123456")
    ]

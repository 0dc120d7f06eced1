"""PUBLISH and PUBACK as bytes: as paho writes them, and read however the stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.mqtt_packets import Oversize, Puback, Splitter, publish

LARGEST = 1 << 20


class Recorder(paho.Client):
    """paho with its writer caught: what it would send."""

    def __init__(self, protocol: int) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, protocol=protocol)
        self.sent = b""

    def _packet_queue(self, _command, packet, *_rest, **_more):  # type: ignore[no-untyped-def]
        self.sent = bytes(packet)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


@given(
    topic=st.text(st.characters(codec="utf-8", exclude_characters="+#\0", exclude_categories=["Cs"]), min_size=1),
    payload=st.binary(max_size=300) | st.integers(0, 40_000).map(bytes),
    mid=st.integers(1, 0xFFFF),
    retain=st.booleans(),
    v5=st.booleans(),
    expiry=st.none() | st.integers(1, 2**32 - 1),
)
def test_a_publish_has_the_bytes_that_paho_writes(
    topic: str, payload: bytes, mid: int, retain: bool, v5: bool, expiry: int | None
) -> None:
    client = Recorder(paho.MQTTv5 if v5 else paho.MQTTv311)
    properties = Properties(PacketTypes.PUBLISH)
    if expiry and v5:
        properties.MessageExpiryInterval = expiry
    client._sock = object()  # type: ignore[assignment] it writes nothing without one
    client._send_publish(mid, topic.encode(), payload, 1, retain, properties=properties if v5 else None)
    ours = publish(topic.encode(), payload, mid, retain=retain, properties=bytes(properties.pack()) if v5 else None)
    client._sock = None
    assert ours == client.sent


OTHER = st.sampled_from([0x30, 0x32, 0x50, 0x90, 0xD0, 0xE0])


def packet(first: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | 0x80 if size else low)
        if not size:
            return bytes((first,)) + bytes(length) + body


PUBACKS = st.tuples(st.integers(0, 0xFFFF), st.sampled_from([None, 0, 0x10, 0x87, 0x97]), st.binary(max_size=200))
PACKETS = st.lists(PUBACKS | st.tuples(OTHER, st.binary(max_size=400)), max_size=30)


@given(packets=PACKETS, cuts=st.lists(st.integers(1, 50), max_size=200))
def test_however_the_stream_is_cut_pubacks_are_ours_and_the_rest_is_paho_s(
    packets: list[tuple[int, int | None, bytes] | tuple[int, bytes]], cuts: list[int]
) -> None:
    stream, others, wanted = b"", b"", []
    for one in packets:
        if len(one) == 2:
            made = packet(*one)
            others += made
        else:
            mid, reason, properties = one
            body = mid.to_bytes(2, "big")
            if reason is not None:
                body += bytes((reason,)) + (properties if properties else b"")
            made = packet(0x40, body)
            wanted.append(Puback(mid, reason or 0))
        stream += made
    got: list[Puback] = []
    splitter = Splitter(LARGEST, got.append)
    left = b""
    for size in [*cuts, len(stream)]:
        left += splitter.feed(stream[:size])
        stream = stream[size:]
    assert got == wanted
    assert left == others


def test_a_packet_beyond_the_bound_is_refused_before_it_is_here() -> None:
    with pytest.raises(Oversize) as caught:
        Splitter(LARGEST, lambda _puback: None).feed(packet(0x30, bytes(LARGEST + 1))[:5])
    assert caught.value.size == LARGEST + 1


def test_what_is_no_packet_goes_to_paho() -> None:
    for nonsense in (b"\xff\xff\xff\xff\xff\x01", b"\x40\xff\xff\xff\xff\xff"):
        splitter = Splitter(LARGEST, lambda _puback: None)
        assert splitter.feed(packet(0xD0, b"") + nonsense) == packet(0xD0, b"") + nonsense


@given(st.binary(max_size=300) | st.lists(st.sampled_from([0x40, 0x80, 0xFF, 0x02, 0x00])).map(bytes))
def test_nonsense_raises_nothing_else(data: bytes) -> None:
    splitter = Splitter(LARGEST, lambda _puback: None)
    try:
        for byte in data:
            splitter.feed(bytes((byte,)))
    except Oversize:
        pass

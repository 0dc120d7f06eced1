"""Our drivers against the decoders of others, the same adverts on both sides. Prints a line each, then one JSON object.

PYTHONPATH=. PYTHON bench/decode.py [ROUNDS], where PYTHON is of a virtual environment that has bthome-ble, bleparser
and ibeacon-ble from PyPI; a peer that is not there is said to be missing. Both sides of a pair run in this process, in
turns of a few milliseconds, and the median of the rounds' ratios counts. The adverts of 300 senders are read, each in
the form in which the decoder's own source hands it over, made before the clock runs: to bthome-ble and ibeacon-ble the
data under its UUID or company, to our driver the claimed AD structure. bleparser takes a whole HCI event and walks over
its AD structures, so against it our driver gets the whole advert too. Exit status 1 when a goal is not reached.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from random import Random
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

from drivers.api import Frame, Measurement
from drivers.beacon import ibeacon
from drivers.beacon.bthome import adverts as bthome

ROUNDS, SENDERS = 31, 300
FLAGS = b"\x02\x01\x06"


class Sent(NamedTuple):
    """One advert."""

    address: str
    data: bytes
    """What the AD structure holds, type included."""


class Side(NamedTuple):
    """A decoder and what it is fed with."""

    read: Callable[[Any], object]
    fed: Sequence[object]


class Pair(NamedTuple):
    """One contest."""

    what: str
    ours: Side
    peer: Side
    goal: float


def climate(rng: Random) -> list[Sent]:
    """BTHome: temperature, humidity, voltage. No packet id: bthome-ble passes a repeated one over."""
    return [
        Sent(_address(rng), b"\x16\xd2\xfc\x40\x02" + rng.randbytes(2) + b"\x03" + rng.randbytes(2) + b"\x0c\x02\x0c")
        for _ in range(SENDERS)
    ]


def tags(rng: Random) -> list[Sent]:
    """iBeacon."""
    uuid = rng.randbytes(16)
    return [
        Sent(_address(rng), b"\xff\x4c\x00\x02\x15" + uuid + number.to_bytes(2, "big") + b"\x00\x07\xc5")
        for number in range(SENDERS)
    ]


def pairs() -> Iterator[Pair | str]:
    """Each contest, or the name of a peer that is not installed."""
    sensors, beacons = climate(Random(1)), tags(Random(2))
    for name, what, make, sent, decode, flags, goal in (
        ("bthome-ble", "BTHome", _bthome_ble, sensors, bthome.decode, b"", 5.0),
        ("ibeacon-ble", "iBeacon", _ibeacon_ble, beacons, ibeacon.decode, b"", 10.0),
        ("bleparser", "iBeacon", _bleparser, beacons, ibeacon.decode, FLAGS, 10.0),
    ):
        try:
            peer = make(sent)
        except ImportError:
            yield name
        else:
            yield Pair(f"{what}: adverts a second, of {name}'s", _ours(decode, sent, flags), peer, goal)


def ratio(pair: Pair, rounds: int) -> tuple[float, float]:
    """How many times as fast we are, and our microseconds each; medians over `rounds`."""
    ratios, each = [], []
    for number in range(rounds + 1):
        if number % 2:  # each side goes first every other time
            ours, peer = _seconds(pair.ours), _seconds(pair.peer)
        else:
            peer, ours = _seconds(pair.peer), _seconds(pair.ours)
        ratios.append(peer / ours)
        each.append(ours / SENDERS * 1e6)
    return median(ratios[1:]), median(each[1:])  # the first one warmed up


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    logging.disable(logging.CRITICAL)
    found: dict[str, Any] = {}
    for pair in pairs():
        if isinstance(pair, str):
            print(f"{pair} is not installed: not compared", file=sys.stderr)
            continue
        times, ours_us = ratio(pair, rounds)
        found[pair.what] = {"ratio": times, "goal": pair.goal, "ours_us": ours_us}
        print(f"{pair.what}: {times:.1f}x, goal {pair.goal:g}x; ours {ours_us:.2f} us each", file=sys.stderr)
    print(json.dumps(found))
    return 0 if all(one["ratio"] >= one["goal"] for one in found.values()) else 1


def _seconds(side: Side) -> float:
    read = side.read
    begun = perf_counter()
    for one in side.fed:
        read(one)
    return perf_counter() - begun


def _checked(side: Side, whole: Callable[[Any], bool]) -> Side:
    """A decoder that rejects what it is fed with would look fast."""
    if not all(whole(side.read(one)) for one in side.fed):
        raise SystemExit(f"{side.read} does not read the bench's adverts")
    return side


def _ours(decode: Callable[[Frame], list[Measurement]], sent: Sequence[Sent], flags: bytes) -> Side:
    frames = [Frame("ble_adv", "bench", one.address, flags + _structure(one.data), -60) for one in sent]
    return _checked(Side(decode, frames), lambda made: len(made) >= 2)


def _bthome_ble(sent: Sequence[Sent]) -> Side:
    parser = import_module("bthome_ble.parser").BTHomeBluetoothDeviceData()
    uuid = "0000fcd2-0000-1000-8000-00805f9b34fb"
    infos = [_info(one, service_data={uuid: one.data[3:]}) for one in sent]
    return _checked(Side(parser.update, infos), lambda made: len(made.entity_values) == 4)  # and signal strength


def _ibeacon_ble(sent: Sequence[Sent]) -> Side:
    parser = import_module("ibeacon_ble").iBeaconParser()
    asyncio.run(parser.async_setup())
    infos = [_info(one, manufacturer_data={0x004C: one.data[3:]}) for one in sent]
    return _checked(Side(parser.parse, infos), lambda made: made is not None)


def _bleparser(sent: Sequence[Sent]) -> Side:
    parser = import_module("bleparser").BleParser()
    return _checked(Side(parser.parse_raw_data, [_event(one) for one in sent]), lambda made: made[0] is not None)


def _info(one: Sent, **data: object) -> Any:
    """What Home Assistant's stack hands to its decoders."""
    values: dict[str, object] = {
        "name": "", "address": one.address, "rssi": -60, "manufacturer_data": {}, "service_data": {},
        "service_uuids": [], "source": "bench", "device": None, "advertisement": None, "connectable": False,
        "time": 0.0, "tx_power": None, **data,
    }  # fmt: skip
    return import_module("habluetooth").BluetoothServiceInfoBleak(**values)


def _event(one: Sent) -> bytes:
    """HCI: LE meta event, advertising report."""
    advert = FLAGS + _structure(one.data)
    sender = bytes.fromhex(one.address.replace(":", ""))[::-1]
    report = b"\x02\x01\x03\x01" + sender + bytes((len(advert),)) + advert + b"\xc4"
    return b"\x04\x3e" + bytes((len(report),)) + report


def _structure(data: bytes) -> bytes:
    return bytes((len(data),)) + data


def _address(rng: Random) -> str:
    """A static random one."""
    return ":".join(f"{byte:02X}" for byte in (0xC0 | rng.randrange(64), *rng.randbytes(5)))


if __name__ == "__main__":
    sys.exit(main())

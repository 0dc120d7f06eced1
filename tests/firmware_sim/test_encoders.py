"""Frames against bytes worked out by hand from the data sheets, and against the shared vectors where they are."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from firmware_sim import beacon, id12la, ld2410, rdm6300
from firmware_sim.ld2410 import NOBODY, Seen, Target

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
needs_vectors = pytest.mark.skipif(not VECTORS.is_dir(), reason="shared vectors are not here")


def vectors(name: str) -> dict[str, str]:
    lines = (VECTORS / name).read_text(encoding="utf-8").splitlines()
    return {row["id"]: row["hex"] for row in map(json.loads, lines) if "hex" in row}


def test_rdm6300_frame() -> None:
    # 0F ^ 03 ^ 68 ^ 56 ^ 8B = B9
    assert rdm6300.frame(bytes.fromhex("0F0368568B")) == b"\x020F0368568BB9\x03"


def test_id12la_frame() -> None:
    assert id12la.frame(bytes.fromhex("0F0368568B")) == b"\x020F0368568BB9\r\n\x03"


@pytest.mark.parametrize("encode", [rdm6300.frame, id12la.frame])
def test_card_numbers_have_five_bytes(encode: object) -> None:
    with pytest.raises(ValueError, match="5 bytes"):
        encode(b"\x01\x02\x03\x04")  # type: ignore[operator]


def test_ld2410_nobody() -> None:
    assert ld2410.basic(NOBODY).hex() == "f4f3f2f10d0002aa0000000000000000005500f8f7f6f5"


def test_ld2410_engineering_layout() -> None:
    frame = ld2410.engineering(Seen(Target.STILL, 0, 0, 225, 45), range(9), range(9, 18), light=81, out=True)
    assert frame.hex() == (
        "f4f3f2f1" "2300" "01aa" "02" "0000" "00" "e100" "2d" "e100" "08" "08"
        "000102030405060708" "090a0b0c0d0e0f1011" "51" "01" "5500" "f8f7f6f5"
    )  # fmt: skip


def test_ld2410_acknowledgements() -> None:
    assert ld2410.acknowledgement(0x00FE).hex() == "fdfcfbfa0400fe01000004030201"
    assert ld2410.acknowledgement(0x00FF).hex() == "fdfcfbfa0800ff0100000100400004030201"
    assert ld2410.acknowledgement(0x0062, failed=True).hex() == "fdfcfbfa04006201010004030201"


def test_ld2410_commands_are_found_in_pieces_and_garbage() -> None:
    enable = bytes.fromhex("fdfcfbfa0400ff00010004030201")
    end = bytes.fromhex("fdfcfbfa0200fe0004030201")
    stream, words, rest = b"\x00\xff" + enable + b"junk" + end, [], b""
    for byte in stream:
        found, rest = ld2410.commands(rest + bytes((byte,)))
        words += found
    assert words == [ld2410.ENABLE_CONFIGURATION, ld2410.END_CONFIGURATION]
    assert len(rest) < 32
    assert ld2410.commands(b"\xfd\xfc\xfb\xfa\xff\xff" + end)[0] == [ld2410.END_CONFIGURATION]


@needs_vectors
def test_ld2410_against_vectors() -> None:
    known = vectors("ld2410.jsonl")
    assert ld2410.basic(NOBODY).hex() == known["ld2410-7ab17648"]
    assert ld2410.basic(Seen(Target.BOTH, 310, 60, 180, 45)).hex() == known["ld2410-dev-both"]
    assert ld2410.basic(Seen(Target.MOVING, 150, 60)).hex() == known["ld2410-dev-moving"]
    assert ld2410.basic(Seen(Target.STILL, 0, 0, 225, 45)).hex() == known["ld2410-dev-still"]
    assert (ld2410.acknowledgement(0x00FE) + ld2410.basic(NOBODY)).hex() == known["ld2410-4f401691"]


@needs_vectors
def test_ibeacon_against_vectors() -> None:
    made = beacon.ibeacon(UUID("41424344-4546-4748-4940-414243444546"), 1, 2, -8)
    assert made.ad_structures().hex() == vectors("ibeacon.jsonl")["ibeacon-666e2f4c"]


def test_ibeacon() -> None:
    made = beacon.ibeacon(UUID("e2c56db5-dffb-48d2-b060-d0f5a71096e0"), 100, 0, -59)
    data = "0215e2c56db5dffb48d2b060d0f5a71096e000640000c5"
    assert made.ad_structures().hex() == "0201061aff4c00" + data
    assert {company: value.hex() for company, value in made.manufacturer.items()} == {0x004C: data}
    assert made.bluez_service() == {}


def test_eddystone_uid() -> None:
    made = beacon.eddystone_uid(bytes(range(10)), bytes(range(6)), -18)
    data = "00ee000102030405060708090001020304050000"
    assert made.ad_structures().hex() == "0201060303aafe1716aafe" + data
    assert made.data_structures().hex() == "1716aafe" + data
    assert {uuid: value.hex() for uuid, value in made.bluez_service().items()} == {
        "0000feaa-0000-1000-8000-00805f9b34fb": data
    }
    with pytest.raises(ValueError, match="10 bytes"):
        beacon.eddystone_uid(b"", b"")


def test_strangers_are_no_beacons() -> None:
    rng = Random(1)
    for _ in range(500):
        advert = beacon.stranger(rng)
        assert len(advert.ad_structures()) <= 31
        assert not any(data.startswith(b"\x02\x15") for data in advert.manufacturer.values())
        assert beacon.EDDYSTONE not in advert.service


def test_addresses_say_what_they_are() -> None:
    rng = Random(2)
    assert {int(beacon.random_address(rng)[:2], 16) >> 6 for _ in range(100)} == {0b01}
    assert {int(beacon.random_address(rng, resolvable=False)[:2], 16) >> 6 for _ in range(100)} == {0b11}

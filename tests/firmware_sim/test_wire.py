"""Both sides of the wire: what is encoded here from the data sheets, the drivers read as it was meant.

Only this test knows both; the packages share no code.
"""

from __future__ import annotations

from random import Random

import pytest

from drivers.api import Frame, Measurement
from drivers.badge import ascii_reader, wiegand_serial
from drivers.badge import wiegand as wiegand_driver
from drivers.beacon import eddystone, ibeacon
from drivers.occupancy import ld2410 as ld2410_driver
from firmware_sim import beacon, id12la, ld2410, rdm6300, wiegand
from firmware_sim.ld2410 import Seen, Target
from firmware_sim.office import make_office

_READERS = {driver.name: driver for driver in ascii_reader.DRIVERS}

OFFICE = make_office(11)
DRIVERS = {
    "rdm6300": (_READERS["rdm6300"], rdm6300.frame),
    "id12la": (_READERS["id12la"], id12la.frame),
}


def values(measurements: list[Measurement]) -> dict[str, object]:
    return {measurement.kind: measurement.value for measurement in measurements}


@pytest.mark.parametrize("name", DRIVERS)
def test_badges(name: str) -> None:
    driver, encode = DRIVERS[name]
    assert driver.framer is not None
    for person in (*OFFICE.people, *OFFICE.visitors):
        cut = driver.framer(b"", encode(bytes.fromhex(person.badge)) * 2)
        assert len(cut.frames) == 2
        assert not cut.dropped
        for frame in cut.frames:
            read = driver.decode(Frame(driver.media[0], "", "", frame))
            assert values(read)["badge"] == f"em4100:{person.badge}"


def test_cards() -> None:
    """The second card of everybody, as a Wiegand bridge and an OSDP bus bring it."""
    line = next(driver for driver in wiegand_serial.DRIVERS if driver.name == "wiegand_bits")
    assert line.framer is not None
    for person in (*OFFICE.people, *OFFICE.visitors):
        bits = wiegand.h10301(*person.card)
        (frame,) = line.framer(b"", wiegand.bits_line(bits)).frames
        said = "wiegand26:{}:{}".format(*person.card)
        assert values(line.decode(Frame(line.media[0], "", "", frame)))["badge"] == said
        assert values(wiegand_driver.DRIVER.decode(Frame("wiegand", "", "1", wiegand.payload(bits))))["badge"] == said


def test_radar() -> None:
    driver = ld2410_driver.DRIVER
    assert driver.framer is not None
    rng = Random(1)
    for target in Target:
        seen = Seen(target, rng.randrange(600), 50, rng.randrange(600), 60)
        gates = [rng.randrange(101) for _ in range(9)]
        stream = ld2410.basic(seen) + ld2410.acknowledgement(0x62) + ld2410.engineering(seen, gates, gates, light=7)
        cut = driver.framer(b"", stream)
        assert not cut.dropped
        read = [values(driver.decode(Frame(driver.media[0], "", "", frame))) for frame in cut.frames]
        reports = [said for said in read if said]
        assert len(reports) == 2
        for said in reports:
            assert said["occupied"] is (target != Target.NONE)
            assert said["motion"] is (target in (Target.MOVING, Target.BOTH))


def test_tags() -> None:
    for person in OFFICE.people:
        tag = person.tag
        assert tag is not None
        driver = (ibeacon if tag.id.startswith("ibeacon") else eddystone).DRIVER
        for payload in (tag.advert.ad_structures(), tag.advert.data_structures()):
            assert values(driver.decode(Frame("ble_adv", "", tag.address, payload)))["beacon"] == tag.id


def test_strangers_are_claimed_by_nobody() -> None:
    rng = Random(5)
    claims = [claim for driver in (ibeacon.DRIVER, eddystone.DRIVER) for claim in driver.claims]
    for _ in range(300):
        advert = beacon.stranger(rng)
        for claim in claims:
            data = advert.manufacturer.get(claim.company or -1, b"") or advert.service.get(claim.service or -1, b"")
            assert not data or not data.startswith(claim.prefix)

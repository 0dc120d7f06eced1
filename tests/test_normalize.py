"""Hop 4: repeats of one tap are one tap, strangers are counted, nothing raw goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drivers.api import Frame, Measurement
from gateway.bindings import Binding
from gateway.clock import SECOND
from gateway.config.model import Device
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.decode import installed
from gateway.normalize import HELD_S, REFUSED_PER_WINDOW, Normalizer
from gateway.people import Directory, PeopleTable, Resolver
from rules.api import Health, Reading

SITE, GATEWAY = "ikn", "gw-05"
CARD, LOST, TAG = "em4100:0F0368568B", "em4100:0F03685600", "ibeacon:e2c56db5-dffb-48d2-b060-d0f5a71096e0:1:2"


class Office:
    """A directory with one person, made the way a site makes it."""

    def __init__(self, folder: Path) -> None:
        self.key = SiteKey.create(folder / "site.key")
        self.table = PeopleTable(folder / "people.sqlite", self.key)
        self.pid = self.table.enrol(unit="panrb", credentials=[(CARD, SITE), (TAG, SITE)])
        lost = self.table.enrol(unit="bkn", credentials=[(LOST, SITE)])
        self.table.disable(lost)
        self.directory = Directory(folder / "directory", self.key, GATEWAY)
        self.directory.apply(self.table.snapshot(GATEWAY))
        self.counters = Counters()
        self.normalizer = Normalizer(Resolver(self.directory, self.key), self.counters, site_realm=SITE)

    def tap(self, number: str, at_s: float, reader: str = "rdr-1") -> list[Reading]:
        frame = Frame("serial:rdm6300", "s", "", b"", None, int(at_s * SECOND), int(at_s * SECOND))
        return self.normalizer.readings(frame, binding(reader), [Measurement("badge", number)])


def binding(reader: str) -> Binding:
    return Binding(
        device=Device(id=reader, driver="rdm6300", place="b/f/z/d-1"),
        place="ikn/b/f/z/d-1",
        driver=installed()["rdm6300"],
        modality="badge",
        role="desk",
        realm=SITE,
        expect_s=None,
        owner=GATEWAY,
    )


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    yield made  # type: ignore[misc]
    made.table.close()


def test_an_enrolled_card_becomes_its_holder_and_its_number_is_gone(office: Office) -> None:
    (reading,) = office.tap(CARD, 100)
    assert (reading.person, reading.unit, reading.refused) == (office.pid, "panrb", "")
    assert "0F0368568B" not in repr(reading).upper()


def test_frames_of_a_held_card_are_one_tap_however_long_it_is_held(office: Office) -> None:
    taps = [reading for n in range(100) for reading in office.tap(CARD, 100 + n * 0.065)]
    assert len(taps) == 1
    assert office.counters.get("normalize.repeated") == 99
    assert len(office.tap(CARD, 100 + 99 * 0.065 + HELD_S + 0.1)) == 1


def test_the_same_card_at_another_reader_is_another_tap(office: Office) -> None:
    assert len(office.tap(CARD, 100)) == 1
    assert len(office.tap(CARD, 100.2, reader="rdr-2")) == 1


@pytest.mark.parametrize(("number", "cause"), [("em4100:7A00000001", "unknown"), (LOST, "disabled")])
def test_a_card_that_is_nobodys_ends_in_a_refusal_without_its_number(office: Office, number: str, cause: str) -> None:
    (reading,) = office.tap(number, 100)
    assert (reading.person, reading.refused) == ("", cause)
    assert number.split(":")[1] not in repr(reading)


def test_a_flood_of_unknown_cards_ends_in_one_rate_refusal(office: Office) -> None:
    causes = [r.refused for n in range(50) for r in office.tap(f"em4100:7A{n:08X}", 100 + n * 0.1)]
    assert causes == ["unknown"] * REFUSED_PER_WINDOW + ["rate"]
    assert office.counters.get("badge.refused", "unknown") == 50


def test_a_tag_becomes_a_sighting_and_a_strangers_beacon_a_count(office: Office) -> None:
    frame = Frame("ble_adv:ibeacon", "hci0", "C0:00:00:00:00:01", b"", -61, 5 * SECOND, 1)
    sighting = office.normalizer.sighting(frame, "rcv-1", [Measurement("beacon", TAG), Measurement("tx_power", -59)])
    assert sighting == (office.pid, "rcv-1", -61, 5 * SECOND, 1)
    assert office.normalizer.sighting(frame, "rcv-1", [Measurement("beacon", TAG + "9")]) is None
    assert office.counters.get("people.dropped", "unknown") == 1


def test_quiet_stops_sensing_and_no_act(office: Office) -> None:
    office.table.set_quiet(office.pid, True)
    office.directory.apply(office.table.snapshot(GATEWAY))
    frame = Frame("ble_adv:ibeacon", "hci0", "C0:00:00:00:00:01", b"", -61, 5 * SECOND, 1)
    assert office.normalizer.sighting(frame, "rcv-1", [Measurement("beacon", TAG)]) is None
    assert office.counters.get("people.dropped", "quiet") == 1
    assert office.tap(CARD, 100)[0].person == office.pid


def test_another_agencys_card_with_the_same_number_is_another_credential(office: Office) -> None:
    frame = Frame("serial:rdm6300", "s", "", b"", None, SECOND, SECOND)
    foreign = replace(binding("rdr-9"), realm="bkn")
    (reading,) = office.normalizer.readings(frame, foreign, [Measurement("badge", CARD)])
    assert reading.refused == "unknown"


SEAT = replace(
    binding("seat-1"),
    device=Device(id="seat-1", driver="milesight_vs121", place="b/f/z/d-1"),
    driver=installed()["milesight_vs121"],
    modality="counter",
)


def said(office: Office, *measurements: Measurement, at_s: float = 100.0) -> list[Reading | Health]:
    frame = Frame("lorawan:milesight:vs121", "s", "", b"", None, int(at_s * SECOND), int(at_s * SECOND))
    return office.normalizer.readings(frame, SEAT, list(measurements))


def words(made: list[Reading | Health]) -> list[tuple[str, object]]:
    return [(reading.kind, reading.value) for reading in made if isinstance(reading, Reading)]


def test_somebody_in_one_of_its_regions_is_somebody(office: Office) -> None:
    parts = [Measurement("occupied", n == 3, "", f"region_{n}") for n in range(1, 9)]
    assert words(said(office, *parts)) == [("occupied", True)]
    assert words(said(office, *(Measurement("occupied", False, "", n) for n in (1, 2)))) == [("occupied", False)]


def test_people_in_its_regions_are_counted_together(office: Office) -> None:
    assert words(said(office, *(Measurement("count", n, "", n) for n in (1, 2, 3)))) == [("count", 6)]


def test_what_a_device_says_of_the_whole_counts(office: Office) -> None:
    made = said(office, Measurement("count", 3), Measurement("count", 0, "", "region_1"))
    assert words(made) == [("count", 3)]


def test_a_device_that_says_nothing_to_decide_by_is_there_now_and_then(office: Office) -> None:
    battery = Measurement("battery", 80, "%")
    assert [word for n in range(25) for word in words(said(office, battery, at_s=100 + n))] == [("heard", True)] * 3


def test_what_drifts_reaches_the_rules_at_intervals_and_signs_at_once(office: Office) -> None:
    """A room's air, light and sound are what its model goes by; who passes a door is counted each time."""
    air = (Measurement("co2", 612, "ppm"), Measurement("temperature", 27.3, "Cel"), Measurement("voltage", 3.1, "V"))
    told = [words(said(office, *air, at_s=100 + n)) for n in range(21)]
    assert [found for found in told if found] == [[("co2", 612), ("temperature", 27.3)]] * 3
    door = (Measurement("entered_total", 7), Measurement("left_total", 5))
    assert words(said(office, *door, at_s=200)) == [("entered_total", 7), ("left_total", 5)]
    assert words(said(office, *door, at_s=201)) == [("entered_total", 7), ("left_total", 5)]


def test_offline_is_not_alive_and_never_vacant(office: Office) -> None:
    (gone,) = said(office, Measurement("online", False))
    (back,) = said(office, Measurement("online", True))
    assert isinstance(gone, Health)
    assert isinstance(back, Health)
    assert (gone.dev, gone.alive, gone.cause) == ("seat-1", False, "sensor_stale")
    assert (back.alive, back.cause) == (True, "")


def test_a_part_of_a_cards_number_is_ambiguous_whoever_holds_what(office: Office) -> None:
    (reading,) = office.tap("wiegand-part:12345", 100)
    assert (reading.person, reading.refused) == ("", "ambiguous")


def test_a_tap_that_comes_out_of_order_is_a_tap(office: Office) -> None:
    """A door system tells an older one after a newer."""
    assert len(office.tap(CARD, 200)) == 1
    assert len(office.tap(CARD, 100)) == 1


@pytest.mark.parametrize("rssi", [127, 42, -128])
def test_a_signal_that_no_radio_reports_is_no_sighting(office: Office, rssi: int) -> None:
    frame = Frame("ble_adv:ibeacon", "s", "", b"", rssi, SECOND, SECOND)
    assert office.normalizer.sighting(frame, "rcv", [Measurement("beacon", TAG)]) is None
    assert office.counters.get("sightings.dropped", "no_signal") == 1
    good = office.normalizer.sighting(frame._replace(rssi=-61), "rcv", [Measurement("beacon", TAG)])
    assert good is not None
    assert (good.person, good.rssi) == (office.pid, -61)

"""The filter of the BLE hot path: laws for any advert, and what it costs nobody to check."""

from __future__ import annotations

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.api import Claim, Driver, Frame, ad_structures
from drivers.beacon import eddystone, ibeacon
from gateway.clock import ManualClock
from gateway.counters import Counters
from gateway.decode import claims
from gateway.sources.adverts import LONGEST, advert_filter, taken_apart
from gateway.sources.ble import NO_RSSI, BleSource

CLAIMED = claims({driver.name: driver for driver in (ibeacon.DRIVER, eddystone.DRIVER)})
IBEACON = {0x004C: b"\x02\x15" + bytes(range(16)) + b"\x00\x01\x00\x02\xc5"}
EDDYSTONE = {"0000feaa-0000-1000-8000-00805f9b34fb": b"\x00\xee" + bytes(16)}
companies = st.one_of(st.sampled_from([0x004C, 0x0006]), st.integers(0, 0xFFFF))
bodies = st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda data: b"\x02\x15" + data))
services = st.one_of(st.sampled_from(list(EDDYSTONE)), st.uuids().map(str), st.text(max_size=40))
manufacturers = st.dictionaries(companies, bodies, max_size=3)
service_data = st.dictionaries(
    services, st.one_of(bodies, st.binary(max_size=300).map(lambda d: b"\0" + d)), max_size=3
)


def advert(manufacturer: dict[int, bytes], service: dict[str, bytes], rssi: int = -60) -> AdvertisementData:
    return AdvertisementData(None, manufacturer, service, [], None, rssi, ())


def test_what_is_claimed_is_put_together_again() -> None:
    accept = advert_filter(CLAIMED)
    found = accept(IBEACON, {})
    assert found is not None
    assert (found[0], found[1][:4]) == (ibeacon.DRIVER, b"\x1a\xff\x4c\x00")
    found = accept({6: b"stranger"}, EDDYSTONE)
    assert found is not None
    assert (found[0], found[1][:4]) == (eddystone.DRIVER, b"\x15\x16\xaa\xfe")


def test_strangers_are_turned_away() -> None:
    accept = advert_filter(CLAIMED)
    assert accept({}, {}) is None
    assert accept({0x004C: b"\x10\x05abc"}, {}) is None
    assert accept({6: IBEACON[0x004C]}, {"0000fe2c-0000-1000-8000-00805f9b34fb": b"abc"}) is None
    assert advert_filter(())(IBEACON, EDDYSTONE) is None


def test_the_first_claim_that_fits_wins() -> None:
    def driver(name: str) -> Driver:
        return Driver(name=name, media=("ble_adv",), modality="tag", decode=lambda _: [])

    special, general = driver("special"), driver("general")
    accept = advert_filter([(Claim(company=9, prefix=b"ab"), special), (Claim(company=9), general)])
    assert [found[0].name for body in (b"abc", b"a", b"") if (found := accept({9: body}, {}))] == [
        "special",
        "general",
        "general",
    ]


@settings(deadline=None)
@given(manufacturers, service_data)
def test_any_advert_is_taken_or_left_without_an_error(
    manufacturer: dict[int, bytes], service: dict[str, bytes]
) -> None:
    found = advert_filter(CLAIMED)(manufacturer, service)
    if found is None:
        return
    driver, payload = found
    if not payload:
        assert any(len(data) > LONGEST for data in (*manufacturer.values(), *service.values()))
        return
    ((kind, data),) = ad_structures(payload)
    assert (driver.name, kind) in {("ibeacon", 0xFF), ("eddystone", 0x16)}
    apart_manufacturer, apart_service = taken_apart(payload)
    assert apart_manufacturer.items() <= manufacturer.items()
    assert apart_service.items() <= service.items()
    assert data[2:] in (*apart_manufacturer.values(), *apart_service.values())


@settings(deadline=None)
@given(manufacturers, service_data, st.integers(-128, 127))
def test_the_callback_never_raises(manufacturer: dict[int, bytes], service: dict[str, bytes], rssi: int) -> None:
    counters, frames = Counters(), list[Frame]()
    source = BleSource("radio", "hci0", CLAIMED, ManualClock(5, 6), counters)
    handle = source.callback(frames.append)
    handle(BLEDevice("C0:FF:EE:00:00:01", None, {}), advert(manufacturer, service, rssi))
    assert source.state.adverts == 1
    assert source.state.frames == len(frames)
    assert len(frames) + counters.get("ble.dropped") <= 1
    for frame in frames:
        assert frame.medium in {"ble_adv:ibeacon", "ble_adv:eddystone"}
        assert (frame.source, frame.address, frame.received_at, frame.machine_at) == (
            "radio",
            "C0:FF:EE:00:00:01",
            5,
            6,
        )
        assert frame.rssi == (None if rssi == NO_RSSI else rssi)


def test_too_long_for_the_air_is_counted() -> None:
    counters, frames = Counters(), list[Frame]()
    handle = BleSource("radio", "hci0", CLAIMED, ManualClock(), counters).callback(frames.append)
    for size in (LONGEST - 2, LONGEST - 1):
        handle(BLEDevice("C0:FF:EE:00:00:01", None, {}), advert({0x004C: b"\x02\x15" + bytes(size)}, {}))
    assert [len(frame.payload) for frame in frames] == [256]
    assert counters.get("ble.dropped", "oversize") == 1

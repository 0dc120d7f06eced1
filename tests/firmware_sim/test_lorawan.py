"""LoRaWAN payloads against bytes worked out by hand, back through the drivers, and the servers' envelopes."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Driver, Frame
from drivers.occupancy import browan, elsys, imbuildings
from drivers.occupancy.milesight import air, presence
from firmware_sim import lorawan
from firmware_sim.lorawan import Device, Heard, Occupancy, Passed, Uplink

AT = 1_790_000_000_123_456_789
DEVICE = Device("24e124710b423527", "desk-7", "office")
BY_MEDIUM = {
    medium: driver
    for module in (presence, air, elsys, browan, imbuildings)
    for driver in module.DRIVERS
    for medium in driver.media
}
Said = dict[tuple[str, str | None], object]


def read(model: str, uplink: Uplink) -> Said:
    """What the driver of `model` makes of it: (kind, channel) -> value."""
    driver: Driver = BY_MEDIUM[f"lorawan:{model}"]
    made = driver.decode(Frame(driver.media[0], "test", "24E124710B423527", uplink.payload, port=uplink.f_port))
    said = {(one.kind, None if one.channel is None else str(one.channel)): one.value for one in made}
    assert len(said) == len(made)
    return said


def test_bytes_of_milesight() -> None:
    assert lorawan.vs121_people(3, [True, False, True]) == (85, bytes.fromhex("04c903030005"))
    assert lorawan.vs121_counts([0, 1, 2]).payload.hex() == "07d5000102000000000008d50000000000000000"
    assert lorawan.vs121_passed(7, 259).payload.hex() == "05cc07000301"
    assert lorawan.vs330(occupied=True, distance_mm=1154, battery=99).payload.hex() == "01756302828204038e01"
    assert lorawan.vs341(occupied=False).payload.hex() == "030000"
    assert lorawan.vs370(occupied=True, bright=None, battery=100).payload.hex() == "0175640300010400fe"
    assert lorawan.ws202(motion=True, bright=False).payload.hex() == "030001040000"
    assert lorawan.ws301(opened=True, battery=80).payload.hex() == "017550030001040000"
    assert lorawan.am103(celsius=-0.5, humidity=45.5, co2=850).payload.hex() == "0367fbff04685b077d5203"
    stored = lorawan.am103_stored(0x6553F100, celsius=22.0, humidity=40.0, co2=800)
    assert stored.payload.hex() == "20ce00f15365dc00502003"
    assert lorawan.milesight_joined("6778900000000001").payload.hex() == "ff0bffff0101ff166778900000000001ff0f00"


def test_bytes_of_elsys_browan_and_imbuildings() -> None:
    ers = lorawan.ers(celsius=21.5, humidity=44, lux=310, motions=3, millivolts=3600)
    assert ers == (5, bytes.fromhex("0100d7022c0401360503070e10"))
    assert lorawan.ems_desk(Occupancy.PENDING).payload.hex() == "1101"
    assert lorawan.ems_desk(Occupancy.OCCUPIED, celsius=-1.0, humidity=9).payload.hex() == "01fff602091102"
    assert lorawan.tbms100(occupied=True, minutes=258, events=1) == (102, bytes.fromhex("010b360201010000"))
    bare = lorawan.people_counter(Passed(2, 3, 100, 101), message=263)
    assert bare == (26, bytes.fromhex("00013100020003000064006507"))
    headed = lorawan.people_counter(Passed(2, 3, 100, 101), message=7, device_id="0004a30b00aabbcc")
    assert headed == (1, bytes.fromhex("02060004a30b00aabbcc") + bare.payload)


PERCENT = st.integers(0, 100)
WORD = st.integers(0, 0xFFFF)


@given(people=st.integers(0, 255), regions=st.lists(st.booleans(), max_size=16))
def test_vs121_people_and_regions(people: int, regions: list[bool]) -> None:
    said: Said = {("occupied", f"region_{n}"): one for n, one in enumerate(regions, 1)}
    said["count", None] = people
    made = read("milesight:vs121", lorawan.vs121_people(people, regions))
    assert made == said
    assert next(reversed(made)) == ("count", None)  # the whole room has the last word


@given(people=st.lists(st.integers(0, 255), min_size=16, max_size=16))
def test_vs121_counts(people: list[int]) -> None:
    counts: Said = {("count", f"region_{n}"): one for n, one in enumerate(people, 1)}
    if any(people):  # nobody in the regions may still be somebody beside them
        counts["occupied", None] = True
    assert read("milesight:vs121", lorawan.vs121_counts(people)) == counts


@given(entered=WORD, left=WORD)
def test_vs121_passed(entered: int, left: int) -> None:
    said = read("milesight:vs121", lorawan.vs121_passed(entered, left))
    assert said == {("entered_period", None): entered, ("left_period", None): left}


@given(occupied=st.booleans(), distance=st.integers(0, 0xFFFE), battery=PERCENT)
def test_vs330(occupied: bool, distance: int, battery: int) -> None:
    said = read("milesight:vs330", lorawan.vs330(occupied=occupied, distance_mm=distance, battery=battery))
    assert said == {
        ("occupied", None): occupied,
        ("distance", None): pytest.approx(distance / 1000),
        ("battery", None): battery,
    }


@given(first=st.booleans(), second=st.booleans(), battery=PERCENT)
def test_states(first: bool, second: bool, battery: int) -> None:
    power = ("battery", None)
    assert read("milesight:vs341", lorawan.vs341(occupied=first, battery=battery)) == {
        ("occupied", None): first,
        power: battery,
    }
    assert read("milesight:vs370", lorawan.vs370(occupied=first, bright=second, battery=battery)) == {
        ("occupied", None): first,
        ("light", None): second,
        power: battery,
    }
    assert read("milesight:vs370", lorawan.vs370(occupied=first, bright=None)) == {("occupied", None): first}
    assert read("milesight:ws202", lorawan.ws202(motion=first, bright=second, battery=battery)) == {
        ("motion", None): first,
        ("light", None): second,
        power: battery,
    }
    assert read("milesight:ws301", lorawan.ws301(opened=first, removed=second, battery=battery)) == {
        ("opening", None): first,
        ("tamper", None): second,
        power: battery,
    }


@given(tenths=st.integers(-400, 850), halves=st.integers(0, 200), co2=st.integers(0, 0xFFFE))
def test_am103(tenths: int, halves: int, co2: int) -> None:
    celsius, humidity = tenths / 10, halves / 2
    assert read("milesight:am103", lorawan.am103(celsius=celsius, humidity=humidity, co2=co2)) == {
        ("temperature", None): pytest.approx(tenths / 10),
        ("humidity", None): halves / 2,
        ("co2", None): co2,
    }
    stored = lorawan.am103_stored(AT // 10**9, celsius=celsius, humidity=humidity, co2=co2)
    assert read("milesight:am103", stored) == {}


@pytest.mark.parametrize("model", ["vs121", "vs341", "vs370", "am103"])
def test_a_joined_milesight_says_nothing_of_the_room(model: str) -> None:
    assert read(f"milesight:{model}", lorawan.milesight_joined("6778900000000001")) == {}


@given(tenths=st.integers(-400, 850), humidity=PERCENT, lux=WORD, motions=st.integers(0, 255), millivolts=WORD)
def test_ers(tenths: int, humidity: int, lux: int, motions: int, millivolts: int) -> None:
    uplink = lorawan.ers(celsius=tenths / 10, humidity=humidity, lux=lux, motions=motions, millivolts=millivolts)
    assert read("elsys:ers", uplink) == {
        ("temperature", None): pytest.approx(tenths / 10),
        ("humidity", None): humidity,
        ("illuminance", None): lux,
        ("motion", None): motions > 0,
        ("voltage", None): pytest.approx(millivolts / 1000),
    }


@pytest.mark.parametrize(
    ("occupancy", "said"),
    [(Occupancy.UNOCCUPIED, {False}), (Occupancy.PENDING, set()), (Occupancy.OCCUPIED, {True})],
)
def test_a_pending_desk_is_neither(occupancy: Occupancy, said: set[bool]) -> None:
    changed = read("elsys:ems_desk", lorawan.ems_desk(occupancy))
    regular = read("elsys:ems_desk", lorawan.ems_desk(occupancy, celsius=21.0, humidity=40))
    assert set(changed.values()) == said
    assert {value for (kind, _), value in regular.items() if kind == "occupied"} == said


@given(occupied=st.booleans(), tenths=st.integers(26, 39), minutes=WORD, events=st.integers(0, 0xFFFFFF))
def test_tbms100(occupied: bool, tenths: int, minutes: int, events: int) -> None:
    uplink = lorawan.tbms100(occupied=occupied, volts=tenths / 10, minutes=minutes, events=events)
    assert read("browan:tbms100", uplink) == {
        ("occupied", None): occupied,
        ("voltage", None): pytest.approx(tenths / 10),
    }


@given(passed=st.builds(Passed, WORD, WORD, WORD, WORD), headed=st.booleans())
def test_people_counter(passed: Passed, headed: bool) -> None:
    device_id = "0004a30b00aabbcc" if headed else None
    assert read("imbuildings:people_counter", lorawan.people_counter(passed, message=1, device_id=device_id)) == {
        ("entered_period", None): passed.a,
        ("left_period", None): passed.b,
        ("entered_total", None): passed.total_a,
        ("left_total", None): passed.total_b,
        ("voltage", None): 3.05,
    }


def test_chirpstack_uplink() -> None:
    heard = (Heard("0016c001f153a14c", -36, 10.5), Heard("0016c001f153a14d", -97, 0.0))
    topic, body = lorawan.chirpstack_up(DEVICE, lorawan.vs341(occupied=True), 0, AT, heard)
    said = json.loads(body)
    assert topic == "application/office/device/24e124710b423527/event/up"
    assert said["time"] == "2026-09-21T14:13:20.123456789+00:00"
    assert said["deviceInfo"]["devEui"] == "24e124710b423527"
    assert (said["fCnt"], said["fPort"], b64decode(said["data"]).hex()) == (0, 85, "030001")
    assert [one.get("snr") for one in said["rxInfo"]] == [10.5, None]
    again = json.loads(lorawan.chirpstack_up(DEVICE, lorawan.vs341(occupied=True), 0, AT, heard)[1])
    other = json.loads(lorawan.chirpstack_up(DEVICE, lorawan.vs341(occupied=True), 1, AT, heard)[1])
    assert again["deduplicationId"] == said["deduplicationId"] != other["deduplicationId"]


def test_chirpstack_join_and_status() -> None:
    topic, body = lorawan.chirpstack_join(DEVICE, AT)
    assert topic == "application/office/device/24e124710b423527/event/join"
    assert json.loads(body)["devAddr"] == "00189440"
    topic, body = lorawan.chirpstack_status(DEVICE, AT, battery=98.5)
    assert topic == "application/office/device/24e124710b423527/event/status"
    assert json.loads(body)["batteryLevel"] == 98.5
    unknown = json.loads(lorawan.chirpstack_status(DEVICE, AT, battery=None)[1])
    assert (unknown["batteryLevelUnavailable"], unknown["batteryLevel"]) == (True, 0.0)


def test_things_stack_uplink_leaves_out_what_is_nothing() -> None:
    topic, body = lorawan.things_stack_up(DEVICE, Uplink(85, b"\x03\x00\x01"), 0, AT)
    said = json.loads(body)
    assert topic == "v3/office@ttn/devices/desk-7/up"
    assert said["end_device_ids"]["dev_eui"] == "24E124710B423527"
    assert said["received_at"] == "2026-09-21T14:13:20.123456789Z"
    assert said["uplink_message"]["frm_payload"] == "AwAB"
    assert "f_cnt" not in said["uplink_message"]
    assert "simulated" not in said
    mac_only = json.loads(lorawan.things_stack_up(DEVICE, Uplink(0, b""), 7, AT, simulated=True)[1])
    assert not {"f_port", "frm_payload"} & mac_only["uplink_message"].keys()
    assert (mac_only["uplink_message"]["f_cnt"], mac_only["simulated"]) == (7, True)


def test_things_stack_join() -> None:
    topic, body = lorawan.things_stack_join(DEVICE, AT)
    assert topic == "v3/office@ttn/devices/desk-7/join"
    assert "join_accept" in json.loads(body)

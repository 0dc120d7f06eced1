"""Phones and tags whose names change: told from strangers by keys that only gateways of the site can open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_sim import eddystone
from gateway import snapshots
from gateway.clock import SECOND, ManualClock
from gateway.credentials import KEY_BYTES, SiteKey
from gateway.directory import UNKNOWN
from gateway.errors import HadirError
from gateway.people import Directory, Entry, PeopleTable, Resolver
from gateway.rolling import Rolling

KEY = SiteKey(bytes(range(KEY_BYTES)))
IRK = "ec0234a357c8ad05341010a60a397d9b"
PHONE, OTHERS = "70:81:94:0D:FB:AA", "70:81:94:0D:FB:AB"
"""Bluetooth Core 5.4, Vol 3, Part H, appendix D.7; and a stranger's."""
TAG_KEY = bytes(range(16))
START = 1_795_000_000
EIK = f"eddystone-eik:{TAG_KEY.hex()}:10:{START}"
REALM, GATEWAY = "ikn", "gw-01"


@pytest.fixture
def table(tmp_path: Path) -> Iterator[PeopleTable]:
    with PeopleTable(tmp_path / "people.sqlite", KEY, ManualClock(office=START * SECOND)) as made:
        yield made


def resolver(folder: Path, table: PeopleTable) -> tuple[Resolver, Directory]:
    directory = Directory(folder / "directory", KEY, GATEWAY)
    directory.apply(table.snapshot(GATEWAY))
    return Resolver(directory, KEY), directory


def heard(at: int) -> str:
    """What the tag calls itself `at` seconds after its clock was 0."""
    (data,) = eddystone.eid(eddystone.Identity(TAG_KEY, 10), at).service.values()
    return f"eddystone-eid:{data[2:10].hex()}"


def test_a_phone_is_known_by_its_key_and_strangers_are_nobody(tmp_path: Path, table: PeopleTable) -> None:
    pid = table.enrol(credentials=[(f"irk:{IRK}", REALM)])
    made, _ = resolver(tmp_path, table)
    assert made.is_ours(PHONE)
    assert not made.is_ours(OTHERS)
    assert not made.is_ours("C0:81:94:0D:FB:AA")
    assert not made.is_ours("")
    found = made.resolve("rpa:7081940dfbaa", REALM)
    assert isinstance(found, Entry)
    assert found.pid == pid
    assert made.resolve("rpa:7081940dfbab", REALM) == UNKNOWN


def test_no_address_stays_in_memory() -> None:
    known = Rolling([f"irk:{IRK}"])
    assert known.is_ours(PHONE)
    assert not known.is_ours(OTHERS)
    kept = repr(vars(known)).lower()
    assert "7081940dfbaa" not in kept
    assert "7081940dfbab" not in kept


def test_without_any_key_no_address_is_looked_at(tmp_path: Path, table: PeopleTable) -> None:
    table.enrol(credentials=[("em4100:0f0368568b", REALM)])
    made, _ = resolver(tmp_path, table)
    assert not made.rolling.has_phones
    assert not made.is_ours(PHONE)


def test_a_rolling_tag_is_one_person_through_all_its_names(tmp_path: Path, table: PeopleTable) -> None:
    pid = table.enrol(credentials=[(EIK, REALM)])
    made, _ = resolver(tmp_path, table)
    names = set()
    for at in range(0, 40_000, 500):
        names.add(heard(at))
        found = made.resolve(heard(at), REALM, (START + at) * SECOND)
        assert isinstance(found, Entry), at
        assert found.pid == pid
    assert len(names) > 30


@pytest.mark.parametrize("drift", [-1000, 1000])
def test_a_tag_whose_clock_drifts_by_a_window_is_known_still(tmp_path: Path, table: PeopleTable, drift: int) -> None:
    table.enrol(credentials=[(EIK, REALM)])
    made, _ = resolver(tmp_path, table)
    assert isinstance(made.resolve(heard(50_000 + drift), REALM, (START + 50_000) * SECOND), Entry)


def test_an_old_name_of_a_tag_is_nobodys(tmp_path: Path, table: PeopleTable) -> None:
    """Recorded yesterday, sent today by somebody else."""
    table.enrol(credentials=[(EIK, REALM)])
    made, _ = resolver(tmp_path, table)
    assert made.resolve(heard(100), REALM, (START + 86_400) * SECOND) == UNKNOWN


def test_keys_are_sealed_on_the_way_and_on_the_disk(tmp_path: Path, table: PeopleTable) -> None:
    table.enrol(credentials=[(f"irk:{IRK}", REALM), (EIK, REALM)])
    resolver(tmp_path, table)
    told = table.snapshot(GATEWAY)
    assert b"secrets" in told
    for path in (tmp_path / "directory", *tmp_path.glob("people.sqlite*")):
        assert IRK.encode() not in path.read_bytes()
        assert bytes.fromhex(IRK) not in path.read_bytes()
    assert IRK.encode() not in told
    assert TAG_KEY.hex().encode() not in told


@pytest.mark.parametrize("change", ["disable", "erase", "quiet"])
def test_who_has_gone_or_is_quiet_is_a_stranger_again(tmp_path: Path, table: PeopleTable, change: str) -> None:
    pid = table.enrol(credentials=[(f"irk:{IRK}", REALM)])
    made, directory = resolver(tmp_path, table)
    assert made.is_ours(PHONE)
    match change:
        case "disable":
            table.disable(pid)
        case "erase":
            table.erase(pid)
        case _:
            table.set_quiet(pid, True)
    directory.apply(table.snapshot(GATEWAY, None if change == "erase" else directory.version))
    assert not made.is_ours(PHONE)
    assert not directory.secrets, "the key itself is gone from the gateway as well"
    assert not Directory(tmp_path / "directory", KEY, GATEWAY).secrets
    assert b"secrets" not in table.snapshot(GATEWAY)
    if change == "quiet":
        table.set_quiet(pid, False)
        directory.apply(table.snapshot(GATEWAY, directory.version))
        assert made.is_ours(PHONE)


def test_a_change_of_others_leaves_keys_as_they_are(tmp_path: Path, table: PeopleTable) -> None:
    table.enrol(credentials=[(f"irk:{IRK}", REALM)])
    made, directory = resolver(tmp_path, table)
    table.enrol(credentials=[("em4100:0f0368568b", REALM)])
    assert directory.apply(table.snapshot(GATEWAY, directory.version))
    assert made.is_ours(PHONE)
    again = Directory(tmp_path / "directory", KEY, GATEWAY)
    assert Resolver(again, KEY).is_ours(PHONE)


def test_a_damaged_key_is_nobodys_and_harms_no_other(tmp_path: Path, table: PeopleTable) -> None:
    table.enrol(credentials=[(f"irk:{IRK}", REALM)])
    table.enrol(credentials=[("irk:" + "11" * 16, REALM)])
    _, directory = resolver(tmp_path, table)
    spoiled = {index: "00" for index in directory.secrets if index != KEY.index(f"irk:{IRK}", REALM)}
    told = snapshots.Snapshot(GATEWAY, directory.version + 1, {}, directory.version, secrets=spoiled)
    directory.apply(snapshots.write(told, KEY))
    assert Resolver(directory, KEY).is_ours(PHONE)


@pytest.mark.parametrize("value", ["irk:00", "eddystone-eik:00", "rpa:7081940dfbaa", "eddystone-eid:0011223344556677"])
def test_what_is_no_key_cannot_be_enrolled(table: PeopleTable, value: str) -> None:
    with pytest.raises(HadirError):
        table.enrol(credentials=[(value, REALM)])


def test_a_crowd_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.rolling.MOST_ADDRESSES", 100)
    made = Rolling([f"irk:{IRK}"])
    for number in range(1000):
        assert not made.is_ours(f"40:00:00:00:{number >> 8:02X}:{number & 255:02X}")
    assert made.is_ours(PHONE)
    assert len(made._addresses) <= 100

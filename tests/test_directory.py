"""Identity snapshots, the directory of a gateway, and the resolver of hop 4."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import snapshots
from gateway.clock import SECOND, ManualClock
from gateway.credentials import KEY_BYTES, SiteKey
from gateway.directory import AMBIGUOUS, DISABLED, MOST_STRANGERS, UNKNOWN
from gateway.errors import PermanentError
from gateway.people import Directory, Entry, PeopleTable, Resolver
from gateway.snapshots import Snapshot

KEY = SiteKey(bytes(range(KEY_BYTES)))
BADGE, OTHER, TAG = "em4100:0F0368568B", "em4100:0F0368568C", "ibeacon:e2c56db5-dffb-48d2-b060-d0f5a71096e0:100:0"
REALM, ELSEWHERE = "bkn", "kemenkeu"
GATEWAY = "gw-01"


@pytest.fixture
def table(tmp_path: Path) -> Iterator[PeopleTable]:
    with PeopleTable(tmp_path / "people.sqlite", KEY, ManualClock(office=1000 * SECOND)) as made:
        yield made


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path / "directory", KEY, GATEWAY)


def told(path: Path, *entries: tuple[str, Entry], version: int = 1) -> Directory:
    """A directory that was told `entries` by (credential in REALM, holder)."""
    made = Directory(path, KEY, GATEWAY)
    indexed = {KEY.index(value, REALM): entry for value, entry in entries}
    made.apply(snapshots.write(Snapshot(GATEWAY, version, indexed), KEY))
    return made


# --- snapshots and the directory ------------------------------------------------------------------------------------


def test_a_snapshot_is_for_one_gateway_of_one_site(table: PeopleTable, directory: Directory) -> None:
    table.enrol(credentials=[(BADGE, REALM)])
    good = table.snapshot(GATEWAY)
    body, _, signature = good.rpartition(b"\n")
    later = SiteKey(bytes(range(KEY_BYTES)), epoch=2)
    forged = [
        table.snapshot("gw-02"),
        body + b"\n" + b"0" * 64,
        body.replace(b"true", b"false") + b"\n" + signature,
        body,
        b"",
        good + b" ",
        snapshots.write(Snapshot(GATEWAY, 99, {}), SiteKey(bytes(KEY_BYTES))),
        snapshots.write(Snapshot(GATEWAY, 99, {}), later),
    ]
    for data in forged:
        with pytest.raises(PermanentError) as caught:
            directory.apply(data)
        assert caught.value.reason == "not_authentic"
    assert directory.version == 0
    assert directory.apply(good)


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"gateway":"gw-01","version":1,"entries":[["a"]]}', b"\xff"])
def test_what_is_signed_and_no_snapshot_is_invalid(directory: Directory, body: bytes) -> None:
    with pytest.raises(PermanentError) as caught:
        directory.apply(body + b"\n" + KEY.sign(body).encode())
    assert caught.value.reason == "invalid"


def test_an_older_snapshot_is_refused(table: PeopleTable, directory: Directory) -> None:
    old = table.snapshot(GATEWAY)
    table.enrol(credentials=[(BADGE, REALM)])
    assert directory.apply(table.snapshot(GATEWAY))
    assert not directory.apply(table.snapshot(GATEWAY)), "the same again"
    with pytest.raises(PermanentError) as caught:
        directory.apply(old)
    assert caught.value.reason == "old_version"
    assert len(directory.entries) == 1


def test_a_directory_is_there_after_a_restart(table: PeopleTable, tmp_path: Path) -> None:
    table.enrol(unit="bkn", credentials=[(BADGE, REALM)])
    path = tmp_path / "directory"
    first = Directory(path, KEY, GATEWAY)
    first.apply(table.snapshot(GATEWAY))
    again = Directory(path, KEY, GATEWAY)
    assert (again.version, again.entries, again.problem) == (first.version, first.entries, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.glob("*.new")] == []


def test_a_damaged_file_is_said_and_told_again(table: PeopleTable, tmp_path: Path) -> None:
    table.enrol(credentials=[(BADGE, REALM)])
    path = tmp_path / "directory"
    Directory(path, KEY, GATEWAY).apply(table.snapshot(GATEWAY))
    path.write_bytes(path.read_bytes()[:-10])
    damaged = Directory(path, KEY, GATEWAY)
    assert (damaged.version, damaged.entries) == (0, {})
    assert "not_authentic" in damaged.problem
    assert damaged.apply(table.snapshot(GATEWAY))
    assert damaged.problem == ""


def test_a_delta_tells_what_changed(table: PeopleTable, directory: Directory, tmp_path: Path) -> None:
    pid = table.enrol(credentials=[(BADGE, REALM)])
    first = table.version
    directory.apply(table.snapshot(GATEWAY))
    table.set_quiet(pid, quiet=True)
    table.enrol(credentials=[(OTHER, ELSEWHERE)])
    delta = table.snapshot(GATEWAY, since=first)
    assert json.loads(delta.splitlines()[0])["since"] == first
    assert directory.apply(delta)
    assert directory.entries == snapshots.read(table.snapshot(GATEWAY), KEY, GATEWAY).entries
    assert Directory(tmp_path / "directory", KEY, GATEWAY).entries == directory.entries
    latecomer = Directory(tmp_path / "latecomer", KEY, GATEWAY)
    with pytest.raises(PermanentError) as caught:
        latecomer.apply(delta)
    assert caught.value.reason == "gap"


def test_an_erasure_is_told_by_a_whole_snapshot(table: PeopleTable, directory: Directory) -> None:
    pid = table.enrol(credentials=[(BADGE, REALM)])
    directory.apply(table.snapshot(GATEWAY))
    before = table.version
    table.erase(pid)
    told = table.snapshot(GATEWAY, since=before)
    assert snapshots.read(told, KEY, GATEWAY).since is None
    directory.apply(told)
    assert directory.entries == {}
    future = table.snapshot(GATEWAY, since=table.version + 1)
    assert snapshots.read(future, KEY, GATEWAY).since is None, "a gateway that was told by another table"


def test_people_of_one_unit_share_memory(table: PeopleTable, directory: Directory) -> None:
    table.enrol(unit="bkn", credentials=[(BADGE, REALM), (TAG, REALM)])
    directory.apply(table.snapshot(GATEWAY))
    first, second = directory.entries.values()
    assert first is second


# --- the resolver ---------------------------------------------------------------------------------------------------


def test_an_ambiguous_credential_is_refused(tmp_path: Path) -> None:
    directory = told(tmp_path / "directory", (BADGE, Entry("")))
    assert Resolver(directory, KEY).resolve(BADGE, REALM) is AMBIGUOUS


def test_two_holders_of_one_index_make_it_ambiguous(table: PeopleTable, directory: Directory) -> None:
    table.enrol(credentials=[(BADGE, REALM)])
    other = table.enrol(credentials=[(TAG, REALM)])
    # no call makes this; an import from another system might
    table._connection.execute("UPDATE credential SET idx = ? WHERE pid = ?", (KEY.index(BADGE, REALM), other))
    directory.apply(table.snapshot(GATEWAY))
    assert Resolver(directory, KEY).resolve(BADGE, REALM) is AMBIGUOUS


def test_what_was_resolved_is_forgotten_when_the_directory_changes(table: PeopleTable, directory: Directory) -> None:
    pid = table.enrol(credentials=[(BADGE, REALM)])
    directory.apply(table.snapshot(GATEWAY))
    resolver = Resolver(directory, KEY)
    assert resolver.resolve(BADGE, REALM) == Entry(pid)
    assert resolver.resolve(OTHER, REALM) is UNKNOWN
    table.disable(pid)
    second = table.enrol(credentials=[(OTHER, REALM)])
    directory.apply(table.snapshot(GATEWAY))
    # asking for a token sees the new version first; what resolve() remembers must go all the same
    assert resolver.by_token(resolver.token(second, 1), 1) == second
    assert resolver.resolve(BADGE, REALM) is DISABLED
    assert resolver.resolve(OTHER, REALM) == Entry(second)


def test_strangers_are_bounded_and_push_nobody_out(tmp_path: Path) -> None:
    resolver = Resolver(told(tmp_path / "directory", (BADGE, Entry("p-1"))), KEY)
    resolver.resolve(BADGE, REALM)
    for number in range(MOST_STRANGERS + 10):
        assert resolver.resolve(f"ibeacon:{number}", REALM) is UNKNOWN
    assert len(resolver._strangers) <= MOST_STRANGERS
    assert len(resolver._known) == 1


def test_no_raw_number_stays_in_memory(tmp_path: Path) -> None:
    resolver = Resolver(told(tmp_path / "directory", (BADGE, Entry("p-1"))), KEY)
    for value in (BADGE, OTHER, TAG):
        resolver.resolve(value, REALM)
    assert {type(key) for key in (*resolver._known, *resolver._strangers)} == {int}


def test_tokens_are_of_a_day_and_of_people_who_may_be_sensed(tmp_path: Path) -> None:
    directory = told(
        tmp_path / "directory",
        (BADGE, Entry("p-1")),
        (OTHER, Entry("p-2", quiet=True)),
        (TAG, Entry("p-3", active=False)),
        ("em4100:0000000001", Entry("")),
    )
    resolver = Resolver(directory, KEY)
    for day in (20_000, 20_001, 20_000, 5, 6, 20_001):  # two gateways around midnight, and one without a clock
        assert resolver.by_token(resolver.token("p-1", day), day) == "p-1"
        assert resolver.by_token(resolver.token("p-1", day), day + 1) is None
        assert resolver.by_token(resolver.token("p-2", day), day) is None
        assert resolver.by_token(resolver.token("p-3", day), day) is None
        assert resolver.by_token(resolver.token("", day), day) is None

"""The people table: what it keeps, forgets, and tells gateways."""

from __future__ import annotations

import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from gateway import sqlite
from gateway.cli import main
from gateway.clock import SECOND, ManualClock
from gateway.config.load import load
from gateway.credentials import KEY_BYTES, SiteKey
from gateway.directory import DISABLED, UNKNOWN
from gateway.errors import HadirError
from gateway.people import TOMBSTONE_S, Directory, Enrolled, Entry, PeopleTable, Resolver

KEY = SiteKey(bytes(range(KEY_BYTES)))
BADGE, OTHER, TAG = "em4100:0F0368568B", "em4100:0F0368568C", "ibeacon:e2c56db5-dffb-48d2-b060-d0f5a71096e0:100:0"
REALM, ELSEWHERE = "bkn", "kemenkeu"
GATEWAY = "gw-01"
NIP = "198503302003121002"


@pytest.fixture
def table(tmp_path: Path) -> Iterator[PeopleTable]:
    with PeopleTable(tmp_path / "people.sqlite", KEY, ManualClock(office=1000 * SECOND)) as made:
        yield made


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path / "directory", KEY, GATEWAY)


def test_a_person_is_enrolled_and_found(table: PeopleTable, directory: Directory) -> None:
    pid = table.enrol(unit="bkn", credentials=[(BADGE, REALM), (TAG, REALM)], name="Sari", staff_number=NIP)
    assert pid.startswith("p-")
    assert len(pid) == 18
    assert table.people() == [(pid, "bkn", 2)]
    assert table.unit_sizes() == {"bkn": 1}
    person = table.person(pid)
    assert person is not None
    assert (person.name, person.staff_number, person.credentials) == ("Sari", NIP, 2)
    assert directory.apply(table.snapshot(GATEWAY))
    assert directory.unit_sizes() == {"bkn": 1}
    resolver = Resolver(directory, KEY)
    assert resolver.resolve(BADGE, REALM) == resolver.resolve(TAG, REALM) == Entry(pid, "bkn")
    assert resolver.resolve(BADGE, ELSEWHERE) is UNKNOWN
    assert resolver.resolve(OTHER, REALM) is UNKNOWN


def test_a_credential_has_one_holder(table: PeopleTable) -> None:
    first = table.enrol(credentials=[(BADGE, REALM)])
    before = table.version
    with pytest.raises(HadirError, match="somebody else") as caught:
        table.enrol(credentials=[(TAG, REALM), (BADGE, REALM)])
    assert "0F0368568B" not in str(caught.value)
    assert (len(table.people()), table.version) == (1, before), "all of it or nothing"
    table.enrol(credentials=[(BADGE, ELSEWHERE)])
    assert table.disable(first, (BADGE, REALM)) == 1
    table.enrol(credentials=[(BADGE, REALM)])
    with pytest.raises(HadirError, match="somebody else"):
        table.add(first, [(BADGE, REALM)])
    with pytest.raises(HadirError, match="nobody"):
        table.add("p-0000000000000000", [(OTHER, REALM)])


def test_a_lost_card_is_disabled_and_a_new_one_added(table: PeopleTable, directory: Directory) -> None:
    pid = table.enrol(credentials=[(BADGE, REALM), (TAG, REALM)])
    assert table.disable(pid, (BADGE, REALM)) == 1
    assert table.disable(pid, (BADGE, REALM)) == 0
    table.add(pid, [(OTHER, REALM)])
    directory.apply(table.snapshot(GATEWAY))
    resolver = Resolver(directory, KEY)
    assert resolver.resolve(BADGE, REALM) is DISABLED
    assert resolver.resolve(OTHER, REALM) == resolver.resolve(TAG, REALM) == Entry(pid)
    assert table.disable(pid) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit": "BKN"},
        {"unit": "a/b"},
        {"unit": "_x"},
        {"unit": ""},
        {"visibility": "all"},
        {"name": ""},
        {"name": "x" * 121},
        {"staff_number": ""},
        {"staff_number": "1\n2"},
        {"credentials": [("em4100:1", REALM)]},
        {"credentials": [(f"em4100:{n:010x}", REALM) for n in range(17)]},
    ],
)
def test_a_person_who_is_not_described_well_is_refused(table: PeopleTable, wrong: dict[str, object]) -> None:
    with pytest.raises(HadirError):
        table.enrol(**wrong)  # type: ignore[arg-type]
    assert table.people() == []
    assert table.version == 0


def test_an_erased_person_is_gone_from_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "people.sqlite"
    with PeopleTable(path, KEY) as table:
        other = table.enrol(credentials=[(OTHER, REALM)])
        pid = table.enrol(unit="bkn", credentials=[(BADGE, REALM)], name="Sari", staff_number=NIP)
        index = KEY.index(BADGE, REALM).encode()
        sealed = table._rows("SELECT name FROM person WHERE pid = ?", pid)[0][0]

        def on_disk(what: bytes) -> bool:
            return any(what in file.read_bytes() for file in tmp_path.iterdir())

        assert on_disk(index)
        assert on_disk(sealed)
        assert table.erase(pid) == 1
        assert not on_disk(index)
        assert not on_disk(sealed)
        assert (table.person(pid), table.is_erased(pid), table.is_erased(other)) == (None, True, False)
        assert table.erase(pid) == table.set_quiet(pid, quiet=True) == table.disable(pid) == 0
        assert [found for found, _, _ in table.people()] == [other]
        table.enrol(credentials=[(BADGE, REALM)])
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_names_and_staff_numbers_are_sealed(tmp_path: Path) -> None:
    path = tmp_path / "people.sqlite"
    path.touch(mode=0o644)
    with PeopleTable(path, KEY) as table:
        pid = table.enrol(credentials=[(BADGE, REALM)], name="Sari Wulandari", staff_number=NIP)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        everything = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        for secret in (NIP, "Wulandari", "0f0368568b", "0F0368568B"):
            assert secret.encode() not in everything
        assert secret.encode() not in table.snapshot(GATEWAY)
        assert b"Sari" not in table.snapshot(GATEWAY)
    with PeopleTable(path, SiteKey(bytes(KEY_BYTES))) as other, pytest.raises(HadirError, match="another site key"):
        other.person(pid)


def test_what_is_sealed_for_one_opens_for_nobody_else() -> None:
    with pytest.raises(HadirError):
        KEY.unseal(KEY.seal(NIP, "p-1/staff_number"), "p-2/staff_number")
    with pytest.raises(HadirError):
        KEY.unseal(b"", "p-1/name")
    assert KEY.seal(NIP, "p-1") != KEY.seal(NIP, "p-1")


def test_a_table_that_was_put_back_is_believed_again(tmp_path: Path, directory: Directory) -> None:
    clock = ManualClock(office=1000 * SECOND)
    for folder in ("first", "replaced"):
        (tmp_path / folder).mkdir()
        with PeopleTable(tmp_path / folder / "people.sqlite", KEY, clock) as table:
            for number in range(3):
                table.enrol(credentials=[(f"em4100:{number:010x}", REALM)])
            assert directory.apply(table.snapshot(GATEWAY)), "newer, though this table is younger"
        clock.advance(3600)


def test_nothing_personal_is_logged(table: PeopleTable, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    pid = table.enrol(credentials=[(BADGE, REALM)], name="Sari", staff_number=NIP)
    table.disable(pid)
    table.erase(pid)
    assert caplog.text == ""


def test_who_holds_a_card_is_said_as_gateways_are_told(table: PeopleTable) -> None:
    assert table.holder(BADGE, REALM) is None
    pid = table.enrol(unit="bkn", credentials=[(BADGE, REALM)])
    assert table.holder(BADGE, REALM) == table.holder(BADGE.lower(), REALM) == Entry(pid, "bkn")
    assert table.holder(BADGE, ELSEWHERE) is None
    table.disable(pid, (BADGE, REALM))
    assert table.holder(BADGE, REALM) == Entry(pid, "bkn", active=False), "known, and lost"
    other = table.enrol(credentials=[(BADGE, REALM)])
    assert table.holder(BADGE, REALM) == Entry(other), "who holds it now"
    table._connection.execute("UPDATE credential SET active = 1")  # as two tables that were merged by hand
    assert table.holder(BADGE, REALM) == Entry(""), "nobody is meant"
    table.erase(pid)
    table.erase(other)
    assert table.holder(BADGE, REALM) is None


def test_a_guest_is_somebody_for_a_day_and_then_forgotten(tmp_path: Path) -> None:
    clock = ManualClock(office=1000 * SECOND)
    hour = 3600 * SECOND
    with PeopleTable(tmp_path / "people.sqlite", KEY, clock) as table:
        until = clock.office() + 8 * hour
        pid = table.enrol_guest(name="Wayan Tamu", valid_until=until, host="bkn", credentials=[(BADGE, REALM)])
        stays = table.enrol(unit="bkn", name="Sari")
        guest = table.person(pid)
        assert guest is not None
        assert (guest.unit, guest.name, guest.valid_until, guest.host) == ("_", "Wayan Tamu", until, "bkn")
        assert table.holder(BADGE, REALM) == Entry(pid)
        assert table.erase_lapsed() == []
        sealed = table._rows("SELECT name FROM person WHERE pid = ?", pid)[0][0]
        clock.advance(8 * 3600)
        assert table.holder(BADGE, REALM) == Entry(pid, active=False), "before anybody has swept up"
        assert table.erase_lapsed() == [pid]
        assert (table.erase_lapsed(), table.person(pid), table.is_erased(pid)) == ([], None, True)
        assert table._rows("SELECT host FROM person WHERE pid = ?", pid) == [(None,)]
        assert not any(sealed in file.read_bytes() for file in tmp_path.iterdir())
        assert table.person(stays) is not None
        table.erase(table.enrol())
        clock.advance(TOMBSTONE_S)
        last = table.enrol_guest(name="Made Tamu", valid_until=clock.office() + hour)
        clock.advance(3600)
        assert table.erase_lapsed() == [last]
        assert (table.is_erased(last), table.is_erased(pid), len(table.erased())) == (True, False, 2)
        for wrong in (clock.office(), clock.office() - 1, clock.office() + 48 * hour):
            with pytest.raises(HadirError):
                table.enrol_guest(name="x", valid_until=wrong)
        with pytest.raises(HadirError):
            table.enrol_guest(name="x", valid_until=clock.office() + hour, host="a/b")


def test_a_table_of_before_there_were_guests_is_opened(tmp_path: Path) -> None:
    from gateway import people, sqlite

    path = tmp_path / "people.sqlite"
    connection = sqlite.connect(path, exclusive=False)
    sqlite.migrate(connection, people._SCHEMA[:2])
    connection.execute("INSERT INTO person VALUES ('p-00000000000000aa', 'bkn', 'self', 0, NULL, NULL, 0)")
    connection.close()
    with PeopleTable(path, KEY) as table:
        person = table.person("p-00000000000000aa")
        assert person is not None
        assert (person.valid_until, person.host) == (None, None)
        assert table.erase_lapsed() == []


class Site(RuleBasedStateMachine):
    """Any order of changes, with gateways that hear deltas, whole snapshots or nothing: all that know agree."""

    people = Bundle("people")

    @initialize()
    def open(self) -> None:
        self.folder = TemporaryDirectory()
        root = Path(self.folder.name)
        self.clock = ManualClock(office=0)
        self.table = PeopleTable(root / "people.sqlite", KEY, self.clock)
        self.by_delta = Directory(root / "by-delta", KEY, GATEWAY)
        self.whole = Directory(root / "whole", KEY, GATEWAY)
        self.holders: dict[str, str] = {}
        self.quiet: set[str] = set()
        self.resolver = Resolver(self.by_delta, KEY)

    @rule(target=people, number=st.integers(0, 5))
    def enrol(self, number: int) -> str:
        value = f"em4100:{number:010x}"
        try:
            pid = self.table.enrol(credentials=[(value, REALM)])
        except HadirError:
            assert value in self.holders
            return self.holders[value]
        assert value not in self.holders
        self.holders[value] = pid
        return pid

    @rule(pid=people)
    def disable(self, pid: str) -> None:
        held = [value for value, holder in self.holders.items() if holder == pid]
        assert self.table.disable(pid) == len(held)
        for value in held:
            del self.holders[value]

    @rule(pid=people, quiet=st.booleans())
    def set_quiet(self, pid: str, quiet: bool) -> None:
        if self.table.set_quiet(pid, quiet):
            (self.quiet.add if quiet else self.quiet.discard)(pid)

    @rule(pid=people)
    def erase(self, pid: str) -> None:
        self.table.erase(pid)
        self.holders = {value: holder for value, holder in self.holders.items() if holder != pid}

    @rule()
    def tell_delta(self) -> None:
        self.by_delta.apply(self.table.snapshot(GATEWAY, since=self.by_delta.version))

    @rule()
    def tell_whole(self) -> None:
        self.whole.apply(self.table.snapshot(GATEWAY))

    @rule(seconds=st.integers(0, 5))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @invariant()
    def agree(self) -> None:
        if self.by_delta.version == self.whole.version:
            assert self.by_delta.entries == self.whole.entries
        if self.by_delta.version == self.table.version:
            for number in range(6):
                value = f"em4100:{number:010x}"
                found = self.resolver.resolve(value, REALM)
                holder = self.holders.get(value)
                assert (found.pid if isinstance(found, Entry) else None) == holder
                assert not isinstance(found, Entry) or found.quiet == (found.pid in self.quiet)

    def teardown(self) -> None:
        self.table.close()
        self.folder.cleanup()


Site.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestSite = Site.TestCase


def test_a_staff_number_names_one_person_of_a_unit_however_it_is_spaced(table: PeopleTable) -> None:
    pid = table.enrol(unit="bkn", name="Sari", staff_number="19850330 200312 1 002")
    assert table.by_staff_number(NIP, "bkn") == pid
    assert table.by_staff_number(f" {NIP} ", "bkn") == pid
    assert table.by_staff_number(NIP, "panrb") is None
    assert table.by_staff_number("1", "bkn") is None
    assert table.unit_of(pid) == "bkn"
    table.erase(pid)
    assert table.by_staff_number(NIP, "bkn") is None
    assert table.unit_of(pid) is None


def test_a_staff_number_is_enrolled_once_in_a_unit(table: PeopleTable) -> None:
    pid = table.enrol(unit="bkn", name="Sari", staff_number="19850330 200312 1 002")
    version = table.version
    with pytest.raises(Enrolled, match="has that staff number already") as caught:
        table.enrol(unit="bkn", staff_number=NIP, credentials=[(BADGE, REALM)])
    assert caught.value.pid == pid
    assert (table.people(), table.version) == ([(pid, "bkn", 0)], version)
    table.enrol(unit="panrb", staff_number=NIP)  # an agency's numbers are its own
    table.erase(pid)
    assert table.by_staff_number(NIP, "bkn") is None
    assert table.enrol(unit="bkn", staff_number=NIP) == table.by_staff_number(NIP, "bkn")


def test_a_staff_number_that_an_older_table_has_twice_names_nobody(tmp_path: Path) -> None:
    with PeopleTable(tmp_path / "people.sqlite", KEY) as table:
        pid, twin = (table.enrol(unit=unit, staff_number=NIP) for unit in ("bkn", "panrb"))
        older = sqlite.connect(tmp_path / "people.sqlite", exclusive=False)
        older.execute("UPDATE person SET unit = 'bkn'")
        older.close()
        assert table.by_staff_number(NIP, "bkn") is None
        table.erase(twin)
        assert table.by_staff_number(NIP, "bkn") == pid


def test_staff_numbers_of_an_older_table_are_found_as_well(tmp_path: Path) -> None:
    with PeopleTable(tmp_path / "people.sqlite", KEY) as table:
        pid = table.enrol(unit="bkn", staff_number=NIP)
    older = sqlite.connect(tmp_path / "people.sqlite", exclusive=False)
    older.execute("UPDATE person SET staff_idx = NULL")
    older.close()
    with PeopleTable(tmp_path / "people.sqlite", KEY) as table:
        assert table.by_staff_number(NIP, "bkn") == pid
    raw = (tmp_path / "people.sqlite").read_bytes()
    assert NIP.encode() not in raw


def test_the_command_line_enrols_a_name_and_a_staff_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "--site", "kantor"]) == 0
    file = str(tmp_path / "office.yaml")
    capsys.readouterr()
    assert main(["people", file, "enrol", "--unit", "bkn", "--name", "Sari", "--staff-number", NIP]) == 0
    pid = capsys.readouterr().out.strip()
    office = load(tmp_path / "office.yaml")
    key = SiteKey.load(office.path(office.people.site_key))
    with PeopleTable(office.path(office.people.table), key) as table:
        assert table.by_staff_number(NIP, "bkn") == pid
        person = table.person(pid)
        assert person is not None
        assert (person.name, person.credentials) == ("Sari", 0)
    assert main(["people", file, "enrol", "--unit", "bkn", "--staff-number", NIP]) == 1
    assert f"{pid} has that staff number already" in capsys.readouterr().err
    assert main(["people", file, "enrol", "--unit", "bkn"]) == 1
    assert main(["people", file, "add", "--pid", pid, "--name", "Sari"]) == 1
    main(["people", file, "list"])
    assert "Sari" not in capsys.readouterr().out

"""Credentials, the people table, identity snapshots and the directory of a gateway."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from gateway import snapshots
from gateway.clock import SECOND, ManualClock
from gateway.credentials import KEY_BYTES, SiteKey, canonical, checked, derive
from gateway.directory import AMBIGUOUS, DISABLED, MOST_STRANGERS, UNKNOWN
from gateway.errors import ConfigError, HadirError, PermanentError
from gateway.people import Directory, Entry, PeopleTable, Resolver
from gateway.snapshots import Snapshot

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


def told(path: Path, *entries: tuple[str, Entry], version: int = 1) -> Directory:
    """A directory that was told `entries` by (credential in REALM, holder)."""
    made = Directory(path, KEY, GATEWAY)
    indexed = {KEY.index(value, REALM): entry for value, entry in entries}
    made.apply(snapshots.write(Snapshot(GATEWAY, version, indexed), KEY))
    return made


# --- credentials ----------------------------------------------------------------------------------------------------

words = st.text(alphabet="ab:-0\0", max_size=6)


@given(words, words, words, words)
def test_no_two_credentials_share_a_form(value: str, realm: str, other_value: str, other_realm: str) -> None:
    same = canonical(value, realm) == canonical(other_value, other_realm)
    # a technology that ends where its bits begin needs no colon
    forms = [(realm, *text.partition(":")[::2]) for text, realm in ((value, realm), (other_value, other_realm))]
    assert same == (forms[0] == forms[1])


def test_one_number_of_two_agencies_is_two_credentials() -> None:
    assert KEY.index(BADGE, REALM) != KEY.index(BADGE, ELSEWHERE)
    assert KEY.index(BADGE, REALM) == KEY.index(BADGE.lower(), REALM)
    assert len(KEY.index(BADGE, REALM)) == 32


def test_another_key_or_epoch_makes_other_names() -> None:
    other, later = SiteKey(bytes(KEY_BYTES)), SiteKey(bytes(range(KEY_BYTES)), epoch=2)
    for name in (lambda key: key.index(BADGE, REALM), lambda key: key.token("p-1", 1), lambda key: key.sign(b"")):
        assert len({name(KEY), name(other), name(later)}) == 3
    assert KEY.token("p-1", 1) != KEY.token("p-1", 2)
    assert later.unseal(KEY.seal(NIP, "p-1"), "p-1") == NIP, "what is at rest survives a new epoch"


@given(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.text(max_size=20))
def test_derived_as_rfc_5869_says(secret: bytes, purpose: str) -> None:
    reference = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"hadir/{purpose}".encode())
    assert derive(secret, purpose) == reference.derive(secret)


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    made = SiteKey.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SiteKey.load(path).index(BADGE, REALM) == made.index(BADGE, REALM)
    with pytest.raises(FileExistsError):
        SiteKey.create(path)
    assert path.read_text().split()[2] not in f"{made!r}{made}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "site.key"
    SiteKey.create(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        SiteKey.load(path)


@pytest.mark.parametrize(
    "text", ["", "hadir-site-key-1 1 00", "x 1 " + "00" * 32, "hadir-site-key-1 ² " + "00" * 32, "\xff", "a b c d"]
)
def test_a_damaged_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "site.key"
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is not a site key"):
        SiteKey.load(path)
    with pytest.raises(ConfigError, match="hadir init"):
        SiteKey.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    "value", [BADGE, TAG, "eddystone-uid:" + "0a" * 16, "mifare:04a1b2c3d4e5f6", " EM4100:0f0368568b "]
)
def test_credentials_that_can_be_enrolled(value: str) -> None:
    assert checked(value) == value.strip().lower()


@pytest.mark.parametrize(
    "value",
    ["", "0F0368568B", "em4100:", "em4100:0F036856", "em4100:0F0368568G", TAG + "0:0", TAG.replace(":100:", ":0100:"),
     "eddystone-eid:0011223344556677", "eddystone-url:https://x.id", "mifare:", "mi fare:77", "mifare:" + "0" * 129],
)  # fmt: skip
def test_what_cannot_be_enrolled_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(HadirError) as caught:
        checked(value)
    bits = value.partition(":")[2]
    assert not bits or bits not in str(caught.value)


# --- the table ------------------------------------------------------------------------------------------------------


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


# --- everything together --------------------------------------------------------------------------------------------


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

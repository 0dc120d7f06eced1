"""The ledger: once each, in any order, people apart."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import sqlite
from gateway.contract.envelope import Envelope, decode, encode, erased
from gateway.errors import ConfigError, TransientError
from gateway.ledger import DUPLICATE, STORED, Ledger, Move, Outcome, Progress, View, read
from gateway.ledger_schema import SCHEMA
from gateway.spans import Spans
from rules.api import SECOND, Event
from tests.archive.events import BOOT, PID, START, make, origin

OTHER = "p-00000000000000b2"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger.sqlite")
    yield made
    made.close()


def test_an_event_is_stored_once_and_keeps_its_bytes(ledger: Ledger) -> None:
    events = [make(number) for number in (1, 2, 3)]
    assert ledger.commit(events[:2]) == [STORED, STORED]
    assert ledger.commit([events[1], events[2], events[2]]) == [DUPLICATE, STORED, DUPLICATE]
    assert [row.body for row in ledger.all()] == [event.raw for event in events]
    assert ledger.boots() == {("gw-1", BOOT): 3}
    assert ledger.spans("gw-1", BOOT) == [(1, 3)]


def test_who_was_erased_before_the_order_was_kept_stands_by_time(tmp_path: Path) -> None:
    old = sqlite.connect(tmp_path / "ledger.sqlite", exclusive=False)
    sqlite.migrate(old, SCHEMA[:1])
    old.execute("INSERT INTO erased VALUES ('p-00000000000000a1', 2), ('p-00000000000000b2', 1)")
    old.close()
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.erase("p-00000000000000c3", 0)
    ledger.erase("p-00000000000000a1", 0)
    ledger.close()
    rows = sqlite.read_only(tmp_path / "ledger.sqlite")
    assert rows.execute("SELECT pid, at FROM erased ORDER BY rowid").fetchall() == [
        ("p-00000000000000b2", 1),
        ("p-00000000000000a1", 0),
        ("p-00000000000000c3", 0),
    ]
    sqlite.migrate(rows, SCHEMA[:1])  # an older program goes on with it
    rows.close()


def test_another_event_under_a_committed_number_is_refused_and_changes_nothing(ledger: Ledger) -> None:
    ledger.commit([make(1)])
    assert ledger.commit([make(1, state="vacant"), make(2)]) == [Outcome("refused", "conflict"), STORED]
    assert [row.body for row in ledger.all()] == [make(1).raw, make(2).raw]


def test_what_is_missing_is_told_as_ranges(ledger: Ledger) -> None:
    ledger.commit([make(number) for number in (2, 5, 6, 9)])
    assert ledger.missing("gw-1", BOOT) == [(1, 1), (3, 4), (7, 8)]


def test_a_query_finds_by_type_place_and_time_and_goes_on_behind_a_cursor(ledger: Ledger) -> None:
    for number in range(1, 11):
        ledger.commit([make(number, gateway="gw-1" if number % 2 else "gw-2")])
    ledger.commit([make(11, "presence.started", place="ikn/kk2/l1/north/_")])
    assert [r.sequence for r in ledger.query(place="ikn/kk2/l1", limit=3)] == [1, 3, 5]
    behind = ledger.query(place="ikn/kk2/l1", limit=3)[-1].id
    assert [r.sequence for r in ledger.query(place="ikn/kk2/l1", after=behind)] == [7, 9]
    assert ledger.query(place="ikn/kk2/l") == []
    assert [r.sequence for r in ledger.query(since=START + 4 * SECOND, until=START + 6 * SECOND)] == [4, 5]
    assert ledger.query(types=["presence.started"]) == []
    assert [r.pid for r in ledger.query(types=["presence.started"], people=True)] == [PID]
    assert [r.sequence for r in ledger.after(8)] == [9, 10, 11]
    assert [r.sequence for r in ledger.after(8, classes=("evt",))] == [9, 10]


def test_an_erased_person_is_in_no_byte_of_the_file_and_does_not_come_back(tmp_path: Path, ledger: Ledger) -> None:
    seen = make(1, "presence.started", place="ikn/kk2/l1/north/_")
    other = make(2, "presence.started", place="ikn/kk2/l1/north/_", person=OTHER)
    ledger.commit([seen, other, make(3)])
    assert ledger.erase(PID, START) == 1
    assert ledger.commit([seen]) == [DUPLICATE]
    assert ledger.commit([make(4, "presence.started", place="ikn/kk2/l1/north/_")]) == [STORED]
    assert [row.sequence for row in ledger.all()] == [2, 3]
    assert ledger.spans("gw-1", BOOT) == [(1, 4)]
    content = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.sqlite*"))
    assert seen.raw not in content
    assert other.raw in content


def test_an_id_is_never_used_twice_so_that_no_cursor_skips(ledger: Ledger) -> None:
    ledger.commit([make(1, "presence.started", place="ikn/kk2/l1/north/_")])
    ledger.erase(PID, START)
    ledger.commit([make(2)])
    assert [row.id for row in ledger.all()] == [2]


def test_numbers_that_stand_twice_in_one_commit_are_told_apart(ledger: Ledger) -> None:
    ledger.commit([make(1), make(2)])
    mixed = [make(3), make(1), make(3), make(2, state="vacant"), make(3, state="vacant"), make(4)]
    conflict = Outcome("refused", "conflict")
    assert ledger.commit(mixed) == [STORED, DUPLICATE, DUPLICATE, conflict, conflict, STORED]
    assert [row.body for row in ledger.all()] == [make(number).raw for number in (1, 2, 3, 4)]


def test_more_duplicates_than_one_statement_compares(ledger: Ledger) -> None:
    events = [make(number) for number in range(1, 601)]
    assert set(ledger.commit(events)) == {STORED}
    again = [*events[:550], make(551, state="vacant"), *events[551:]]
    assert [at for at, outcome in enumerate(ledger.commit(again)) if outcome != DUPLICATE] == [550]


@pytest.mark.parametrize("emptied_first", [True, False])
def test_an_event_that_its_gateway_emptied_loses_its_content_here_in_any_order(
    ledger: Ledger, emptied_first: bool
) -> None:
    full = make(1, "presence.started", place="ikn/kk2/l1/north/_")
    empty = decode(erased(full.raw))
    for event in (empty, full) if emptied_first else (full, empty):
        assert ledger.commit([event])[0].state != "refused"
    assert [(row.body, row.pid) for row in ledger.all()] == [(empty.raw, "")]


def test_what_is_erased_by_an_event_leaves_the_log_as_soon_as_nobody_reads(tmp_path: Path, ledger: Ledger) -> None:
    full = make(1, "presence.started", place="ikn/kk2/l1/north/_")
    ledger.commit([full])
    view = View.open(tmp_path / "ledger.sqlite")
    reading = view.all()
    next(reading)
    ledger.commit([decode(erased(full.raw))])  # while somebody reads the log stays
    del reading
    view.close()
    ledger.flush()
    assert full.raw not in b"".join(path.read_bytes() for path in tmp_path.glob("ledger.sqlite*"))


def test_everybody_who_is_named_is_listed_once(ledger: Ledger) -> None:
    assert ledger.people() == []
    ledger.commit(
        [make(number, "presence.started", place=PLACE, person=who) for number, who in enumerate(2 * (PID, OTHER), 1)]
    )
    assert ledger.people() == [PID, OTHER]


def test_retention_deletes_people_only_and_by_the_archives_time_where_the_clock_ran_free(ledger: Ledger) -> None:
    place = "ikn/kk2/l1/north/_"
    old = make(1, "presence.started", place=place, at=-100)
    fresh = make(2, "presence.started", place=place, at=100)
    free = make(3, "presence.started", place=place, at=-1_000_000, sync="none")
    ledger.commit([old, fresh, free, make(4, at=-100)], START)
    assert ledger.retain(START) == 1
    assert [row.sequence for row in ledger.all()] == [2, 3, 4]
    assert ledger.retain(START + SECOND) == 2
    assert ledger.commit([old, free]) == [DUPLICATE, DUPLICATE]


def test_times_of_a_free_running_clock_are_placed_by_the_correction_before_or_after(ledger: Ledger) -> None:
    early = make(1, at=10, sync="none")
    late = make(3, at=20, sync="none")
    ledger.commit([early])
    assert ledger.at(early.subject, ["occupancy.changed"], 0, 2**62) == []
    told = Event("gateway.clock_corrected", "ikn/kk2/l1/_/_", START, {"boot": BOOT, "offset_ms": 5000.0})
    ledger.commit([decode(encode(told, origin(), sequence=2, recorded_at=START).body), late])
    rows = ledger.at(early.subject, ["occupancy.changed"], 0, 2**62)
    assert [row.at for row in rows] == [START + 15 * SECOND, START + 25 * SECOND]
    assert [row.sequence for row in ledger.corrected(ledger.query(types=["gateway.clock_corrected"])[0])] == [1]


@pytest.mark.parametrize("offset_ms", [9e12, -9e12])
def test_a_correction_beyond_all_times_is_kept_within_them(ledger: Ledger, offset_ms: float) -> None:
    told = Event("gateway.clock_corrected", "ikn/kk2/l1/_/_", START, {"boot": BOOT, "offset_ms": offset_ms})
    correction = decode(encode(told, origin(), sequence=2, recorded_at=START).body)
    assert ledger.commit([make(1, at=10, sync="none"), correction, make(3, at=20, sync="none")]) == [STORED] * 3
    found = {row.at for row in ledger.all() if row.type == "occupancy.changed"}
    assert found == {2**63 - 1 if offset_ms > 0 else 0}


def test_another_process_reads_while_the_ledger_is_written(tmp_path: Path, ledger: Ledger) -> None:
    view = View.open(tmp_path / "ledger.sqlite")
    ledger.commit([make(1)])
    assert [row.sequence for row in view.all()] == [1]
    ledger.commit([make(2)])
    assert [row.sequence for row in read(tmp_path / "ledger.sqlite")] == [1, 2]
    view.close()


def test_what_projections_note_is_written_with_the_next_commit_or_by_a_flush(tmp_path: Path, ledger: Ledger) -> None:
    ledger.note("vm", Progress(5, 3, 900, "a"), [Move("s", 7, 12)])
    ledger.note("vm", Progress(6, 3, 900, "a"))
    assert ledger.progress("vm") is None
    ledger.commit([make(1)])
    assert ledger.progress("vm") == (6, 3, 900, "a")
    assert ledger.moved("vm", "s", 7) == 12
    assert ledger.is_given("vm", "s", 12)
    ledger.note("vm", Progress(9, 6, 900, "a"))
    ledger.flush()
    assert ledger.progress("vm") == (9, 6, 900, "a")


def test_a_second_writer_is_noticed_and_its_commits_are_duplicates(tmp_path: Path, ledger: Ledger) -> None:
    ledger.commit([make(1)])
    second = Ledger(tmp_path / "ledger.sqlite")
    second.commit([make(2), make(3)])
    second.close()
    assert ledger.commit([make(3), make(4)]) == [DUPLICATE, STORED]
    assert ledger.spans("gw-1", BOOT) == [(1, 4)]


# --- the disk -------------------------------------------------------------------------------------------------------


def test_a_full_disk_commits_nothing_and_goes_on_when_there_is_room(ledger: Ledger) -> None:
    ledger.commit([make(1)])
    run = ledger._connection.execute
    run(f"PRAGMA max_page_count={run('PRAGMA page_count').get}")
    many = [make(number) for number in range(2, 402)]
    with pytest.raises(TransientError, match="full"):
        ledger.commit(many)
    assert ledger.spans("gw-1", BOOT) == [(1, 1)]
    run("PRAGMA max_page_count=1000000")
    assert set(ledger.commit(many)) == {STORED}
    assert [row.sequence for row in ledger.all()] == list(range(1, 402))


@pytest.mark.parametrize("page", [0, 1], ids=["its head", "its schema"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, page: int) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger(path).close()
    content = bytearray(path.read_bytes())
    content[page * 100 : page * 100 + 2000] = random.Random(1).randbytes(2000)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"damaged.*backup"):
        Ledger(path)


# --- laws -----------------------------------------------------------------------------------------------------------

PLACE = "ikn/kk2/l1/north/_"
EVENTS: list[Envelope] = [
    *(make(number, boot=boot) for number in range(1, 9) for boot in (BOOT, "000002-bbbb")),
    *(make(number, gateway="gw-2") for number in range(1, 5)),
    *(make(number, "presence.started", place=PLACE, person=who) for number, who in ((9, PID), (10, OTHER), (11, PID))),
    make(12, at=3, sync="none"),
    make(
        13,
        "privacy.erased",
        cls="who",
        person=PID,
        place="ikn/kk2/_/_/_",
        target_id=PID,
        field="person",
        actor_role="authority",
    ),
]
EVENTS.append(decode(erased(EVENTS[-4].raw)))
EVENTS.append(make(14, "gateway.clock_corrected", corrects=BOOT, offset_ms=1500.0))


def content(ledger: Ledger) -> list[tuple[object, ...]]:
    return sorted(row[1:] for row in ledger.all())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from(EVENTS), max_size=20), st.integers(1, 50))
def test_any_order_and_repetition_of_delivery_gives_the_same_ledger(
    tmp_path_factory: pytest.TempPathFactory, seed: int, again: list[Envelope], size: int
) -> None:
    expected = Ledger(tmp_path_factory.mktemp("a") / "ledger.sqlite")
    expected.commit(EVENTS)
    delivery = [*EVENTS, *again]
    random.Random(seed).shuffle(delivery)
    ledger = Ledger(tmp_path_factory.mktemp("b") / "ledger.sqlite")
    outcomes = []
    for at in range(0, len(delivery), size):
        outcomes += ledger.commit(delivery[at : at + size])
    assert content(ledger) == content(expected)
    assert ledger.boots() == expected.boots()
    assert all(ledger.spans(*key) == expected.spans(*key) for key in expected.boots())
    assert {outcome.state for outcome in outcomes} <= {"stored", "duplicate"}
    assert sum(outcome == STORED for outcome in outcomes) == sum(expected.boots().values())
    ledger.close()
    expected.close()


@given(st.lists(st.integers(1, 60)), st.integers(1, 7))
def test_spans_are_the_set_of_their_numbers_and_what_is_saved_of_them_too(numbers: list[int], every: int) -> None:
    spans = Spans()
    seen: set[int] = set()
    saved: dict[int, int] = {}
    for at, number in enumerate(numbers):
        assert spans.add(number) is (number not in seen)
        seen.add(number)
        if at % every == 0:
            gone, changed = spans.changes()
            for first in gone:
                saved.pop(first, None)
            saved.update(changed)
    gone, changed = spans.changes()
    for first in gone:
        saved.pop(first, None)
    saved.update(changed)
    assert sorted(saved.items()) == list(spans)
    assert {n for first, last in spans for n in range(first, last + 1)} == seen
    assert all(number in spans for number in seen)

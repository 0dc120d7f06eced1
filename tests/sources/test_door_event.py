"""What a door system's message says, whatever is in it; and which events become frames, when, and how often."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim import door_system
from gateway.clock import SECOND, ManualClock, parse_rfc3339
from gateway.config.sources import DoorFields
from gateway.contract.payload import MAX_IN_BATCH, read_json
from gateway.counters import Counters
from gateway.errors import PermanentError
from gateway.sources.base import SourceState
from gateway.sources.door import FRESH_S, MEDIUM, OLDEST_S, REMEMBERED, Taps
from gateway.sources.door_event import BAD, moment, read, rows
from tests.sources.brokers import Taken
from tests.sources.doors import FIELDS, MAKASSAR, NOW, READERS, UNDATED, tap
from tests.sources.doors import taps as made

CAUSES = BAD | {"no_badge"}
MORNING = parse_rfc3339("2026-11-26T08:12:03.5+08:00")


def event(**more: Any) -> dict[str, Any]:
    return {"reader": "A", "badge": "5278", **more}


FLAT = DoorFields(reader="reader", badge="badge", facility="facility", at="at", id="id")
SHORT = DoorFields(reader="reader", badge="badge", facility="facility", id="id")


# --- one message -----------------------------------------------------------------------------------------------------


def test_an_event_as_a_door_system_sends_it() -> None:
    one = door_system.Tap("Gate A", "5278", MORNING, 41, "1")
    found = read(read_json(door_system.message(one)), FIELDS, MAKASSAR)
    assert found == ("Gate A", "1;5278", MORNING, "41")
    found = read(read_json(door_system.message(one, milliseconds=True)), FIELDS, MAKASSAR)
    assert found == ("Gate A", "1;5278", MORNING, "41")


def test_a_number_a_blank_and_nothing() -> None:
    assert read(event(badge=" 005278 ", facility=None), SHORT, MAKASSAR) == ("A", ";005278", None, "")
    assert read(event(badge=5278, facility=12, id=7), SHORT, MAKASSAR) == ("A", "12;5278", None, "7")


def test_a_name_with_a_dot_of_its_own_and_a_path() -> None:
    fields = DoorFields(reader="a.b", badge="c.d.e")
    assert read({"a.b": "R", "c": {"d": {"e": "1"}}}, fields, MAKASSAR)[:2] == ("R", ";1")


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        (7, "not_event"),
        ([], "not_event"),
        (None, "not_event"),
        ({}, "no_reader"),
        ({"reader": "A"}, "no_badge"),
        (event(badge=""), "no_badge"),
        (event(badge="  "), "no_badge"),
        (event(badge=None), "no_badge"),
        (event(badge=True), "bad_field"),
        (event(badge=5278.0), "bad_field"),
        (event(badge=["5278"]), "bad_field"),
        (event(badge={"number": 5278}), "bad_field"),
        (event(badge="5\x0078"), "bad_field"),
        (event(badge="5\n78"), "bad_field"),
        (event(badge="9" * 65), "bad_field"),
        (event(badge=10**4000), "bad_field"),
        (event(facility="1;2"), "bad_field"),
        (event(facility="x" * 17), "bad_field"),
        (event(reader="x" * 257), "bad_field"),
        (event(id="x" * 257), "bad_field"),
        (event(id={}), "bad_field"),
    ],
)
def test_what_is_no_tap_has_a_cause(row: object, cause: str) -> None:
    with pytest.raises(PermanentError) as raised:
        read(row, SHORT, MAKASSAR)
    assert raised.value.reason == cause
    assert cause in CAUSES
    assert "5278" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-26T08:12:03.5+08:00",
        "2026-11-26 08:12:03.500 +0800",
        "2026-11-26t00:12:03.5z",
        "2026-11-26T08:12:03,5",
        "2026-11-26 08:12:03.5",
        "1795651923.5",
        "1795651923500",
        1795651923500,
        1795651923.5,
        " 1795651923.500000000 ",
    ],
)
def test_times(text: object) -> None:
    assert moment(text, MAKASSAR) == MORNING


def test_a_time_without_seconds() -> None:
    assert moment("2026-11-26 08:12", MAKASSAR) == parse_rfc3339("2026-11-26T08:12:00+08:00")
    assert moment("0001-01-01 00:00", MAKASSAR) < 0


@pytest.mark.parametrize(
    "bad",
    [
        *(None, True, [], {}, "", "now", "26/11/2026 08:12:03", "2026-11-26", "08:12:03", "2026-13-01T00:00:00Z"),
        *("2026-11-26T24:30:00Z", "2026-11-26T08:12:60Z", "2026-11-26T08:12:03+99:00", "1e9", "-5", "٢٠٢٦", "9" * 15),
        *(float("nan"), float("inf"), 10**30, -(10**15), "2026-11-26T08:12:03Z extra", "nan", "2026-W48-4"),
    ],
)
def test_what_is_no_time(bad: object) -> None:
    with pytest.raises(PermanentError) as raised:
        moment(bad, MAKASSAR)
    assert raised.value.reason == "bad_time"


def test_one_event_or_a_list_of_a_bounded_number() -> None:
    assert rows({}) == [{}]
    assert rows([{}, 7]) == [{}, 7]
    assert len(rows([{}] * MAX_IN_BATCH)) == MAX_IN_BATCH
    for message, cause in (("text", "not_event"), (None, "not_event"), ([{}] * (MAX_IN_BATCH + 1), "too_big")):
        with pytest.raises(PermanentError) as raised:
            rows(message)
        assert raised.value.reason == cause


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.text("0123456789.:-TZ+ ;"))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
shaped = st.fixed_dictionaries({}, optional=dict.fromkeys(("reader", "badge", "facility", "at", "id", "card"), values))


@given(st.one_of(values, shaped, st.lists(shaped, max_size=3)), st.sampled_from([FLAT, SHORT, FIELDS]))
def test_any_message_gives_events_or_causes(message: object, fields: DoorFields) -> None:
    try:
        for row in rows(message):
            try:
                found = read(row, fields, MAKASSAR)
            except PermanentError as error:
                assert error.reason in CAUSES  # noqa: PT017
            else:
                assert 0 < len(found.reader) <= 256
                assert len(found.badge.partition(";")[2]) > 0
                assert len(found.badge.encode()) <= 4 * 81
    except PermanentError as error:
        assert error.reason in CAUSES  # noqa: PT017


@given(st.binary(max_size=80) | shaped.map(lambda row: json.dumps(row).encode()))
def test_any_bytes_are_taken_or_counted(payload: bytes) -> None:
    clock, counters, taken = ManualClock(NOW, NOW), Counters(), Taken()
    answers: list[int] = []
    try:
        tally = Taps("door", ["A"], FLAT, MAKASSAR, clock, counters, SourceState()).take(
            rows(read_json(payload)), taken, lambda: answers.append(1)
        )
    except PermanentError as error:
        assert error.reason in CAUSES  # noqa: PT017
    else:
        assert answers == [1]
        assert tally.taken == len(taken.frames)
        assert sum(tally.dropped.values()) == counters.get("door.dropped")


# --- which become frames ---------------------------------------------------------------------------------------------


def take(taps: Taps, taken: Taken, *taps_of: door_system.Tap) -> int:
    """How often it was done, now."""
    answers: list[int] = []
    taps.take(rows(read_json(door_system.message(*taps_of))), taken, lambda: answers.append(1))
    return len(answers)


def test_a_tap_becomes_a_frame() -> None:
    counters, taken, state = Counters(), Taken(), SourceState()
    taps = made(counters, state, clock=ManualClock(NOW, 5 * SECOND))
    assert take(taps, taken, tap(1, NOW - SECOND)) == 1
    assert taken.frames == [(MEDIUM, "door", READERS[1], b"1;5001", None, NOW, 4 * SECOND, None)]
    assert (state.frames, state.last_frame, taps.waiting) == (1, 5 * SECOND, 0)
    assert not counters.snapshot()


def test_what_waited_is_dated_by_the_door_system_and_keeps_its_distances() -> None:
    hour = 3600 * SECOND
    counters, taken = Counters(), Taken()
    taps = made(counters, clock=ManualClock(NOW, NOW))
    came, went = tap(1, NOW - hour), tap(2, NOW - hour // 2, number="5001")
    take(taps, taken, went, came)  # newest first, as logs are
    assert [frame.received_at for frame in taken.frames] == [NOW - hour, NOW - hour // 2]
    assert [frame.machine_at for frame in taken.frames] == [NOW - hour, NOW - hour // 2]


def test_a_door_systems_clock_is_not_ours() -> None:
    counters, taken = Counters(), Taken()
    taps = made(counters, clock=ManualClock(NOW, NOW))
    ages = (FRESH_S, FRESH_S + 1, -1, -3600, OLDEST_S, OLDEST_S + 1)
    assert take(taps, taken, *(tap(n, NOW - int(age * SECOND)) for n, age in enumerate(ages))) == 1
    observed = {frame.payload[-1:]: frame.received_at for frame in taken.frames}
    assert observed == {
        b"0": NOW,
        b"1": NOW - int((FRESH_S + 1) * SECOND),
        b"2": NOW,
        b"3": NOW,
        b"4": NOW - OLDEST_S * SECOND,
    }
    assert counters.snapshot() == {"door.clock_ahead": 1, "door.dropped{old}": 1}


def test_a_simulated_day_counts_freshness_in_machine_time() -> None:
    class Fast(ManualClock):
        def seconds_until(self, office: int) -> float:
            return super().seconds_until(office) / 60

    taken = Taken()
    taps = made(Counters(), clock=Fast(NOW, NOW))
    take(taps, taken, tap(1, NOW - 60 * SECOND))
    assert (taken.frames[0].received_at, taken.frames[0].machine_at) == (NOW, NOW - SECOND)


def test_strangers_readers_and_events_without_a_badge_are_counted_and_done() -> None:
    counters, taken = Counters(), Taken()
    taps = made(counters)
    assert take(taps, taken, tap(1, reader="Car park"), tap(2, number=""), tap(3)) == 1
    assert [frame.payload for frame in taken.frames] == [b"1;5003"]
    assert counters.snapshot() == {"door.dropped{no_badge}": 1, "door.dropped{unbound}": 1}


def test_a_repeat_is_done_with_the_first() -> None:
    counters, taken = Counters(), Taken(at_once=False)
    taps = made(counters)
    assert take(taps, taken, tap(1), tap(2)) == 0
    answers: list[int] = []
    again = rows(read_json(door_system.message(tap(1))))
    assert taps.take(again, taken, lambda: answers.append(1)).taken == 1
    assert (len(taken.frames), taps.waiting, answers) == (2, 2, [])
    taken.waiting[0]()
    assert (taps.waiting, answers) == (1, [1])
    assert take(taps, taken, tap(1)) == 1  # durable long since
    assert counters.snapshot() == {"door.repeated": 2}


def test_without_an_id_the_same_card_at_the_same_moment_is_the_same_tap() -> None:
    counters, taken = Counters(), Taken()
    taps = made(counters, fields=FIELDS.model_copy(update={"id": None}), clock=ManualClock(NOW, NOW))
    take(taps, taken, tap(1, NOW), tap(2, NOW, number="5001"), tap(3, NOW - SECOND, number="5001"))
    assert (len(taken.frames), counters.get("door.repeated")) == (2, 1)


def test_with_neither_id_nor_time_each_is_one() -> None:
    counters, taken = Counters(), Taken()
    taps = made(counters, fields=UNDATED)
    take(taps, taken, tap(1))
    take(taps, taken, tap(1))
    assert len(taken.frames) == 2


def test_one_id_at_two_readers_is_two_events() -> None:
    taken = Taken()
    take(made(Counters()), taken, tap(1), tap(1, reader=READERS[0]))
    assert len(taken.frames) == 2


def test_what_is_remembered_is_bounded() -> None:
    counters, taken = Counters(), Taken()
    taps = made(counters)
    for n in range(0, REMEMBERED + 100, 50):
        take(taps, taken, *(tap(n + i) for i in range(50)))
    assert len(taps._seen) == REMEMBERED
    take(taps, taken, tap(0), tap(REMEMBERED + 99))
    assert counters.get("door.repeated") == 1

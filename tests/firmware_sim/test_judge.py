"""The judge finds what is wrong, and only that: hand-made truths against hand-made events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.judge import desk_states_wrong, duplicated, misjudged, unanswered, unknown_share
from firmware_sim.story import Story, story
from firmware_sim.truth import Truth, frame_name, read

SECOND = 1_000_000_000
START = 1_795_477_800
DESK, OTHER, ROOM = (f"simulasi/kk2-t3/l05/timur/{space}" for space in ("d-001", "d-002", "r-01"))
SPEED = 60.0
_number = count(1)


def office(seconds: float) -> int:
    return int((START + seconds) * SECOND)


def machine(seconds: float) -> int:
    return int(seconds * SECOND / SPEED)


def begin() -> dict[str, Any]:
    def place(kind: str, name: str) -> dict[str, str]:
        reader = f"rdr-{name}" if kind == "desk" else ""
        return {"kind": kind, "modality": "radar", "device": f"mmw-{name}", "reader": reader}

    return {
        "kind": "begin",
        "seed": 1,
        "start": office(0),
        "anchor": 0,
        "speed": SPEED,
        "spaces": {DESK: place("desk", "d-001"), OTHER: place("desk", "d-002"), ROOM: place("room", "r-01")},
    }


def opens(seconds: float = 0) -> dict[str, Any]:
    return {"kind": "open", "office": office(seconds), "machine": machine(seconds)}


def end(seconds: float = 1200) -> dict[str, Any]:
    return {"kind": "end", "office": office(seconds), "machine": machine(seconds)}


def tap(at: float, expected: str, *, place: str = DESK, badge: int = 1, moved_from: str = "") -> dict[str, Any]:
    return {
        "kind": "tap",
        "reader": f"rdr-{place[-5:]}",
        "place": place,
        "badge": badge,
        "machine": machine(at),
        "office": office(at),
        "expected": expected,
        "moved_from": moved_from,
    }


def sit(at: float, place: str = DESK, person: int = 1, kind: str = "sit") -> dict[str, Any]:
    return {"kind": kind, "place": place, "person": person, "office": office(at), "machine": machine(at)}


def stand(at: float, place: str = DESK, person: int = 1) -> dict[str, Any]:
    return sit(at, place, person, "stand")


def outage(start: float, stop: float, place: str = DESK) -> dict[str, Any]:
    return {"kind": "outage", "dev": f"mmw-{place[-5:]}", "place": place, "from": office(start), "to": office(stop)}


def told(*lines: Mapping[str, Any]) -> Story:
    ordered = sorted(lines, key=lambda line: line.get("office", line.get("from", 0)))
    return story([begin(), opens(), *ordered, end()])


def event(kind: str, at: float, data: Mapping[str, Any], place: str = DESK, **more: Any) -> dict[str, Any]:
    number = next(_number)
    moment = datetime.fromtimestamp(START, UTC) + timedelta(seconds=at)
    time = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "type": f"hadir.{kind}.v1",
        "id": f"id-{number}",
        "source": "/simulasi/gw/gw-05/000001-abcd",
        "sequence": f"{number:012d}",
        "subject": place,
        "time": time,
        "recordedtime": time,
        "dataclassification": "internal",
        "data": dict(data),
    } | more


def started(at: float, place: str = DESK, **more: Any) -> dict[str, Any]:
    evidence = [{"dev": f"rdr-{place[-5:]}", "modality": "badge"}]
    return event("desk.checkin.started", at, {"method": "badge", "evidence": evidence}, place, **more)


def ended(at: float, place: str = DESK, reason: str = "user", dev: str = "", **more: Any) -> dict[str, Any]:
    evidence = [{"dev": dev or f"rdr-{place[-5:]}"}]
    return event("desk.checkin.ended", at, {"method": "badge", "reason": reason, "evidence": evidence}, place, **more)


def rejected(at: float, place: str = DESK) -> dict[str, Any]:
    return event("badge.rejected", at, {"reader": f"rdr-{place[-5:]}", "cause": "duplicate"}, place)


def occupancy(at: float, state: str, place: str = DESK, cause: str | None = None) -> dict[str, Any]:
    return event("occupancy.changed", at, {"state": state, "cause": cause}, place)


def known(*events: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The events, with every place vacant at the beginning."""
    return [*(occupancy(0, "vacant", place) for place in (DESK, OTHER, ROOM)), *events]


# --- taps -------------------------------------------------------------------------------------------------------------


def test_each_kind_of_answer() -> None:
    truth = told(tap(10, "started"), tap(200, "rejected", badge=2), tap(400, "ended"))
    events = [started(10.02), rejected(200), ended(400.1)]
    assert unanswered(truth, events) == []
    assert misjudged(truth, events) == []


def test_times_on_the_wire_are_rounded_down() -> None:
    truth = told(tap(10.0009, "started"))
    assert unanswered(truth, [started(10)]) == []
    assert [one.cause for one in unanswered(truth, [started(9.999)])] == ["stray", "none"]


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ([], "none"),
        ([started(10, place=OTHER)], "none"),
        ([started(10), started(11)], "several"),
        ([started(10), rejected(80)], "several"),
        ([started(10), started(300)], "several"),
        ([started(10, dataclassification="restricted")], "none"),
        ([started(10) | {"recordedtime": "2099-01-01T00:00:00Z"}], "late"),
    ],
)
def test_unanswered(events: Sequence[dict[str, Any]], cause: str) -> None:
    wanted = [event for event in events if event["subject"] == DESK or cause != "none"]
    found = unanswered(told(tap(10, "started")), wanted)
    assert [one.cause for one in found] == [cause]


def test_lateness_is_measured_by_the_commit() -> None:
    truth, answer = told(tap(10, "started")), started(10)
    commit = truth.taps[0].machine
    assert unanswered(truth, [answer], {answer["id"]: commit + 2 * SECOND}) == []
    for commits in ({answer["id"]: commit + 2 * SECOND + 1}, {}):
        assert [one.cause for one in unanswered(truth, [answer], commits)] == ["late"]


def test_an_answer_without_a_tap() -> None:
    assert [one.cause for one in unanswered(told(tap(100, "started")), [started(20), started(100)])] == ["stray"]


def test_who_copies_and_other_ends_are_no_answers() -> None:
    truth = told(tap(10, "started"), tap(200, "started", place=OTHER, moved_from=DESK))
    copy = started(10)
    copy["data"]["pid"] = "p-0123456789abcdef"
    events = [started(10), copy, started(200, OTHER), ended(200, reason="moved"), ended(900, reason="end_of_day")]
    assert unanswered(truth, events) == []


def test_a_wrong_answer() -> None:
    found = misjudged(told(tap(10, "started")), [rejected(10)])
    assert [(one.tap.expected, one.got) for one in found] == [("started", "rejected")]


# --- states -----------------------------------------------------------------------------------------------------------


def day() -> Story:
    return told(tap(99, "started"), sit(100), tap(700, "ended"), stand(701), sit(300, ROOM, 2), stand(600, ROOM, 2))


def good() -> list[Mapping[str, Any]]:
    return known(
        started(99.1),
        occupancy(110, "occupied"),
        ended(700.1),
        occupancy(730, "vacant"),
        occupancy(310, "occupied", ROOM),
        occupancy(630, "vacant", ROOM),
    )


def test_a_good_gateway_is_not_wrong() -> None:
    assert desk_states_wrong(day(), good()) == []
    assert unknown_share(day(), good()).share == 0


def test_radar_tolerance_is_35_seconds() -> None:
    def run(at: float) -> list[str]:
        events = known(started(99.1), ended(700.1), occupancy(100 + at, "occupied"), occupancy(720, "vacant"))
        return [wrong.aspect for wrong in desk_states_wrong(day(), events, kinds=["desk"])]

    assert run(34.9) == []
    assert run(35.1) == ["occupancy"]


def test_tap_tolerance_is_a_second() -> None:
    def run(at: float) -> list[str]:
        events = known(started(99 + at), ended(700), occupancy(100, "occupied"), occupancy(701, "vacant"))
        return [wrong.aspect for wrong in desk_states_wrong(day(), events, kinds=["desk"])]

    assert run(0.9) == []
    assert run(1.1) == ["life"]


def test_a_machine_that_reads_late_is_not_hurried_by_the_clock() -> None:
    def run(delay_s: float) -> list[str]:
        """The gateway reads the tap so much later, machine time."""
        truth = day()
        late = 99 + delay_s * SPEED
        events = known(started(late), ended(700), occupancy(100, "occupied"), occupancy(701, "vacant"))
        written = truth.taps[0].machine
        real = {office(late): truth.at_real_speed(written, written + int(delay_s * SECOND))}
        assert [wrong.aspect for wrong in desk_states_wrong(truth, events, kinds=["desk"])] == ["life"]
        return [wrong.aspect for wrong in desk_states_wrong(truth, events, real, kinds=["desk"])]

    assert run(0.5) == []
    assert run(1.5) == ["life"]  # late is late: a second and a half is that at any speed


def test_control_always_unknown() -> None:
    events = [occupancy(0, "unknown", place, "starting") for place in (DESK, OTHER, ROOM)]
    share = unknown_share(day(), [*events, started(99.1), ended(700.1)])
    assert share.share == share.unexplained == 1.0
    assert share.causes == {"starting": 1.0}
    assert unknown_share(day(), []).causes == {"no_event": 1.0}


def test_control_always_occupied() -> None:
    events = [occupancy(0, "occupied", place) for place in (DESK, OTHER, ROOM)]
    wrong = desk_states_wrong(day(), [*events, started(99.1), ended(700.1)])
    assert {(one.place, one.aspect, one.truth) for one in wrong} == {
        (place, "occupancy", "vacant") for place in (DESK, OTHER, ROOM)
    }


def test_control_hold_of_an_hour() -> None:
    events = known(
        started(99.1), ended(700.1), occupancy(100, "occupied"), occupancy(310, "occupied", ROOM)
    )  # and never vacant again
    wrong = desk_states_wrong(day(), events)
    assert {(one.place, one.aspect, round(one.seconds)) for one in wrong} == {
        (DESK, "occupancy", 499),
        (ROOM, "occupancy", 600),
    }


def test_unknown_is_not_wrong_but_does_not_make_right() -> None:
    flicker = [
        occupancy(100 + 20 * n, ("vacant", "unknown")[n % 2], cause="sensor_stale" if n % 2 else None)
        for n in range(10)
    ]
    events = known(started(99.1), ended(700.1), *flicker, occupancy(300, "occupied"), occupancy(701, "vacant"))
    (wrong,) = desk_states_wrong(day(), events, kinds=["desk"])
    assert wrong.seconds == 100
    assert unknown_share(day(), events).causes == {"sensor_stale": pytest.approx(100 / 3600)}


def test_a_missed_end_and_a_missed_move() -> None:
    truth = told(tap(100, "started"), tap(400, "started", place=OTHER, moved_from=DESK), tap(800, "ended", place=OTHER))
    moved = ended(400, reason="moved", dev="rdr-d-002")
    right = known(started(100), started(400, OTHER), moved, ended(800, OTHER))
    assert desk_states_wrong(truth, right) == []
    missed = known(started(100), started(400, OTHER))
    assert [(one.place, one.aspect) for one in desk_states_wrong(truth, missed)] == [(DESK, "life"), (OTHER, "life")]


def test_a_release_is_right_only_when_nobody_sits_there() -> None:
    truth = told(tap(100, "started"), sit(101), stand(500))
    occupied = [occupancy(101, "occupied"), occupancy(500, "vacant")]
    after = known(started(100), *occupied, ended(900, reason="auto_release"))
    assert desk_states_wrong(truth, after) == []
    assert desk_states_wrong(truth, known(started(100), *occupied)) == []  # nor need it be released
    during = known(started(100), *occupied, ended(400, reason="auto_release"))
    assert [one.aspect for one in desk_states_wrong(truth, during)] == ["life"]


def test_an_outage_explains_what_is_unknown_at_its_place() -> None:
    truth = told(outage(300, 500))
    unknown = [occupancy(390, "unknown", cause="sensor_stale"), occupancy(520, "vacant")]
    share = unknown_share(truth, known(*unknown))
    assert share.share == share.explained == pytest.approx(130 / 3600)
    assert share.unexplained == 0
    assert share.unnoticed == ()
    elsewhere = [occupancy(390, "unknown", OTHER, "sensor_stale"), occupancy(520, "vacant", OTHER)]
    share = unknown_share(truth, known(*elsewhere))
    assert share.explained == 0
    assert [one.device for one in share.unnoticed] == ["mmw-d-001"]


def test_what_lies_outside_the_window_does_not_count() -> None:
    events = known(occupancy(-50, "occupied", OTHER), occupancy(1300, "occupied", OTHER))
    assert desk_states_wrong(told(), events) == []


# --- duplicates -------------------------------------------------------------------------------------------------------


def test_duplicates_by_id_and_by_content() -> None:
    first, second = occupancy(10, "occupied"), occupancy(20, "vacant")
    assert duplicated([first, second]) == []
    same_id = second | {"id": first["id"]}
    same_content = first | {"id": "another", "sequence": "000000009999", "data": dict(reversed(first["data"].items()))}
    assert duplicated([first, same_id]) == [same_id]
    assert duplicated([first, second, same_content]) == [same_content]


# --- the ledger itself ------------------------------------------------------------------------------------------------


def test_a_ledger_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "truth.jsonl"
    ledger = Truth(path)
    for line in (begin(), opens(2), sit(5), tap(6, "started"), outage(8, 9)):
        ledger.write(line["kind"], **{key: value for key, value in line.items() if key != "kind"})
    name = frame_name("", b"\x02")
    ledger.frame("mmw-d-001", name, machine(20))
    ledger.frame("mmw-d-001", name, machine(10))
    ledger.frame("rdr-d-001", name, machine(6.5))
    assert [line["kind"] for line in read(path)] == ["begin", "open", "sit", "tap", "outage", *["frame"] * 3]
    ledger.close()
    with path.open("a", encoding="ascii") as file:
        file.write('{"kind":"e')
    truth = story(read(path))
    assert abs(truth.end - office(20)) < 100
    assert truth.taps[0].expected == "started"
    assert truth.begin == office(2)
    assert truth.written_before(["mmw-d-001"], name, machine(15)) == machine(10)
    assert truth.written_before(["mmw-d-001"], name, machine(9)) is None
    assert truth.written_before(["mmw-d-002"], name, machine(99)) is None  # the same bytes, by another device
    assert truth.written_before(["rdr-d-001"], name, machine(7)) == machine(6)  # a tap, not its repeated frame
    assert truth.written_before(["mmw-d-002", "mmw-d-001"], name, machine(15)) == machine(10)  # two on one bus
    assert truth.vacant_at(DESK, office(4))
    assert not truth.vacant_at(DESK, office(5))
    assert truth.machine_at(office(60)) == SECOND


def test_a_ledger_without_a_beginning() -> None:
    with pytest.raises(ValueError, match="empty"):
        story([])
    with pytest.raises(ValueError, match="begin"):
        story([end()])


def test_an_office_that_never_opened() -> None:
    truth = story([begin()])
    assert truth.begin == truth.end
    assert unknown_share(truth, []).share == 0


def test_frames_are_named_by_address_and_payload() -> None:
    assert frame_name("AA:BB", b"\x01") == frame_name("", b"AA:BB\x01")
    assert frame_name("", b"123456789") == "cbf43926"

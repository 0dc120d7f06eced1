"""What the plan says of a desk: evidence before a release, owner units, bookings, acts elsewhere, one desk a person."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import desk, one_desk, presence
from rules.api import SECOND, Booked, Command, Event, Input, Life, Reading, Sensed
from rules.calendar import Break, Calendar
from rules.desk import Settings

T0 = 1_795_484_000 * SECOND
"""A Tuesday, 09:33:20 in Makassar."""
DESK, OTHER = "s/b/f/z/d-1", "s/b/f/z/d-2"
ANA, BUDI = "p-000000000000000a", "p-000000000000000b"
HOUR = 3600.0
LUNCH = Calendar(breaks=(Break(start_s=12 * 3600, end_s=13 * 3600),), pauses=(Break(start_s=54_000, end_s=55_200),))


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def tap(seconds: float, person: str = ANA, unit: str = "panrb", place: str = DESK) -> Reading:
    return Reading("rdr-1", "badge", True, place, at(seconds), "badge", "desk", person, unit)


def elsewhere(seconds: float, role: str = "zone", person: str = ANA) -> Reading:
    return Reading("rdr-9", "badge", True, "s/b/f/y/_", at(seconds), "badge", role, person, "panrb")


def sees(seconds: float, state: str, place: str = DESK) -> Sensed:
    cause = "sensor_stale" if state == "unknown" else None
    return Sensed(place, state, cause, at(seconds), at(seconds), 0.9)


def ask(seconds: float, name: str, person: str = ANA, actor: str = "user", unit: str = "panrb", **args: Any) -> Command:
    return Command(name, DESK, at(seconds), person, unit, actor, args)


def book(seconds: float, start: float, end: float, **how: Any) -> Command:
    return ask(seconds, "reserve", booking_ref=how.pop("ref", "r1"), start=at(start), end=at(end), **how)


def said(run: Any) -> list[tuple[float, str, str | None]]:
    """(seconds, what, reason or cause) of every event without a person."""
    return [
        (round((e.at - T0) / SECOND, 3), e.type.removeprefix("desk."), e.data.get("reason") or e.data.get("cause"))
        for e in run.events
        if e.cls == "evt"
    ]


# --- whose desk it is -----------------------------------------------------------------------------------------------

OWNED = Settings(owned_by={DESK: "panrb"})


def test_a_desk_of_another_unit_refuses_and_names_nobody(fold: Any) -> None:
    run = fold(desk.rule(OWNED), DESK).feed(tap(10, BUDI, "bkn"), tap(20, ANA), tap(30, ANA))
    assert said(run) == [
        (10, "badge.rejected", "unit"),
        (20, "checkin.started", None),
        (30, "checkin.ended", "user"),
    ]
    assert run.events[0].data == {"reader": "rdr-1", "cause": "unit"}
    run = fold(desk.rule(), DESK).feed(tap(10, BUDI, "bkn"))
    assert said(run) == [(10, "checkin.started", None)], "without an owner it is for everybody"


def test_the_web_obeys_the_same_owner_and_the_owner_may_invite(fold: Any) -> None:
    guest = {"person": BUDI, "unit": "bkn"}
    run = fold(desk.rule(OWNED), DESK)
    run.feed(ask(10, "checkin", **guest), book(20, 100, 5000, **guest))
    assert run.events == []
    run.feed(book(30, 1000, 5000, actor="operator", **guest), tap(1000, BUDI, "bkn"))
    assert said(run) == [(30, "reservation.created", "operator"), (1000, "checkin.started", None)]
    run.feed(tap(1100, BUDI, "bkn"))
    assert said(run)[-1] == (1100, "checkin.ended", "user"), "whoever holds it may leave it"


def test_where_a_booking_system_is_the_master_only_it_books(fold: Any) -> None:
    run = fold(desk.rule(Settings(external_bookings=True)), DESK)
    run.feed(book(10, 1000, 5000), book(20, 1000, 5000, actor="system", ref="x1"), ask(30, "cancel", booking_ref="x1"))
    assert said(run) == [(20, "reservation.created", "user")]
    run.feed(ask(40, "cancel", "", "system", booking_ref="x1"))
    assert said(run)[-1] == (40, "reservation.cancelled", "user")


def test_a_walk_up_and_a_reservation_are_told_apart(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(tap(10), tap(60), book(70, 200, 5000), tap(300))
    walk_up, booked = run.of("desk.checkin.started")
    assert (walk_up.data["matches_reservation"], booked.data["matches_reservation"]) == (False, True)
    made = run.of("desk.reservation.created")[0].data
    assert (made["due"], made["until"]) == (at(200), at(5000))


# --- evidence -------------------------------------------------------------------------------------------------------


def test_what_nobody_knows_is_not_told_as_vacant(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(tap(10), sees(20, "unknown")).wait(12 * HOUR)
    (item,) = run.of("desk.checkin.ended")[0].data["evidence"]
    assert (item["value"], item["weight"]) == (None, 0.0)
    run = fold(desk.rule(), DESK).feed(tap(10), sees(20, "vacant")).wait(2 * HOUR)
    (item,) = run.of("desk.checkin.ended")[0].data["evidence"]
    assert (item["value"], item["weight"]) == (False, 0.9)


steps = st.lists(
    st.tuples(
        st.floats(0.01, 5000),
        st.sampled_from(["occupied", "vacant", "unknown", "vacant", "ana", "book", "elsewhere", "meeting"]),
    ),
    max_size=30,
)


def made(chosen: Iterable[tuple[float, str]]) -> list[Input]:
    items: list[Input] = []
    now = 0.0
    for passed, what in chosen:
        now += passed
        match what:
            case "ana":
                items.append(tap(now))
            case "book":
                items.append(book(now, now + 1500, now + 30_000, ref=f"r{len(items)}"))
            case "elsewhere":
                items.append(ask(now, "extend", actor="coordinator"))
            case "meeting":
                items.append(ask(now, "extend", actor="coordinator", until=at(now + 7200)))
            case _:
                items.append(sees(now, what))
    return items


@pytest.mark.parametrize("calendar", [Calendar(), LUNCH], ids=["no breaks", "lunch and a prayer"])
@given(chosen=steps)
def test_nothing_is_released_without_evidence_for_the_whole_grace(
    fold: Any, calendar: Calendar, chosen: list[tuple[float, str]]
) -> None:
    """Whatever is interleaved: sensed vacant, without a doubt, over the grace, and nothing else ends it."""
    items = made(chosen)
    run = fold(desk.rule(Settings(calendar=calendar)), DESK).feed(*items).wait(400_000)
    for event in run.events:
        grace = grace_of(event)
        if event.cls != "evt" or grace is None:
            continue
        seen = [item for item in items if isinstance(item, Sensed) and item.at <= event.at]
        vacant = [item for item in seen if item.at <= event.at]
        while len(vacant) > 1 and vacant[-2].state == "vacant":
            vacant.pop()
        assert vacant[-1].state == "vacant"
        begun = event.data.get("start", event.at + 1)  # an act elsewhere speaks for who holds the desk
        last = max([vacant[-1].at, *(until(item) for item in items if begun <= item.at <= event.at)])
        assert calendar.elapsed(last, event.at) >= grace
        warned = [each.at for each in run.of("desk.release.warning") if each.at <= event.at]
        assert warned, "nobody was warned"


def until(item: Input) -> int:
    """Until when an act elsewhere speaks for the holder."""
    return int(item.args.get("until", item.at)) if isinstance(item, Command) and item.name == "extend" else 0


def grace_of(event: Event) -> int | None:
    if event.data.get("reason") == "auto_release":
        return 3600 * SECOND
    return 900 * SECOND if event.data.get("cause") == "no_show" and event.type.endswith("released") else None


@given(
    chosen=st.lists(
        st.tuples(st.floats(0.01, 5000), st.sampled_from(["occupied", "unknown", "ana", "book"])), max_size=20
    )
)
def test_without_vacancy_nothing_is_ever_released(fold: Any, chosen: list[tuple[float, str]]) -> None:
    run = fold(desk.rule(), DESK).feed(*made(chosen)).wait(400_000)
    assert [event for event in run.events if grace_of(event)] == []


@given(chosen=steps)
def test_the_day_never_ends_for_who_is_sensed(fold: Any, chosen: list[tuple[float, str]]) -> None:
    items = made(chosen)
    run = fold(desk.rule(), DESK).feed(*items).wait(400_000)
    for event in run.of("desk.checkin.ended"):
        if event.data["reason"] == "end_of_day":
            seen = [item.state for item in items if isinstance(item, Sensed) and item.at <= event.at]
            assert seen[-1:] != ["occupied"]
            assert event.data["ended_by"] == "inferred"
            assert event.data["start"] <= event.data["last_evidence"] <= event.at


def test_a_no_show_is_released_when_it_is_due(fold: Any) -> None:
    """To the tick, and after a prayer that lies in the grace: 15.00 to 15.20 is 19 600 s to 20 800 s."""
    run = fold(desk.rule(), DESK).feed(sees(5, "vacant"), book(10, 1000, 9000)).wait(9000)
    assert run.of("desk.reservation.released")[0].at == at(1900)
    run = fold(desk.rule(Settings(calendar=LUNCH)), DESK)
    run.feed(sees(5, "vacant"), book(10, 19_300, 30_000)).wait(40_000)
    assert run.of("desk.reservation.released")[0].at == at(20_800 + 600)


# --- elsewhere in the building --------------------------------------------------------------------------------------


def test_a_booking_elsewhere_extends_away_until_it_ends(fold: Any) -> None:
    inputs = [tap(10), sees(20, "occupied"), sees(100, "vacant"), ask(1000, "extend", until=at(8200))]
    run = fold(desk.rule(), DESK).feed(*inputs).wait(3 * HOUR)
    assert run.state.life == "away"
    assert said(run)[1:] == []
    assert said(run.wait(4 * HOUR))[1:] == [
        (8200 + 3300, "release.warning", "auto_release"),
        (8200 + 3600, "checkin.ended", "auto_release"),
    ]
    again = fold(desk.rule(), DESK, fold(desk.rule(), DESK).feed(*inputs).body, 2000)
    assert again.state.checkin.kept == at(8200), "a restart remembers it"


def extends(run: Any) -> list[tuple[int, int]]:
    return [(item.at, item.args["until"]) for item in run.emits if isinstance(item, Command) and item.name == "extend"]


def life(place: str, since: float, told: float | None = None, what: str = "taken") -> Life:
    return Life(place, what, at(since), at(since if told is None else told), ANA, "panrb", f"c-{place[-1]}-{since}")


def booked(seconds: float, start: float, end: float, place: str = OTHER, ref: str = "r1") -> Booked:
    return Booked(place, at(seconds), ANA, ref, at(start), at(end) if end else 0, "panrb")


def test_a_tap_elsewhere_extends_and_one_of_leaving_does_not(fold: Any) -> None:
    run = fold(one_desk.rule(), ANA).feed(
        life(DESK, 10), elsewhere(500), elsewhere(600, "out"), elsewhere(700, "in_out")
    )
    assert extends(run) == [(at(500), at(500))]
    run.feed(elsewhere(800, "kiosk"), life(DESK, 10, 900, "free"), elsewhere(1000))
    assert extends(run) == [(at(500), at(500)), (at(800), at(800))]
    assert extends(fold(one_desk.rule(), ANA).feed(elsewhere(5), life(DESK, 10))) == [], "it was before the desk"


def test_a_booking_is_told_when_it_begins_and_not_when_it_is_gone(fold: Any) -> None:
    run = fold(one_desk.rule(), ANA).feed(life(DESK, 10), booked(20, 1000, 5000), booked(30, 2000, 6000, DESK, "r2"))
    assert extends(run.wait(900)) == []
    assert extends(run.wait(9000)) == [(at(1000), at(5000))], "a booking of the desk itself is not elsewhere"
    gone = fold(one_desk.rule(), ANA).feed(life(DESK, 10), booked(20, 1000, 5000), booked(30, 1000, 0)).wait(9000)
    assert extends(gone) == []
    later = fold(one_desk.rule(), ANA).feed(booked(20, 1000, 5000), life(DESK, 1500)).wait(9000)
    assert extends(later) == [(at(1500), at(5000))]


def test_a_restart_remembers_bookings(fold: Any) -> None:
    before = fold(one_desk.rule(), ANA).feed(life(DESK, 10), booked(20, 1000, 5000))
    after = fold(one_desk.rule(), ANA, before.body, 500)
    assert extends(after.wait(1200)) == [(at(1000), at(5000))]
    again = fold(one_desk.rule(), ANA, after.body, 1300)
    assert extends(again.wait(9000)) == [], "it was told"


@given(data=st.data())
def test_desk_and_acts_elsewhere_in_any_order_end_alike(fold: Any, data: st.DataObject) -> None:
    news: list[Input] = [life(DESK, 10, 600), booked(600, 100, 5000), elsewhere(600), booked(600, 200, 0, ref="r2")]
    mixed = fold(one_desk.rule(), ANA).feed(*data.draw(st.permutations(news))).wait(700)
    assert sorted(extends(mixed)) == [(at(600), at(600)), (at(600), at(5000))]


def test_the_desk_rule_tells_its_bookings(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(book(10, 1000, 5000), book(20, 2000, 6000), tap(1200))
    assert [(item.start, item.end) for item in run.emits if isinstance(item, Booked)] == [
        (at(1000), at(5000)),
        (at(2000), at(6000)),
        (at(2000), 0),
    ]
    again = fold(desk.rule(), DESK, fold(desk.rule(), DESK).feed(book(10, 1000, 5000)).body, 20)
    assert [(item.ref, item.end) for item in again.emits if isinstance(item, Booked)] == [("r1", at(5000))]


# --- one desk a person ----------------------------------------------------------------------------------------------


class Building:
    """Desks of three gateways and a coordinator, between whom words take their time."""

    def __init__(self, fold: Any, desks: int, people: Iterable[str]) -> None:
        self.desks = {f"s/b/f/z/d-{number}": fold(desk.rule(), f"s/b/f/z/d-{number}") for number in range(desks)}
        self.coordinator = {person: fold(one_desk.rule(), person) for person in people}
        self.news: list[Life] = []

    def tap(self, item: Reading) -> None:
        run = self.desks[item.place]
        told = len(run.emits)
        run.feed(item)
        self.news += [word for word in run.emits[told:] if isinstance(word, Life)]

    def settle(self, order: Any) -> None:
        """Until nobody has anything more to say; every round in another order."""
        for _ in range(50):
            asked: list[Command] = []
            for word in order(self.news):
                if word.person:
                    run = self.coordinator[word.person]
                    told = len(run.emits)
                    run.feed(word)
                    asked += [item for item in run.emits[told:] if isinstance(item, Command)]
            self.news = []
            if not asked:
                return
            for command in order(asked):
                run = self.desks[command.place]
                told = len(run.emits)
                run.feed(command)
                self.news += [word for word in run.emits[told:] if isinstance(word, Life)]
        raise AssertionError("it never settles")

    def held(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for place, run in self.desks.items():
            if run.state.checkin is not None:
                found.setdefault(run.state.checkin.person, []).append(place)
        return found


@given(data=st.data(), order=st.permutations(range(6)), cuts=st.sets(st.integers(0, 5)))
def test_in_every_order_of_delivery_everybody_ends_at_their_last_desk(
    fold: Any, data: st.DataObject, order: list[int], cuts: set[int]
) -> None:
    """Two people walk over six desks of three gateways; what is said comes shuffled, and late where a gateway is cut
    off: two desks for one person do not last, and it is the later act that wins."""

    def shuffled(items: list[Any]) -> list[Any]:
        return data.draw(st.permutations(items)) if items else []

    walk = [tap(10.0 * step, (ANA, BUDI)[step % 2], place=f"s/b/f/z/d-{number}") for step, number in enumerate(order)]
    straight, mixed = (Building(fold, 6, (ANA, BUDI)) for _ in range(2))
    for step, item in enumerate(walk):
        straight.tap(item)
        straight.settle(list)
        mixed.tap(item)
        if step not in cuts:
            mixed.settle(shuffled)
    mixed.settle(shuffled)
    assert mixed.held() == straight.held() == {BUDI: [walk[5].place], ANA: [walk[4].place]}
    for person, run in mixed.coordinator.items():
        assert [holding.place for holding in run.state.holdings] == mixed.held()[person]


@given(order=st.permutations(range(4)), times=st.lists(st.integers(1, 50), min_size=4, max_size=4, unique=True))
def test_nobody_holds_two_desks_once_it_is_known(fold: Any, order: list[int], times: list[int]) -> None:
    building = Building(fold, 4, (ANA,))
    for number in order:
        building.tap(tap(float(times[number]), place=f"s/b/f/z/d-{number}"))
    building.settle(list)
    newest = max(range(4), key=lambda number: times[number])
    assert building.held() == {ANA: [f"s/b/f/z/d-{newest}"]}
    for run in building.desks.values():
        ends = [event.at for event in run.of("desk.checkin.ended")]
        starts = [event.at for event in run.of("desk.checkin.started")]
        assert len(starts) - len(ends) in (0, 1)
        assert all(one <= other for one, other in pairwise(sorted(starts + ends)))


# --- the person at the desk -----------------------------------------------------------------------------------------


def test_a_visit_ends_with_its_last_evidence_whatever_closes_the_desk(fold: Any) -> None:
    """A desk without a sensor, taken at ten seconds and closed by the end of the day: nobody was seen all afternoon."""
    holder = fold(desk.rule(), DESK).feed(tap(10)).wait(12 * HOUR)
    lives = [item for item in holder.emits if isinstance(item, Life) and item.person]
    assert [(item.life, item.last) for item in lives] == [("taken", at(10)), ("free", at(10))]
    person = fold(presence.rule(), ANA).feed(*lives).wait(14 * HOUR)
    (ended,) = person.of("presence.ended", "sense")
    assert (ended.data["state"], ended.data["cause"]) == ("unknown", "no_evidence")
    assert (ended.data["ended_by"], ended.data["last_evidence"]) == ("inferred", at(10))


@given(data=st.data())
def test_news_of_three_gateways_in_any_order_leaves_the_person_in_one_place(fold: Any, data: st.DataObject) -> None:
    """Two desks and a zone's reader, of a gateway each: shuffled within the window, the later act decides."""
    first, second = "s/b/f/y/d-1", "s/b/f/z/d-2"
    news: list[Input] = [
        Life(first, "taken", at(10), at(10), ANA, "panrb", "c1", "rdr-1", began=at(10), last=at(10)),
        Life(first, "free", at(40), at(40), ANA, "panrb", "c1", "rdr-1", began=at(10), last=at(40)),
        elsewhere(50),
        Life(second, "taken", at(60), at(60), ANA, "panrb", "c2", "rdr-2", began=at(60), last=at(60)),
    ]
    if data.draw(st.booleans(), label="left again"):
        news.append(Life(second, "free", at(90), at(90), ANA, "panrb", "c2", "rdr-2", began=at(60), last=at(90)))
    straight = fold(presence.rule(), ANA).feed(*news).state
    mixed = fold(presence.rule(), ANA).feed(*data.draw(st.permutations(news))).state
    assert straight.visit.zone == "s/b/f/z/_"
    assert straight.desk == (second if len(news) == 4 else "")
    assert (mixed.visit.zone, mixed.visit.last, mixed.desk) == (straight.visit.zone, straight.visit.last, straight.desk)


def test_leaving_a_desk_on_purpose_is_evidence(fold: Any) -> None:
    holder = fold(desk.rule(), DESK).feed(tap(10), tap(5000))
    assert [(item.life, item.last) for item in holder.emits[1:]] == [("taken", at(10)), ("free", at(5000))]
    sensed = fold(desk.rule(), DESK).feed(tap(10), sees(20, "occupied"), sees(900, "vacant")).wait(2 * HOUR)
    assert [(item.life, item.last) for item in sensed.emits[1:]] == [
        ("taken", at(10)),
        ("away", at(900)),
        ("free", at(900)),
    ]

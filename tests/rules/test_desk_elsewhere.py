"""Who acts or is booked elsewhere keeps their desk; one desk a person; and what a desk says of the person at it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules import desk, one_desk, presence
from rules.api import Booked, Command, Input, Life, Reading
from tests.rules.desk_story import ANA, BUDI, DESK, HOUR, ask, at, book, said, sees, tap

OTHER = "s/b/f/z/d-2"


def elsewhere(seconds: float, role: str = "zone", person: str = ANA) -> Reading:
    return Reading("rdr-9", "badge", True, "s/b/f/y/_", at(seconds), "badge", role, person, "panrb")


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


def extends(run: Any) -> list[tuple[int, int | None]]:
    """(when, until; None: as long as the desk likes) of those that extend."""
    return [
        (item.at, item.args.get("until"))
        for item in run.emits
        if isinstance(item, Command) and item.name == "extend" and item.args.get("on", True)
    ]


def ends(run: Any) -> list[int]:
    """Of extensions, by an act of leaving."""
    return [item.at for item in run.emits if isinstance(item, Command) and item.args.get("on") is False]


def life(place: str, since: float, told: float | None = None, what: str = "taken") -> Life:
    return Life(place, what, at(since), at(since if told is None else told), ANA, "panrb", f"c-{place[-1]}-{since}")


def booked(seconds: float, start: float, end: float, place: str = OTHER, ref: str = "r1") -> Booked:
    return Booked(place, at(seconds), ANA, ref, at(start), at(end) if end else 0, "panrb")


def test_a_tap_elsewhere_keeps_the_desk_for_a_long_meeting_until_an_act_of_leaving(fold: Any) -> None:
    """The grace of an hour begins two hours after the tap, or with the act."""
    inputs = [tap(10), sees(20, "occupied"), sees(100, "vacant"), ask(1000, "extend")]
    assert said(fold(desk.rule(), DESK).feed(*inputs).wait(4 * HOUR))[1:] == [
        (8200 + 3300, "release.warning", "auto_release"),
        (8200 + 3600, "checkin.ended", "auto_release"),
    ]
    gone = fold(desk.rule(), DESK).feed(*inputs, ask(2000, "extend", on=False)).wait(4 * HOUR)
    assert said(gone)[-1] == (2000 + 3600, "checkin.ended", "auto_release")
    short = fold(desk.rule(desk.Settings(elsewhere_s=0.0)), DESK).feed(*inputs).wait(4 * HOUR)
    assert said(short)[-1] == (1000 + 3600, "checkin.ended", "auto_release")


def test_who_comes_or_goes_by_phone_or_kiosk_is_told_to_their_desk_as_a_tap_is(fold: Any) -> None:
    came, went = (Command(name, "s/b/_/_/_", at(when), ANA) for name, when in (("arrive", 500), ("depart", 600)))
    run = fold(one_desk.rule(), ANA).feed(life(DESK, 10), came, went, came)
    assert (extends(run), ends(run)) == ([(at(500), None)], [at(600)])
    assert fold(one_desk.rule(), ANA).feed(came).facts == [], "nobody is to be told"


def test_a_tap_elsewhere_extends_and_one_of_leaving_does_not(fold: Any) -> None:
    run = fold(one_desk.rule(), ANA).feed(
        life(DESK, 10), elsewhere(500), elsewhere(600, "out"), elsewhere(700, "in_out")
    )
    assert extends(run) == [(at(500), None)]
    assert ends(run) == [at(600)]
    run.feed(elsewhere(800, "kiosk"), life(DESK, 10, 900, "free"), elsewhere(1000))
    assert extends(run) == [(at(500), None), (at(800), None)]
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
    assert sorted(extends(mixed), key=str) == [(at(600), at(5000)), (at(600), None)]


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

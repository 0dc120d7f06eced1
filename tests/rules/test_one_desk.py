"""One desk a person: the later act wins, in whatever order the news arrives."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules import one_desk
from rules.api import SECOND, Command, Life

T0 = 1_795_484_000 * SECOND
ANA = "p-000000000000000a"


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def life(desk: int, start: float, what: str = "taken", told: float | None = None) -> Life:
    now = at(start if told is None else told)
    since = now if what == "away" else at(start)
    return Life(f"s/b/f/z/d-{desk}", what, since, now, ANA, "panrb", f"c{desk}-{start}")


def commands(run: Any) -> list[Command]:
    return [item for item in run.emits if isinstance(item, Command)]


def test_a_second_desk_asks_for_the_first(fold: Any) -> None:
    run = fold(one_desk.rule(), ANA).feed(life(1, 10), life(2, 100))
    assert commands(run) == [
        Command(
            "move",
            "s/b/f/z/d-1",
            at(100),
            ANA,
            "panrb",
            "coordinator",
            {"to": "s/b/f/z/d-2", "checkin_id": "c1-10", "at": at(100)},
        )
    ]
    run.feed(life(1, 10, "free", 101)).wait(1000)
    assert len(commands(run)) == 1
    assert run.due is None


def test_news_of_an_older_desk_that_comes_late(fold: Any) -> None:
    run = fold(one_desk.rule(), ANA).feed(life(2, 100), life(1, 10, told=150))
    assert [command.place for command in commands(run)] == ["s/b/f/z/d-1"]


def test_it_asks_again_while_nothing_happens(fold: Any) -> None:
    run = fold(one_desk.rule(), ANA).feed(life(1, 10), life(2, 100)).wait(300)
    assert [command.place for command in commands(run)] == ["s/b/f/z/d-1"] * 4


def test_a_start_that_comes_after_its_end(fold: Any) -> None:
    run = fold(one_desk.rule(), ANA).feed(life(1, 10, "free", 20), life(1, 10, told=30))
    assert run.state.holdings == ()


def test_a_restart_remembers(fold: Any) -> None:
    before = fold(one_desk.rule(), ANA).feed(life(1, 10), life(2, 100), life(3, 5, "free", 110))
    after = fold(one_desk.rule(), ANA, before.body, 120)
    assert (after.state.holdings, after.state.ended) == (before.state.holdings, before.state.ended)
    assert [command.place for command in commands(after.wait(200))] == ["s/b/f/z/d-1"]


@given(data=st.data(), starts=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_every_order_ends_alike(fold: Any, data: st.DataObject, starts: list[int]) -> None:
    news: list[Life] = []
    for desk, start in enumerate(starts):
        news.append(life(desk, start, told=1000))
        if data.draw(st.booleans()):
            news.append(life(desk, start, "away", told=1000))
        if data.draw(st.booleans()):
            news.append(life(desk, start, "free", told=1000))
    straight = fold(one_desk.rule(), ANA).feed(*news)
    mixed = fold(one_desk.rule(), ANA).feed(*data.draw(st.permutations(news)))
    assert straight.state.holdings == mixed.state.holdings
    open_ = [
        item
        for item in news
        if item.life == "taken"
        and not any(other.checkin_id == item.checkin_id and other.life == "free" for other in news)
    ]
    if open_:
        assert mixed.state.holdings[-1].checkin_id == max(open_, key=lambda item: (item.since, item.place)).checkin_id


@given(starts=st.lists(st.integers(0, 50), min_size=2, max_size=5))
def test_asking_never_names_the_newest(fold: Any, starts: list[int]) -> None:
    run = fold(one_desk.rule(), ANA).feed(*(life(desk, start, told=1000) for desk, start in enumerate(starts)))
    older = {holding.checkin_id for holding in run.state.holdings[:-1]}
    assert older <= {command.args["checkin_id"] for command in commands(run)}
    run.emits.clear()
    run.wait(1065)
    assert {command.args["checkin_id"] for command in commands(run)} == older

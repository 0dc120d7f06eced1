"""A move between desks of two gateways ends in one desk, whatever is late, lost on its way or told twice."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules import desk, one_desk
from rules.api import SECOND, Command, Input, Life, Reading, Tick

T0 = 1_795_484_000 * SECOND
ANA = "p-000000000000000a"
DESKS = ("s/b/f/z/d-0", "s/b/f/z/d-1", "s/b/f/z/d-2")
"""Each of a gateway of its own."""


class Owner:
    """A desk and what its gateway has to say to the coordinator, and has not been told yet."""

    def __init__(self, fold: Any, place: str) -> None:
        self.run = fold(desk.rule(), place)
        self.told = 0

    @property
    def checkin(self) -> Any:
        return self.run.state.checkin

    def feed(self, item: Input) -> None:
        self.run.feed(item)

    def news(self) -> list[Life]:
        """What was not told yet, as the contract's events say it: taken and free."""
        lives = [item for item in self.run.emits if isinstance(item, Life) and item.person]
        fresh, self.told = lives[self.told :], len(lives)
        return [life for life in fresh if life.life in ("taken", "free")]


acts = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 100)), min_size=1, max_size=6)


@given(data=st.data(), taps=acts)
def test_whatever_the_order_of_delivery_one_desk_is_left_and_it_is_the_last_that_she_took(
    fold: Any, data: st.DataObject, taps: list[tuple[int, int]]
) -> None:
    """News and requests are late, twice, and out of order between gateways; taps are not: her feet bring them."""
    owners = [Owner(fold, place) for place in DESKS]
    coordinator = fold(one_desk.rule(), ANA)
    news: list[Life] = []
    asked: list[Command] = []
    counted = 0

    def collect() -> None:
        nonlocal counted
        for owner in owners:
            news.extend(owner.news())
        commands = [item for item in coordinator.emits if isinstance(item, Command)]
        asked.extend(commands[counted:])
        counted = len(commands)

    def deliver() -> None:
        """One thing that is under way arrives; it may arrive again."""
        waiting: list[Life | Command] = [*news, *asked]
        item = data.draw(st.sampled_from(waiting))
        if isinstance(item, Life):
            if data.draw(st.booleans()):
                news.remove(item)
            coordinator.feed(item)
        else:
            if data.draw(st.booleans()):
                asked.remove(item)
            owners[DESKS.index(item.place)].feed(item)
        collect()

    now = T0
    for number, wait in taps:
        now += wait * SECOND
        owners[number].feed(Reading("rdr", "badge", True, DESKS[number], now, "badge", "desk", ANA, "bkn"))
        collect()
        while (news or asked) and data.draw(st.booleans()):
            deliver()
    for _ in range(10):  # everything arrives in the end, and the coordinator asks again until nothing is left to ask
        for item in data.draw(st.permutations(news)):
            coordinator.feed(item)
        news.clear()
        collect()
        for command in data.draw(st.permutations(asked)):
            owners[DESKS.index(command.place)].feed(command)
        asked.clear()
        collect()
        now += 61 * SECOND
        coordinator.feed(Tick(now))
        collect()
    held = [owner.checkin for owner in owners if owner.checkin is not None]
    assert len(held) <= 1
    starts = [event for owner in owners for event in owner.run.events if event.type == "desk.checkin.started"]
    ends = {
        event.data["checkin_id"]: event.data["reason"]
        for owner in owners
        for event in owner.run.events
        if event.type == "desk.checkin.ended"
    }
    last = max(starts, key=lambda event: (event.at, event.place))
    if held:
        assert held[0].id == last.data["checkin_id"]
    else:
        assert ends[last.data["checkin_id"]] == "user", "she left it herself; nobody moved her away from it"

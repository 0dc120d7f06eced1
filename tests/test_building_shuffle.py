"""Three gateways of a building, whose words reach the coordinator in any order: everybody ends where they ended.

Owners and coordinator are wired as they run. Owners see what happens at their readers in order; what they tell the
coordinator (who has taken, left and booked which desk; taps at other readers) comes shuffled within a window.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import wiring
from gateway.bindings import by_device
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.counters import Counters
from gateway.decode import installed
from gateway.engine import Engine, Outcome
from rules import one_desk, presence
from rules.api import SECOND, Booked, Command, Input, Life, Reading

T0 = 1_795_484_000 * SECOND
"""A Tuesday, 09:33:20 in Makassar."""
WINDOW_S = 60
GATEWAYS = ("gw-1", "gw-2", "gw-3")
ANA, BUDI = "p-000000000000000a", "p-000000000000000b"
OFFICE = Office.model_validate(
    {
        "site": "ikn",
        "buildings": [
            {
                "id": "kk2",
                "coordinator": "gw-1",
                "floors": [
                    {
                        "id": f"l0{n}",
                        "owner": f"gw-{n}",
                        "zones": [{"id": "a", "spaces": [{"id": "d-1"}, {"id": "d-2"}]}],
                    }
                    for n in (1, 2, 3)
                ],
            }
        ],
        "gateways": [{"id": f"gw-{n}", "place": f"kk2/l0{n}"} for n in (1, 2, 3)],
        "devices": [
            {"id": f"rdr-{n}{d}", "driver": "rdm6300", "place": f"kk2/l0{n}/a/d-{d}"} for n in (1, 2, 3) for d in (1, 2)
        ],
    }
)
PLACES = Places(OFFICE)
DEVICES = by_device(OFFICE, installed())
DESKS = sorted(PLACES.spots)
RULES = {name: wiring.make_rules(OFFICE, PLACES, name, DEVICES, unit_sizes={}, now=T0) for name in GATEWAYS}


class Building:
    """Its gateways, and what is on its way."""

    def __init__(self) -> None:
        self.engines: dict[str, Engine] = {}
        self.mail: list[Input] = []
        """To the coordinator."""
        self.asked: list[Command] = []
        """Of owners."""
        for name in GATEWAYS:
            self.engines[name] = wiring.make_engine(RULES[name], PLACES, name, DEVICES, Counters(), {})
            for rule in RULES[name]:
                self.engines[name].begin(rule.name, wiring.keys_of(rule.name, PLACES, name), T0)

    def happens(self, item: Input, at: int) -> None:
        """At a reader, or on the web."""
        if isinstance(item, Reading) and item.role != "desk":
            self.mail.append(item)
            return
        self._take(PLACES.owner(item.place), item, at)  # type: ignore[union-attr]

    def _take(self, gateway: str, item: Input, at: int) -> None:
        self._tell(gateway, self.engines[gateway].feed(item, at))

    def _tell(self, gateway: str, outcome: Outcome) -> None:
        for one in outcome.emitted:
            if gateway != GATEWAYS[0] and isinstance(one, Life | Booked):
                self.mail.append(one)
            elif gateway == GATEWAYS[0] and isinstance(one, Command):
                owner = PLACES.owner(one.place)
                if owner != gateway:
                    self.asked.append(one)

    def settle(self, now: int, order: Any) -> None:
        """Until nothing is on its way."""
        for _ in range(50):
            mail, self.mail = self.mail, []
            for item in order(mail):
                self._take(GATEWAYS[0], item, now)
            asked, self.asked = self.asked, []
            for command in order(asked):
                self._take(PLACES.owner(command.place), command, now)
            if not self.mail and not self.asked:
                return
        raise AssertionError("it never settles")

    def told(self) -> Any:
        """Who holds which desk, where people are, and what is remembered of both."""
        first = self.engines[GATEWAYS[0]]
        held = [self.engines[PLACES.owner(place)].state("desk", place) for place in DESKS]
        people: list[Any] = []
        for person in (ANA, BUDI):
            state, desks = first.state(presence.NAME, person), first.state(one_desk.NAME, person)
            visit = state and state.visit and state.visit.zone
            checked_in = bool(state and state.workplace)  # since when: by whichever of two taps came first
            people.append((visit, state and state.desk, checked_in, state and state.left))
            people.append(desks and (desks.holdings, desks.booked, desks.here, desks.left))
        return [state.checkin and (state.checkin.person, state.checkin.start) for state in held], people


def item(at: int, what: str, number: int, person: str) -> Input:
    place = DESKS[number]
    match what:
        case "tap":
            return Reading(f"rdr-{number}", "badge", True, place, at, "badge", "desk", person)
        case "book":
            args = {"booking_ref": f"r{at}", "start": at + 1800 * SECOND, "end": at + 9000 * SECOND}
            return Command("reserve", place, at, person, "_", "user", args)
        case role:
            zone = f"{place.rsplit('/', 1)[0]}/_"
            return Reading(f"{role}-{number}", "badge", True, zone, at, "badge", role, person)


steps = st.lists(
    st.tuples(
        st.integers(0, WINDOW_S * 1000),
        st.sampled_from(["tap", "tap", "tap", "zone", "door", "book"]),
        st.integers(0, len(DESKS) - 1),
        st.sampled_from([ANA, BUDI]),
    ),
    max_size=8,
    unique_by=lambda step: step[0],
)


@settings(max_examples=40)
@given(chosen=steps, data=st.data())
def test_in_any_order_within_the_window_the_building_ends_alike(chosen: list[Any], data: st.DataObject) -> None:
    """People only come through the doors, or only go: of both, what comes late is refused, as a later act stands."""
    door = data.draw(st.sampled_from(["in", "out"]))
    straight, mixed = Building(), Building()
    now = T0 + WINDOW_S * SECOND
    for passed, what, number, person in sorted(chosen):
        at = T0 + passed * SECOND // 1000
        for building in (straight, mixed):
            building.happens(item(at, door if what == "door" else what, number, person), at)
    straight.settle(now, lambda items: sorted(items, key=lambda one: one.at))
    mixed.settle(now, lambda items: data.draw(st.permutations(items)) if items else [])
    assert mixed.told() == straight.told()
    holders = [held[0] for held in straight.told()[0] if held]
    assert len(holders) == len(set(holders)), "one desk a person"

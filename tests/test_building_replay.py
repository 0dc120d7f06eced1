"""A building's rules together, with calendar and owner units: the same inputs give the same bytes, also from a file."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import wiring
from gateway.bindings import by_device
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.contract.envelope import Origin, encode
from gateway.counters import Counters
from gateway.decode import installed
from gateway.engine import Engine
from gateway.recording import line, parse
from rules.api import SECOND, Command, Input, Reading

T0 = 1_795_484_000 * SECOND
"""A Tuesday, 09:33:20 in Makassar."""
ORIGIN = Origin(site="ikn", building="kk2", gateway="gw-1", boot="000001-abcd")
ANA, BUDI = "p-000000000000000a", "p-000000000000000b"
SPACES = [{"id": f"d-{number}"} for number in range(3)]
OFFICE = Office.model_validate(
    {
        "site": "ikn",
        "buildings": [
            {
                "id": "kk2",
                "coordinator": "gw-1",
                "floors": [
                    {
                        "id": "l01",
                        "owner": "gw-1",
                        "zones": [
                            {"id": "a", "unit": "panrb", "guests": "refuse", "spaces": SPACES[:1]},
                            {"id": "b", "spaces": SPACES[1:]},
                        ],
                    }
                ],
            }
        ],
        "gateways": [{"id": "gw-1", "place": "kk2/l01"}],
        "devices": [
            {"id": f"{what}-{number}", "driver": driver, "place": f"kk2/l01/{'abb'[number]}/d-{number}"}
            for number in range(3)
            for what, driver in (("mmw", "ld2410"), ("rdr", "rdm6300"))
        ],
        "rules": {"desk": {"breaks": [{"start": "15:15", "end": "15:35"}]}},
    }
)
PLACES = Places(OFFICE)
DEVICES = by_device(OFFICE, installed())
DESKS = sorted(PLACES.spots)


def item(now: int, what: str, number: int, person: str) -> Input:
    place = DESKS[number]
    unit = "panrb" if person == ANA else "bkn"
    match what:
        case "tap":
            return Reading(f"rdr-{number}", "badge", True, place, now, "badge", "desk", person, unit)
        case "zone":
            return Reading("rdr-9", "badge", True, "ikn/kk2/l01/b/_", now, "badge", "zone", person, unit)
        case "book":
            args = {"booking_ref": f"r{now}", "start": now + 1500 * SECOND, "end": now + 9000 * SECOND}
            return Command("reserve", place, now, person, unit, "user", args)
        case _:
            return Reading(f"mmw-{number}", "occupied", what == "occupied", place, now, "radar")


steps = st.lists(
    st.tuples(
        st.integers(1, 4000),
        st.sampled_from(["tap", "zone", "book", "occupied", "vacant"]),
        st.integers(0, 2),
        st.sampled_from([ANA, BUDI]),
    ),
    max_size=25,
)


def bytes_of(items: list[tuple[int, Input]]) -> list[bytes]:
    now = items[-1][0] if items else T0
    rules = wiring.make_rules(OFFICE, PLACES, "gw-1", DEVICES, unit_sizes={"panrb": 9}, now=T0)
    engine = Engine(rules, wiring.make_route(PLACES, "gw-1", DEVICES), Counters())
    outcomes = [engine.begin(rule.name, wiring.keys_of(rule.name, PLACES, "gw-1"), T0) for rule in rules]
    outcomes += [engine.feed(one, at) for at, one in items]
    outcomes.append(engine.advance(now + 30_000 * SECOND))
    said = [(rule, event) for outcome in outcomes for rule, event in outcome.events]
    return [
        encode(event, ORIGIN, sequence=number, recorded_at=event.at, rule=rule).body
        for number, (rule, event) in enumerate(said, start=1)
    ]


@settings(max_examples=25)
@given(chosen=steps)
def test_replayed_twice_and_from_a_recording_it_says_the_same_bytes(chosen: list[Any]) -> None:
    now, items = T0, []
    for passed, what, number, person in chosen:
        now += passed * SECOND
        items.append((now, item(now, what, number, person)))
    live = bytes_of(items)
    assert live == bytes_of(items)
    assert live == bytes_of([parse(line(one, at).encode()) for at, one in items])


@settings(max_examples=50)
@given(chosen=steps)
def test_nobody_ends_with_two_desks_or_at_a_desk_that_refuses_them(chosen: list[Any]) -> None:
    rules = wiring.make_rules(OFFICE, PLACES, "gw-1", DEVICES, unit_sizes={}, now=T0)
    engine = Engine(rules, wiring.make_route(PLACES, "gw-1", DEVICES), Counters())
    now = T0
    for passed, what, number, person in chosen:
        now += passed * SECOND
        engine.feed(item(now, what, number, person), now)
        held = [engine.state("desk", place) for place in DESKS]
        holders = [state.checkin.person for state in held if state is not None and state.checkin is not None]
        assert len(holders) == len(set(holders))
        first = engine.state("desk", DESKS[0])
        assert first is None or first.checkin is None or first.checkin.unit == "panrb"

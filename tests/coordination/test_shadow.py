"""What a standby knows of visits: whatever the order in which it hears, the same as the presence rule's own facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.envelope import Envelope, Origin, decode, encode
from gateway.contract.fence import Fence
from gateway.shadow import Shadow
from rules import presence
from rules.api import SECOND, Event, Life, Reading, Step, Tick
from rules.presence_model import fact_of

T0 = 1_795_484_000 * SECOND
ANA = "p-00000000000000a1"
ZONES = ("s/b/f/z1", "s/b/f/z2")


def said(events: list[Event], term: int = 8) -> list[Envelope]:
    origin = Origin(site="s", building="b", gateway="gw-a", boot="000001-abcd")
    made = []
    for number, event in enumerate(events, start=1):
        signed = event._replace(data={**event.data, "term": term, "led_since": T0})
        body = encode(signed, origin, sequence=number, recorded_at=event.at, rule="presence/1").body
        made.append(decode(body))
    return made


acts = st.lists(
    st.tuples(st.sampled_from(("desk", "leave", "door", "zone", "wait")), st.integers(0, 1), st.integers(1, 5000)),
    max_size=12,
)


def lived(day: list[tuple[str, int, int]]) -> tuple[presence.State, list[Event]]:
    """A person's day: the rule's state, and what it said."""
    rule = presence.rule()
    step: Step[presence.State] = rule.start(ANA, None, T0)
    events = list(step.events)
    now = T0
    held = ""

    def feed(item: Any) -> None:
        nonlocal step
        while step.due is not None and step.due <= item.at:
            step = rule.step(step.state, Tick(step.due))
            events.extend(step.events)
        step = rule.step(step.state, item)
        events.extend(step.events)

    for what, where, wait in day:
        now += wait * SECOND
        place = f"{ZONES[where]}/d"
        match what:
            case "desk":
                held = place
                feed(Life(place, "taken", now, now, ANA, "bkn", f"c{now}", "rdr", "fresh"))
            case "leave" if held:
                feed(Life(held, "free", now, now, ANA, "bkn", f"c{now}"))
                held = ""
            case "door":
                feed(Reading("rdr", "badge", True, f"{ZONES[where]}/_", now, "badge", "in_out", ANA, "bkn"))
            case "zone":
                feed(Reading("rdr", "badge", True, f"{ZONES[where]}/_", now, "badge", "zone", ANA, "bkn"))
            case _:
                feed(Tick(now))
    return step.state, events


def told(row: Mapping[str, Any] | None) -> Any:
    """Of what a restart would restore, that which is told: a unit only with the next event, evidence not at all."""
    if row is None:
        return None
    visit = row["visit"] and {key: row["visit"][key] for key in ("id", "zone", "start", "idle")}
    return visit, row["workplace"]


@given(day=acts)
def test_it_follows_the_coordinator(day: list[tuple[str, int, int]]) -> None:
    state, events = lived(day)
    shadow = Shadow()
    for event in said(events):
        shadow.take(event)
    assert told(shadow.rows.get(ANA)) == told(fact_of(state).body)


@given(day=acts, data=st.data())
def test_the_order_of_arrival_and_repetitions_change_nothing(day: list[tuple[str, int, int]], data: Any) -> None:
    _, events = lived(day)
    news = said(events)
    straight, mixed = Shadow(), Shadow()
    for event in news:
        straight.take(event)
    again = data.draw(st.lists(st.sampled_from(news))) if news else []
    for event in data.draw(st.permutations(news + again)):
        mixed.take(event)
    assert _ids(straight) == _ids(mixed)
    assert straight.acted(ANA) == mixed.acted(ANA)


def _ids(shadow: Shadow) -> Any:
    row = shadow.rows.get(ANA)
    return row and (row["visit"] and (row["visit"]["id"], row["visit"]["zone"]), row["workplace"])


def test_whoever_is_forgotten_is_forgotten() -> None:
    shadow = Shadow()
    _, events = lived([("desk", 0, 10), ("door", 0, 5)])
    facts = [shadow.take(event) for event in said(events)]
    assert facts[-1] is not None
    assert facts[-1].body is not None
    assert shadow.forget(ANA).body is None
    assert (shadow.rows, shadow.acted(ANA)) == ({}, 0)


@given(
    words=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 50)), max_size=12),
    begins=st.dictionaries(st.integers(1, 4), st.integers(0, 50), min_size=1),
    data=st.data(),
)
def test_a_fence_does_not_depend_on_the_order_in_which_it_was_built(
    words: list[tuple[int, int]], begins: dict[int, int], data: st.DataObject
) -> None:
    one, other = Fence(), Fence()
    for term, since in begins.items():
        one.begun("s/b", term, since)
    for term, since in data.draw(st.permutations([*begins.items()] * 2)):
        other.begun("s/b", term, since)
    for term, recorded in words:
        stale = one.stale("s/b", term, recorded)
        assert stale == other.stale("s/b", term, recorded)
        assert stale == any(higher > term and since <= recorded for higher, since in begins.items())
    assert not one.stale("s/b", max(begins), 10**9), "nothing is above the highest"


def test_who_does_not_know_the_time_fences_nobody_by_it() -> None:
    fence = Fence()
    led = {"term": 9, "led_since": "2026-01-01T00:00:00.000Z"}
    fence.told("s/b", led | {"clock": {"sync": "none"}})
    assert not fence.stale("s/b", 8, 2**62)
    fence.told("s/b", led | {"clock": {"sync": "ntp"}})
    assert fence.stale("s/b", 8, 2**62)


def test_what_comes_late_of_a_term_that_this_gateway_led_after_is_in_its_rows_already() -> None:
    shadow = Shadow()
    _, events = lived([("desk", 0, 10)])
    old, new = said(events, term=8), said(events, term=24)
    shadow.load({}, term=16)
    assert shadow.take(old[0]) is None
    assert shadow.rows == {}
    assert shadow.take(new[0]) is not None

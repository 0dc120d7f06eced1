"""When a check-in or a reservation may end without an act, and when it must have: the truth's side of a desk's life.

By the house's rules: nobody sat there for the whole grace, breaks left out, as far as a sensor can have seen it. A
badge that is read elsewhere in the building keeps the desk for ELSEWHERE_S, after which the grace begins; one that is
read at the way out ends that. At the end of the day everything is free where nobody sits.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from firmware_sim.actions import SECOND
from firmware_sim.day_truth import DayTruth
from firmware_sim.scenario import AWAY_S, ELSEWHERE_S, END_OF_DAY, GRACE_S, NO_SHOW_S
from firmware_sim.tolerance import BY_MODALITY


class Ended(NamedTuple):
    """A check-in or a reservation that nobody ended on purpose."""

    at: int
    place: str
    reason: str
    """auto_release, end_of_day, no_show."""
    ref: str = ""


def fault(truth: DayTruth, one: Ended) -> str:
    """Why an end should not have been inferred; empty where it was right."""
    if truth.sits(one.place, one.at):
        return "somebody sits there"
    if one.reason == "end_of_day":
        return ""
    since, grace, kept = truth.vacant_since(one.place, one.at), GRACE_S, 0
    if one.reason == "no_show":
        booked = next(r for r in truth.reservations if r.ref == one.ref)
        since, grace = max(since, booked.start), NO_SHOW_S
    else:
        kept = _kept(truth, one.place, since, one.at)
    allowed = (grace - BY_MODALITY[truth.places[one.place].modality]) * SECOND
    counted = _seen(truth, one.place, since, one.at)
    if counted < allowed:
        return f"it was seen vacant for {counted / SECOND:.0f} s only"
    counted = _seen(truth, one.place, max(since, kept), one.at)
    if counted < allowed:
        return f"an act of its holder elsewhere in the building kept it until {counted / SECOND:.0f} s before"
    return ""


def due(truth: DayTruth, place: str, start: int, until: int) -> int | None:
    """When at the latest a check-in that began at `start` must have ended by itself; None: not before `until`."""
    late = int(BY_MODALITY[truth.places[place].modality] * SECOND)
    series = truth.occupied.get(place, [])
    # the stretches in which nobody sits there
    edges = [(start, truth.sits(place, start)), *(one for one in series if one[0] > start), (until, True)]
    for (since, sits), (end, _) in pairwise(edges):
        if sits:
            continue
        closes = max(truth.scenario.at(END_OF_DAY), since + int(AWAY_S * SECOND)) + late
        found = min(closes, _released(truth, place, since, late))
        if found < min(end, until):
            return found
    return None


def _released(truth: DayTruth, place: str, since: int, late: int) -> int:
    """When vacancy since then must have ended a check-in. Silence of the sensor, and acts elsewhere, begin it anew."""
    begun = since
    while True:
        found = truth.scenario.after(begun, int(GRACE_S * SECOND)) + late
        silent = [o.end + late for o in truth.outages if o.place == place and o.end > since and o.start < found]
        later = max(begun, _kept(truth, place, since, found), *silent)
        if later == begun:
            return found
        begun = later


def _kept(truth: DayTruth, place: str, since: int, at: int) -> int:
    """Until when what the holder did elsewhere in the building in (since, at] keeps the desk."""
    holders = truth.holder.get(place, [])
    index = bisect_right(holders, at, key=lambda pair: pair[0])
    person = holders[index - 1][1] if index else -1
    kept = 0
    for act in truth.acts.get(person, ()):
        if since < act <= at:
            kept = act if act in truth.left.get(person, ()) else max(kept, act + int(ELSEWHERE_S * SECOND))
    return kept


def _seen(truth: DayTruth, place: str, since: int, at: int) -> int:
    """ns of [since, at) that count: no break, and the sensor spoke."""
    return truth.scenario.elapsed(since, at) - truth.blind(place, since, at)

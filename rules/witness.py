"""What one device at a place says, and what its word is worth: the first half of occupancy.

A *level* sensor (radar) says all the time what it sees; a *moment* sensor (motion, a door) says only that something
happened, and that fades; a tap is proof for a short while.

A level sensor's opinion changes when the opposite has stood for a settle time. That time is not started anew by every
flap: it drains while the old word is repeated. An opinion that rests on a single report falls in a quarter of it, so
that neither a passer-by nor one missed still target stays for long.

A counter at a door says who came and who went; how many are inside then is witness_door.py's to say. Whether somebody
breathes, from a CO2 sensor that no model has learned, is witness_air.py's.
"""

from __future__ import annotations

from typing import NamedTuple

from rules.api import SECOND, Health, Reading
from rules.witness_air import Air, breathe
from rules.witness_door import CROSSINGS, Door, cross, quiet_at, rest
from rules.witness_door import emptied as known_empty
from rules.witness_traits import AIR_WEIGHT, CO2, TAP, Traits

FADE = 0.45
"""Share of its weight that a moment loses until its hold ends."""
COUNTERS = frozenset({"radar", "counter"})
"""Whose `count` is of people; others count presses and pulses."""
SIGNS = frozenset({"occupied", "motion", "count", "opening", TAP}) | CROSSINGS
"""Kinds of readings that say something about presence; others only show that the device is alive."""
UNSURE = 0.6
"""How far a door's "nobody" is believed of which the number inside was never known."""
STUCK_S = 12 * 3600.0
"""Nobody sits for so long without once going out: a sensor that says so is stuck ..."""
CONTRADICTED_S = 8 * 3600.0
"""... and sooner where another witness of the place has seen nobody for so long."""


class Opinion(NamedTuple):
    """What one device has said, and what it means by it."""

    heard: int = 0
    """When it last said anything; 0: never."""
    told: int = 0
    """When it last said something about presence."""
    kind: str = ""
    value: bool = False
    """Its last word."""
    side: bool | None = None
    """A level sensor's opinion after settling."""
    support: int = 0
    """Reports behind `side`, up to 2."""
    credit: int = 0
    """How long the opposite of `side` has stood, less what was taken back; as of `told`."""
    turned: int = 0
    """When its last word became what it is; of a moment, since when they follow each other without a gap."""
    sign: int = 0
    """Last moment of presence; 0: none."""
    watch: int = 0
    """Since when it has been listened to without a gap."""
    dead: str = ""
    """Cause, where its Health says that it is not alive."""
    knows: bool = False
    """A level sensor that has said who is there, not only what moves."""
    people: int | None = None
    """How many, of one that counts them ..."""
    varied: int = 0
    """... and when that became another number, last."""
    door: Door | None = None
    """Of one that counts who comes and goes."""
    air: Air | None = None
    """Of one that measures CO2."""


class Look(NamedTuple):
    """What a device's opinion is worth now."""

    says: str
    """seeing (not contested), moment (fading), breath (where nobody knows better), empty; missing: it should bear
    witness and does not; or nothing: ""."""
    weight: float = 0.0
    since: int = 0
    cause: str = ""
    """Why missing: starting, sensor_stale, radio_deaf, ..."""
    due: int | None = None
    """When this changes if nothing is heard."""


NOTHING = Look("")


def hear(seen: Traits, old: Opinion, item: Reading) -> Opinion:
    """Take a reading of this device that is not older than its last."""
    at = item.at
    watch = old.watch if old.heard and at - old.heard < seen.stale else at
    if seen.air:
        return _breathed(old._replace(heard=at, watch=watch), item)
    if item.kind not in SIGNS or (item.kind == "count" and seen.modality not in COUNTERS):
        return old._replace(heard=at, watch=watch)
    if item.kind in CROSSINGS:
        return _crossed(old._replace(heard=at, watch=watch), item)
    value = True if item.kind == TAP else bool(item.value)
    if not seen.level:
        goes_on = value and old.sign and at - old.sign < seen.hold
        return old._replace(
            heard=at,
            told=at,
            kind=item.kind,
            value=value,
            turned=old.turned if goes_on else at if value else old.turned,
            sign=at if value else old.sign,
            watch=watch,
        )
    people = max(0, int(item.value)) if item.kind == "count" else old.people
    varied = old.varied if people == old.people or old.people is None else at
    knows = old.knows or item.kind != "motion"
    if item.kind == "motion" and not value and knows:
        return old._replace(heard=at, watch=watch)  # a still target: `occupied` tells
    if old.side is None or at - old.told >= seen.stale:
        return Opinion(
            at, at, item.kind, value, value, 1, turned=at, watch=watch, dead=old.dead, knows=knows, people=people
        )
    old = settle(seen, old, at)
    stood, credit, support = at - old.told, old.credit, old.support
    if old.value != old.side:
        credit += stood
    elif credit:
        credit = max(0, credit - (stood if old.side else 2 * stood))
    if value == old.side and at > old.told:
        support = 2
    turned = old.turned if value == old.value else at
    return Opinion(
        at, at, item.kind, value, old.side, support, credit, turned, 0, watch, old.dead, knows, people, varied
    )


def _crossed(old: Opinion, item: Reading) -> Opinion:
    """Somebody came or went, or nobody did; one that counts heads as well is believed about those."""
    if old.kind == "count":
        return old
    return _at_door(old, cross(old.door, item), item.at)._replace(told=item.at, kind=item.kind)


def _breathed(old: Opinion, item: Reading) -> Opinion:
    """What the air says: `turned` is since when it says so, `side` None where it cannot be told."""
    air = breathe(old.air, float(item.value), item.at) if item.kind == CO2 else None
    if air is None or air is old.air:
        return old
    return old._replace(told=item.at, kind=CO2, air=air, side=air.held, turned=air.since, value=bool(air.held))


def _at_door(old: Opinion, door: Door, at: int) -> Opinion:
    """The opinion that follows from what has passed a door."""
    side = None if door.inside is None else door.inside > 0
    turned = old.turned if side == old.side else at
    return old._replace(value=bool(side), side=side, support=2, credit=0, turned=turned, people=door.inside, door=door)


def emptied(opinion: Opinion, at: int) -> Opinion:
    """Other witnesses know that nobody is inside: what a door's counter has drifted to is repaired."""
    assert opinion.door is not None  # noqa: S101 only who has a door is asked
    return _at_door(opinion, known_empty(opinion.door), at)


def near(opinion: Opinion, receiver: str, at: int) -> Opinion:
    """The tag of who holds the desk is located in its zone, heard by `receiver`."""
    if at < opinion.heard:
        return opinion
    turned = opinion.turned if opinion.sign else at
    return opinion._replace(heard=at, told=at, kind=receiver, value=True, turned=turned, sign=at)


def gone(opinion: Opinion) -> Opinion:
    """It is located elsewhere, or nobody holds the desk: that says nothing."""
    return opinion._replace(value=False, sign=0)


def repeats(seen: Traits, old: Opinion, new: Opinion) -> bool:
    """A level sensor, or the air, said again what is held already: nothing to decide."""
    if seen.air:
        return new.air is old.air or (new.dead == "" and new.side == old.side and new.heard - old.told < seen.stale)
    return (
        seen.level
        and new.side is not None
        and new.people == old.people
        and old.side == old.value == new.side == new.value
        and not new.dead
        and new.heard - old.told < seen.stale
    )


def settle(seen: Traits, opinion: Opinion, now: int) -> Opinion:
    """Let a level sensor's word become its opinion when it has stood for long enough."""
    if opinion.door is not None:
        return _at_door(opinion, rest(opinion.door), now) if now >= quiet_at(opinion.door) else opinion
    flips = _flips(seen, opinion)
    if flips is None or now < flips:
        return opinion
    return opinion._replace(side=opinion.value, support=1, credit=0)


def _flips(seen: Traits, opinion: Opinion) -> int | None:
    """When the last word becomes the opinion."""
    if not seen.level or opinion.side is None or opinion.value == opinion.side or opinion.door is not None:
        return None
    need = seen.settle_out if opinion.side else seen.settle_in
    if opinion.support < 2:
        need //= seen.weak
    return opinion.told + max(0, need - opinion.credit)


def health(seen: Traits, opinion: Opinion, item: Health) -> Opinion:
    """Take the word of the source that listens to this device."""
    if not item.alive:
        return opinion._replace(dead=item.cause or "sensor_stale")
    if opinion.dead and not seen.level:  # what moved meanwhile was not heard
        return opinion._replace(dead="", watch=max(item.at, opinion.watch))
    if opinion.dead and seen.silent:  # what changed meanwhile was not heard, and will not be told again
        return opinion._replace(dead="", side=None, people=None, door=None)
    return opinion._replace(dead="")


def look(seen: Traits, opinion: Opinion, started: int, now: int) -> Look:
    """What a device that was heard, or not, is worth at `now`."""
    if opinion.air is not None:
        return _look_at_air(seen, opinion, opinion.air, started, now)
    lasts = ((opinion.told if seen.level else opinion.heard) or started) + seen.stale
    if opinion.dead or (seen.vacant and now >= lasts):
        return Look("missing", cause=opinion.dead or "sensor_stale") if seen.vacant else NOTHING
    if opinion.door is not None:
        return _look_at_door(seen, opinion, opinion.door, now, lasts)
    if seen.level:
        if opinion.side is None:
            return Look("missing", cause="starting", due=lasts)
        flips = _flips(seen, opinion)
        due = lasts if flips is None else min(lasts, flips)
        if opinion.side:
            return Look("seeing", seen.occupied, opinion.turned, due=due)
        return Look("empty", seen.vacant, opinion.turned, due=due)
    fades = opinion.sign + seen.hold if opinion.sign else 0
    if now < fades:
        weight = seen.occupied * (1 - FADE * (now - opinion.sign) / seen.hold)
        due = min(fades, lasts) if seen.vacant else fades
        return Look("seeing" if seen.proof else "moment", weight, opinion.sign, due=due)
    if not seen.vacant:
        return NOTHING
    rests = max(fades, opinion.watch + seen.hold)
    if not opinion.heard:
        return Look("missing", cause="starting", due=lasts)
    if now < rests:
        return Look("missing", cause="starting", due=min(rests, lasts))
    return Look("empty", seen.vacant, rests, due=lasts)


def _look_at_door(seen: Traits, opinion: Opinion, door: Door, now: int, lasts: int) -> Look:
    """Who went in is believed less the longer nobody has passed."""
    quiet = quiet_at(door)
    due = min(lasts, quiet) if now < quiet else lasts
    if opinion.side is None:
        return Look("missing", cause="starting", due=due)
    if opinion.side:
        fades = 1 - FADE * min(1.0, max(0, now - door.passed) / max(1, quiet - door.passed))
        return Look("seeing", seen.occupied * fades, opinion.turned, due=due)
    return Look("empty", seen.vacant if door.sure else UNSURE, opinion.turned, due=due)


def _look_at_air(seen: Traits, opinion: Opinion, air: Air, started: int, now: int) -> Look:
    """Somebody, nobody, or that it cannot be told."""
    lasts = (opinion.told or started) + seen.stale
    if opinion.dead or now >= lasts:
        return Look("missing", cause=opinion.dead or "sensor_stale")
    if air.held is None:
        return Look("missing", cause="no_evidence" if air.told else "starting", due=lasts)
    share = air.share if air.held else 1 - air.share
    return Look("breath" if air.held else "empty", AIR_WEIGHT * share, air.since, due=lasts)


def stuck_at(opinion: Opinion, empty_since: int | None) -> int:
    """When a sign of presence that goes on is not believed any more. `empty_since`: another witness sees nobody.

    Who counts now three and now four is not stuck, though it is never nobody.
    """
    turned = max(opinion.turned, opinion.varied)
    alone = turned + int(STUCK_S * SECOND)
    if empty_since is None or opinion.door is not None:
        return alone
    return min(alone, max(turned, empty_since) + int(CONTRADICTED_S * SECOND))


def outweighed_at(seen: Traits, opinion: Opinion, against: float) -> int:
    """When a fading moment is believed no more than `against`, to the next millisecond."""
    return opinion.sign + int(seen.hold * max(0.0, 1 - against / seen.occupied) / FADE) + 1_000_000

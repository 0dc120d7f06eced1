"""How many are inside, from who came and who went: never negative, and unsure until it was known to be nobody once.

A counter sends totals since its reset, or what passed since its last message; those who came and those who went are two
readings of one message, in either order. Counters miss people, and so the number drifts: when nobody has passed for
QUIET_S, or other witnesses know that the place is empty, it is nobody again.
"""

from __future__ import annotations

from typing import NamedTuple

from rules.api import SECOND, Reading

CROSSINGS = frozenset({"entered_total", "left_total", "entered_period", "left_period"})
QUIET_S = 8 * 3600.0


class Door(NamedTuple):
    """What has passed."""

    passed: int
    """When somebody passed last; before anybody did, since when it is listened to."""
    at: int
    """Of the message that is being read ..."""
    base: int | None
    """... and how many were inside before it; None: not known ..."""
    base_sure: bool = False
    """... and whether that was sure."""
    came: int = 0
    went: int = 0
    inside: int | None = None
    """None: somebody may have been inside before it was listened to."""
    sure: bool = False
    """It was known to be nobody, and no more went out since than had come in."""
    entered: int | None = None
    """Last total."""
    left: int | None = None


def cross(old: Door | None, item: Reading) -> Door:
    """Take one reading of CROSSINGS."""
    door = old or Door(passed=item.at, at=item.at, base=None)
    if item.at > door.at:
        door = door._replace(at=item.at, base=door.inside, base_sure=door.sure, came=0, went=0)
    number = max(0, int(item.value))
    match item.kind:
        case "entered_total":
            passed, door = _more(door.entered, number), door._replace(entered=number)
            door = door._replace(came=door.came + passed)
        case "left_total":
            passed, door = _more(door.left, number), door._replace(left=number)
            door = door._replace(went=door.went + passed)
        case "entered_period":
            passed, door = number, door._replace(came=door.came + number)
        case _:
            passed, door = number, door._replace(went=door.went + number)
    if not passed:
        return door
    return _count(door)._replace(passed=item.at)


def rest(door: Door) -> Door:
    """Nobody has passed for long: whoever was inside has gone unseen, as far as one can tell."""
    return door._replace(inside=0, base=0, base_sure=False, came=0, went=0, sure=False)


def emptied(door: Door) -> Door:
    """Others know that nobody is inside."""
    return door._replace(inside=0, base=0, base_sure=True, came=0, went=0, sure=True)


def quiet_at(door: Door) -> int:
    """When `rest` is due."""
    return door.passed + int(QUIET_S * SECOND) if door.inside != 0 else 2**63


def _more(last: int | None, total: int) -> int:
    """What a total grew by; one that fell was reset, and what passed meanwhile is not known."""
    return max(0, total - last) if last is not None else 0


def _count(door: Door) -> Door:
    if door.base is None:
        net = door.came - door.went
        return door._replace(inside=net if net > 0 else None)
    inside = door.base + door.came - door.went
    return door._replace(inside=max(0, inside), sure=door.base_sure and inside >= 0)


__all__ = ["CROSSINGS", "QUIET_S", "Door", "cross", "emptied", "quiet_at", "rest"]

"""Who meets where and when: two short ones in the lively first minutes, then four rounds in the day."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from firmware_sim.actions import SECOND
from firmware_sim.office import Office

_MINUTE = 60 * SECOND
_EARLY = ((8, 13), (10, 15))
_ROUNDS = (70, 160, 340, 430)
"""Minutes after 07:50: 09:00, 10:30, 13:30, 15:00."""


class Meeting(NamedTuple):
    """Somebody's meeting."""

    start: int
    end: int
    room: str


def meetings(office: Office, rng: Random, start: int) -> dict[int, list[Meeting]]:
    """By person, in order of time; nobody is in two at once, and between two of one room half an hour passes."""
    plan: dict[int, list[Meeting]] = {person.index: [] for person in office.people}

    def hold(meeting: Meeting, people: list[int]) -> None:
        for index in people:
            plan[index].append(meeting)

    rooms = [room.id for room in office.rooms]
    everybody = list(plan)
    rng.shuffle(everybody)
    for n, (first, last) in enumerate(_EARLY):
        hold(Meeting(start + first * _MINUTE, start + last * _MINUTE, rooms[2 * n]), everybody[4 * n : 4 * n + 4])
    for first in _ROUNDS:
        rng.shuffle(everybody)
        rng.shuffle(rooms)
        for n in range(rng.randint(1, 3)):
            begin = start + (first + rng.randint(0, 10)) * _MINUTE
            end = begin + rng.randint(25, 40) * _MINUTE
            hold(Meeting(begin, end, rooms[n]), everybody[6 * n : 6 * n + rng.randint(3, 6)])
    return plan

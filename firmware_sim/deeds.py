"""What happens on a whole day besides the actions of actions.py: reservations, other readers, a gateway that is off."""

from __future__ import annotations

from typing import NamedTuple

from firmware_sim.actions import Action


class Reserve(NamedTuple):
    """A desk is booked, hours before."""

    at: int
    person: int
    desk: str
    ref: str
    start: int
    end: int
    comes: bool
    """False: nobody will come."""


class Swipe(NamedTuple):
    """A badge at a reader that is no desk's: at a room, or at the entrance."""

    at: int
    person: int
    reader: str
    outcome: str
    """started, ended (of the workplace check-in), rejected; empty: it is only seen."""


class Down(NamedTuple):
    """A gateway is off, with everything that hangs on it."""

    at: int
    gateway: str
    until: int


Deed = Action | Reserve | Swipe | Down
LOST = "lost"
"""Expected outcome of a tap at a reader whose gateway is off."""

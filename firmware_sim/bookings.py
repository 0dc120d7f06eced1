"""Who may tap where and when: the constraints that make the truth decidable.

People plan ahead, so everything is booked when it is decided: the same badge is not tapped twice within 150 s, one
reader not by two people within 120 s, a desk is not left and taken within 60 s, and a desk that a move frees in another
floor's gateway is not tapped before that gateway can know. The margins below are a little wider.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_sim.actions import SECOND

BADGE_GAP = 158 * SECOND
READER_GAP = 128 * SECOND
DESK_GAP = 68 * SECOND
_LONG_AGO = -(10**15)


@dataclass(kw_only=True)
class Bookings:
    """Taps, seats and holds, as far as they are planned."""

    holder: dict[str, int] = field(default_factory=dict)
    """Desk -> person whose check-in is open."""
    held: dict[int, str] = field(default_factory=dict)
    """Person -> desk; the inverse of `holder`."""
    seat: dict[str, int] = field(default_factory=dict)
    """Desk -> person who sits there, or is on the way."""
    lost: set[str] = field(default_factory=set)
    """Desks that were left for good without a tap: whether they are free is the gateway's judgement."""
    _badge: dict[int, int] = field(default_factory=dict)
    _reader: dict[str, int] = field(default_factory=dict)
    _free_from: dict[str, int] = field(default_factory=dict)
    _chair: dict[str, int] = field(default_factory=dict)

    def may_tap_at(self, person: int, desk: str, earliest: int) -> int:
        """The first moment, not before `earliest`, at which this person may tap at this desk."""
        return max(
            earliest,
            self._badge.get(person, _LONG_AGO) + BADGE_GAP,
            self._reader.get(desk, _LONG_AGO) + READER_GAP,
        )

    def is_free(self, desk: str, at: int) -> bool:
        """Nobody sits there, holds it or is on the way, since long enough before `at`."""
        return (
            desk not in self.seat
            and desk not in self.holder
            and desk not in self.lost
            and self._free_from.get(desk, _LONG_AGO) <= at
        )

    def seat_from(self, desk: str) -> int:
        """From when on the desk's chair may be taken again, by whomever."""
        return self._chair.get(desk, _LONG_AGO)

    def tap(self, person: int, desk: str, at: int) -> tuple[str, str]:
        """Book a tap of an enrolled badge; returns (expected outcome, desk that it ends by a move)."""
        self.touch(person, desk, at)
        holder = self.holder.get(desk)
        if holder == person:
            self.release(person, at)
            return "ended", ""
        if holder is not None:
            return "rejected", ""
        moved_from = self.held.get(person, "")
        self.release(person, at)
        self.holder[desk] = person
        self.held[person] = desk
        return "started", moved_from

    def touch(self, person: int, desk: str, at: int) -> None:
        """A badge is before a reader, whatever comes of it."""
        self._badge[person] = at
        self._reader[desk] = at

    def release(self, person: int, at: int) -> None:
        """The person's check-in ends, if there is one."""
        desk = self.held.pop(person, "")
        if desk:
            del self.holder[desk]
            self._later(desk, at)

    def sit(self, person: int, desk: str) -> None:
        self.seat[desk] = person

    def stand(self, desk: str, at: int) -> None:
        del self.seat[desk]
        self._chair[desk] = at + DESK_GAP
        self._later(desk, at)

    def _later(self, desk: str, at: int) -> None:
        self._free_from[desk] = max(self._free_from.get(desk, _LONG_AGO), at + DESK_GAP)

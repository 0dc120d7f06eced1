"""Reservations at other gateways, as the coordinator hears of them: who is booked elsewhere has not left their desk."""

from __future__ import annotations

from gateway.contract.envelope import Envelope
from gateway.contract.times import parsed
from rules.api import Booked

KEPT = ("desk.reservation.created", "desk.reservation.changed")
BOOKED = (*KEPT, "desk.reservation.cancelled", "desk.reservation.released")
"""Types of class `who` that say what a person has reserved."""


def booked(event: Envelope) -> Booked:
    """What an event of one of these types says. A reservation without its end, of an older gateway, is none."""
    start, until = event.data.get("due"), event.data.get("until")
    kept = event.type in KEPT and start and until
    return Booked(
        place=event.subject,
        at=event.time,
        person=event.person,
        ref=str(event.data.get("booking_ref", "")),
        start=parsed(start) if start else 0,
        end=parsed(until) if kept else 0,
        unit=event.unit,
    )

"""Guests of a day: by the card that they have brought, or by a number that a kiosk shows them once.

The number is a credential like a card: in the people table as a keyed index alone, and gone with the guest. No list of
guests is shown to anybody at a kiosk; six digits, and kiosks that stop reading after twenty that are nobody's, are
enough against whoever tries them by hand.
"""

from __future__ import annotations

import secrets

from gateway.errors import HadirError
from gateway.web.site import Site

DIGITS = 6


def enrol(site: Site, *, name: str, until: int, host: str, card: str) -> tuple[str, str]:
    """(pid, number) of a new guest until `until`, office ns; with a card that is nobody's they need no number.

    Raises HadirError as PeopleTable.enrol_guest does.
    """
    people, realm = site.people, site.office.site
    if card:
        try:
            return people.enrol_guest(name=name, valid_until=until, host=host, credentials=[(card, realm)]), ""
        except HadirError:  # the card became somebody's meanwhile
            site.counters.add("web.kiosk_guest_card_taken")
    number = _number()
    while people.holder(_credential(number), realm) is not None:
        number = _number()
    given = [(_credential(number), realm)]
    return people.enrol_guest(name=name, valid_until=until, host=host, credentials=given), number


def find(site: Site, typed: str) -> tuple[str, str]:
    """(pid, number) of the guest who was given the number that was typed, however it is spaced; empty: nobody."""
    number = "".join(typed.split())
    if len(number) != DIGITS or not (number.isascii() and number.isdigit()):
        return "", ""
    holder = site.people.holder(_credential(number), site.office.site)
    return (holder.pid, number) if holder is not None and holder.active else ("", "")


def _number() -> str:
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def _credential(number: str) -> str:
    return f"guest:{number}"

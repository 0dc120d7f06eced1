"""Whose card it is that a kiosk's reader typed, and what the archive knows of them today."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from gateway.clock import SECOND
from gateway.config.model import Office
from gateway.ledger_view import View
from gateway.people import DAY_S, PeopleTable
from gateway.web.cards import SETTINGS, cards, whole
from gateway.web.records.checkins import DESK, WORKPLACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a typed line turned out to be."""

    what: Literal["known", "unknown", "disabled", "ambiguous", "unreadable"]
    pid: str = ""
    unit: str = "_"
    card: str = ""
    """Of an unknown card: the credential, if there is no doubt which one it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """What the archive has heard of a person."""

    desk: str = ""
    """The desk that they hold; empty: none."""
    present: bool | None = None
    """Whether they have come, and not gone; None: the archive cannot say."""


def find(people: PeopleTable, typed: str, realms: Iterable[str], settings: Iterable[str] = ()) -> Found:
    """Who holds the card. `settings`: how the reader may be set; empty: nobody has said, so in any way."""
    chosen = tuple(settings) or SETTINGS
    found = cards(typed, chosen)
    if not found:
        return Found(what="unreadable")
    holders = [
        entry
        for card in found
        for realm in dict.fromkeys(realms)
        if (entry := people.holder(card.credential, realm)) is not None
    ]
    active = {entry.pid: entry for entry in holders if entry.active}
    if len(active) > 1 or "" in active:
        return Found(what="ambiguous")
    for pid, entry in active.items():
        return Found(what="known", pid=pid, unit=entry.unit)
    if holders:
        return Found(what="disabled")
    return Found(what="unknown", card=whole(typed, chosen) or "")


def realms_of(office: Office) -> list[str]:
    """Whose cards are read here: those of the site, and of every badge reader that names another."""
    return [office.site, *(device.realm for device in office.devices if device.realm)]


def today(view: View, pid: str, now: int) -> Today:
    """What the ledger says, as of `now`. A check-in of an earlier day is over, also where nobody has said so yet."""
    desk, work = (view.person_last(pid, types, now + SECOND) for types in (DESK, WORKPLACE))
    held = desk is not None and desk.type == DESK[0] and now - desk.time < DAY_S * SECOND
    came = work is not None and work.type == WORKPLACE[0] and now - work.time < DAY_S * SECOND
    return Today(desk=desk.subject if held and desk is not None else "", present=came)

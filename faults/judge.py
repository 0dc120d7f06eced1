"""What became of the actions: the store, read back by query, against the book."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from faults import book
from faults.book import Action
from faults.office import place
from gateway import ledger
from gateway.ledger import Stored
from gateway.ledger_view import View

ACTS = ("desk.checkin.started", "desk.checkin.ended")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one run; an action is one act of one person, told to everybody (evt) and under the person's name (who)."""

    offered: int
    accepted: int
    stored: int
    """Accepted actions that are in the store at least once, whole."""
    lost: int
    duplicated: int
    """Surplus acts, and rows of one number."""
    wrong: int
    """Acts that say another person, desk or way, or that come out of turn."""
    doubtful: int
    """Offered, never accepted, and stored: a request that died between the commit and the answer."""


class Hole(NamedTuple):
    """Numbers that a gateway gave and the archive has not."""

    gateway: str
    boot: str
    first: int
    last: int

    @property
    def many(self) -> int:
        """How many."""
        return self.last - self.first + 1


def holes(store: Path, heard: Mapping[tuple[str, str], int]) -> list[Hole]:
    """Of every boot in the store, when all has been drained: whatever they were, and whoever they were about.

    A boot's numbers are contiguous from 1, so what is missing below the highest is lost; and so is what a subscriber
    has heard above it. `heard`: the highest number by (gateway, boot); boots that the store does not know are poison.
    """
    view = View.open(store)
    try:
        found = []
        for gateway, boot in sorted(view.boots()):
            found += [Hole(gateway, boot, first, last) for first, last in view.missing(gateway, boot)]
            highest = view.spans(gateway, boot)[-1][1]
            if heard.get((gateway, boot), 0) > highest:
                found.append(Hole(gateway, boot, highest + 1, heard[gateway, boot]))
        return found
    finally:
        view.close()


def events(store: Path) -> int:
    """All that the store has ever committed, of whatever type."""
    view = View.open(store)
    try:
        return sum(view.boots().values())
    finally:
        view.close()


def judge(written: Path, store: Path, people: Sequence[str]) -> Verdict:
    """`people`: pid by card."""
    offered, accepted = book.read(written)
    acts: list[Stored] = []
    numbers: Counter[tuple[str, str, int]] = Counter()
    for row in ledger.read(store):  # a million of them do not fit into memory
        numbers[row.gateway, row.boot, row.sequence] += 1
        if row.type in ACTS:
            acts.append(row)
    found = Counter((row.subject, row.time, row.cls) for row in acts)
    by_key = {(place(action.card), action.at): action for action in offered}
    stored = lost = duplicated = doubtful = 0
    for action in offered:
        times = [found[place(action.card), action.at, cls] for cls in ("evt", "who")]
        duplicated += sum(max(0, many - 1) for many in times)
        if action.number not in accepted:
            doubtful += min(times)
        elif min(times):
            stored += 1
        else:
            lost += 1
    duplicated += sum(many - 1 for many in numbers.values())
    strange = sum(not _right(row, by_key.get((row.subject, row.time)), people) for row in acts)
    return Verdict(len(offered), len(accepted), stored, lost, duplicated, strange + out_of_turn(acts), doubtful)


def _right(row: Stored, action: Action | None, people: Sequence[str]) -> bool:
    """An act of the person whose card it was, by badge, at that person's desk."""
    if action is None:
        return False
    said = json.loads(row.body)
    person = people[action.card] if row.cls == "who" else ""
    return (
        row.pid == person
        and said["type"] == f"hadir.{row.type}.v1"
        and said["data"]["method"] == "badge"
        and said["subject"] == row.subject == place(action.card)
    )


def out_of_turn(acts: Sequence[Stored]) -> int:
    """Who taps again leaves: acts of one desk alternate, in the order of their times."""
    wrong = 0
    for cls in ("evt", "who"):
        last: dict[str, str] = {}
        for row in sorted((row for row in acts if row.cls == cls), key=lambda row: (row.subject, row.time, row.id)):
            wrong += row.type != ACTS[last.get(row.subject) == ACTS[0]]
            last[row.subject] = row.type
    return wrong

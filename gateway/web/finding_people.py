"""Finding one person by what an operator knows of them, among those whom the operator may see."""

from __future__ import annotations

from collections.abc import Callable

from gateway.people import PeopleTable, Person
from gateway.why.person import is_pid

SHORTEST = 3


def find(people: PeopleTable, text: str, may_see: Callable[[str, str], bool]) -> tuple[Person | None, int]:
    """By pid, staff number, or name (the whole name, or a part that only one has); and how many fit.

    Whoever may not be seen is not found, and is not counted: that they exist is not told.
    """
    wanted = " ".join(text.split()).casefold()
    if len(wanted) < SHORTEST:
        return None, 0
    exact: list[Person] = []
    partly: list[Person] = []
    for pid, unit, _ in people.people():
        if not may_see(unit, pid):
            continue
        if is_pid(wanted):
            if pid != wanted:
                continue
            person = people.person(pid)
            return person, int(person is not None)
        person = people.person(pid)
        if person is None:
            continue
        name, number = (person.name or "").casefold(), (person.staff_number or "").casefold()
        if wanted in (name, number):
            exact.append(person)
        elif name and wanted in name:
            partly.append(person)
    found = exact or partly
    return (found[0] if len(found) == 1 else None), len(found)

"""Finding one person by what an operator knows of them, among those whom the operator may see; each search is noted.

By pid, staff number or whole name, and by nothing less: a part of a name may be somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.errors import HadirError
from gateway.people import PeopleTable, Person
from gateway.web.lookups import SHORTEST
from gateway.web.rendering import N_
from gateway.web.site import Site
from gateway.web.viewer import Viewer
from gateway.why.person import is_pid

NOBODY = N_("Tidak ada orang seperti itu di unit Anda. Tulis NIP, pid, atau nama lengkapnya.")
SEVERAL = N_("Ada beberapa orang yang cocok. Tulis NIP atau pid orangnya.")
NO_REASON = N_("Tulis alasannya: orang itu melihatnya.")


class NotOne(HadirError):
    """Nobody, several, or no reason; `why`: for people."""

    def __init__(self, why: str, status: int = 404) -> None:
        super().__init__(why)
        self.why = why
        self.status = status


def look_for(site: Site, viewer: Viewer, text: str, *, what: str, reason: str) -> Person:
    """The one person whom `text` names, once it is noted that `viewer` looked for them and why. Raises NotOne.

    Whoever may not be seen is not found: that they exist is not told. That nobody was found, or that several have the
    name, tells something too: it is noted of the viewer's account, and every one of the several sees it. Oneself needs
    no reason.
    """
    if not text.strip():
        raise NotOne(NOBODY)
    found = _named(site.people, text, viewer.sees)
    others = [person for person in found if person.pid != viewer.pid]
    if found and not others:
        return found[0]
    reason = " ".join(reason.split())
    if len(reason) < SHORTEST:
        raise NotOne(NO_REASON, 422)
    for person in others:
        site.accounts.note_lookup(viewer, person.pid, person.unit, what, reason)
    if len(found) != 1:
        site.accounts.note_missed(viewer, what, reason)
        site.counters.add("web.search_missed", "several" if found else "nobody")
        raise NotOne(SEVERAL if found else NOBODY)
    return found[0]


def _named(people: PeopleTable, text: str, may_see: Callable[[str, str], bool]) -> list[Person]:
    wanted = _plain(text)
    if is_pid(wanted):
        unit = people.unit_of(wanted)
        person = people.person(wanted) if unit is not None and may_see(unit, wanted) else None
        return [] if person is None else [person]
    visible = (people.person(pid) for pid, unit, _ in people.people() if may_see(unit, pid))
    number = wanted.replace(" ", "")
    return [
        person
        for person in visible
        if person is not None
        if wanted == _plain(person.name or "") or number == _plain(person.staff_number or "").replace(" ", "")
    ]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()

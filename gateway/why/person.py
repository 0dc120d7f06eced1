"""What the archive's ledger has for a person at a time. Only who keeps the site's people table may ask.

One moment is answered, with the event before and the one after; there is no trail. That nothing is known of somebody is
no evidence that they were not there.
"""

from __future__ import annotations

import re

from gateway.config.model import Office
from gateway.contract.fields import PID
from gateway.credentials import SiteKey
from gateway.errors import ConfigError, HadirError
from gateway.ledger_view import Stored, View
from gateway.people import PeopleTable, Person
from gateway.usage import Usage
from gateway.why.rows import Answer, body_of, brief, decided
from rules.api import SECOND

SEEN = ("presence.started", "presence.moved", "presence.idle", "presence.ended")
DESK = ("desk.checkin.started", "desk.checkin.ended")
WORKPLACE = ("workplace.checkin.started", "workplace.checkin.ended")
DAY = 86_400 * SECOND


def is_pid(text: str) -> bool:
    """Whether `text` looks like a person's pseudonym, and not like a place."""
    return re.match(PID, text) is not None


def admitted(office: Office, pid: str) -> Person:
    """The person, for who may open the site's people table. Raises HadirError for everybody else, and says why."""
    table, key = office.path(office.people.table), office.path(office.people.site_key)
    if not table.is_file():
        text = "people are answered for only where the people table is kept: on the archive's box"
        raise HadirError(f"{text} (there is no {table})")
    try:
        with PeopleTable(table, SiteKey.load(key)) as people:
            person, erased = people.person(pid), people.is_erased(pid)
    except ConfigError as error:
        raise HadirError(f"the people table cannot be opened without the site's key: {error}") from error
    if erased:
        raise HadirError(f"{pid} was erased: nothing is kept")
    if person is None:
        raise HadirError(f"nobody has the pid {pid}; `hadir people office.yaml list` shows who is enrolled")
    return person


class PersonAt:
    """Answers about one person; reads in short queries beside the archive."""

    def __init__(self, view: View, office: Office, at: int, now: int) -> None:
        self._view = view
        self._office = office
        self._at = at
        self._now = now

    def answer(self, person: Person) -> Answer:
        """Presence, desk and workplace check-in at the time, and what was said just before and just after."""
        row = self._view.person_last(person.pid, SEEN, self._at + 1)
        after = self._view.person_next(person.pid, SEEN, self._at + 1)
        earlier = None if row is None else self._view.person_last(person.pid, SEEN, row.when)
        kept = self._office.archive.retain_people_days
        return {
            "kind": "person",
            "unit": None if person.unit == "_" else person.unit,
            "visibility": person.visibility,
            "quiet": person.quiet,
            "presence": self._presence(row),
            "desk": self._open(person.pid, DESK),
            "workplace": self._open(person.pid, WORKPLACE),
            "before": [brief(one) for one in (earlier, row) if one is not None],
            "after": [] if after is None else [brief(after)],
            "retained_days": kept if self._now - self._at > kept * DAY else None,
        }

    def _presence(self, row: Stored | None) -> Answer:
        if row is None:
            return {"state": "unknown", "cause": "no_evidence", "since": None}
        data = body_of(row)
        at = row.when
        ended = row.type == "presence.ended"
        told: Answer = {
            "state": "idle" if row.type == "presence.idle" else data.get("state") or "unknown",
            "cause": data.get("cause"),
            "since": at,
            "zone": None if ended else data.get("zone"),
            "method": data.get("method"),
            "assurance": data.get("assurance"),
            "visit_id": data.get("visit_id"),
            "ended_by": data.get("ended_by"),
            "last_evidence": data.get("last_evidence"),
            **decided(row, self._at),
        }
        if ended:
            return told
        usage = Usage(self._view, self._office)
        for begin, end in usage.silent(row.gateway, self._at, self._at + 1, self._view.silences()):
            if begin <= self._at < end:
                why = f"gateway {row.gateway}, which decides presence there, was not heard"
                lost: Answer = {"state": "unknown", "cause": "gateway_down", "since": begin, "why": why}
                return {**lost, "last_told": told}
        return told

    def _open(self, pid: str, types: tuple[str, str]) -> Answer | None:
        """The check-in that was open, or how the last one ended; None: there was none."""
        row = self._view.person_last(pid, types, self._at + 1)
        if row is None:
            return None
        data = body_of(row)
        told = decided(row, self._at)
        return {
            "open": row.type == types[0],
            "place": row.subject,
            "since": row.when,
            **{name: data.get(name) for name in ("method", "assurance", "reason", "ended_by", "arrangement")},
            **{name: told[name] for name in ("rule", "gateway", "boot", "sequence", "evidence", "challenger")},
        }

"""What a candidate that does not lead knows of people's visits: from what the coordinator says of them.

    sense, sensehist   presence.started, moved, idle, ended      -> the visit, under its id
    who, whohist       workplace.checkin.started, ended          -> the workplace check-in, and when it was last acted

They become facts of the presence rule on this gateway's own disk, so a new coordinator goes on with the visits of the
old one, under their ids. What was not heard (a desk held, a tag) is evidence that comes again; the visits of a time
when this gateway was no candidate yet are not known, and their people begin new ones.

The order of arrival does not matter: a person's news count by (term, boot, sequence). A term has one gateway, and times
say nothing here: a visit that ends by silence ends in the past.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.contract.envelope import Envelope
from gateway.contract.times import parsed
from rules.api import Fact
from rules.presence_model import NAME, State, Visit, Workplace, fact_of, restored
from rules.presence_model import Settings as Choices

STARTED, MOVED, IDLE, ENDED = "presence.started", "presence.moved", "presence.idle", "presence.ended"
VISITS = frozenset({STARTED, MOVED, IDLE, ENDED})
CAME, WENT = "workplace.checkin.started", "workplace.checkin.ended"
ACTS = frozenset({CAME, WENT})
Order = tuple[int, str, int]


class Shadow:
    """Facts of the presence rule by person."""

    def __init__(self) -> None:
        self._rows: dict[str, Mapping[str, Any]] = {}
        self._from = 0
        """The first term whose news count."""
        self._told: dict[tuple[str, bool], Order] = {}
        """(person, whether of acts): the news that counted last."""
        self._acted: dict[str, int] = {}
        self._left: dict[str, int] = {}

    def load(self, rows: Mapping[str, Mapping[str, Any]], term: int = 0) -> None:
        """Begin with these: of the disk, or of the presence rule that ran here until now, in `term`.

        What comes late of that term or an earlier one is in them already.
        """
        self._rows = dict(rows)
        self._from = term + 1 if term else 0

    @property
    def rows(self) -> Mapping[str, Mapping[str, Any]]:
        """By person, as the presence rule remembers them."""
        return self._rows

    @property
    def quiet(self) -> list[str]:
        """Whom they remember as quiet."""
        return [person for person, body in self._rows.items() if body.get("quiet")]

    def acted(self, person: str) -> int:
        """When the person was last heard to come or go at the workplace's readers; 0: not heard."""
        return self._acted.get(person, 0)

    def left(self, person: str) -> int:
        """When the person was last heard to leave by an act; 0: not heard."""
        return self._left.get(person, 0)

    def forget(self, person: str) -> Fact:
        """Nothing is known of the person any more."""
        for kept in (self._rows, self._acted, self._left):
            kept.pop(person, None)
        return Fact(NAME, person, None)

    def take(self, event: Envelope) -> Fact | None:
        """News of a person; the fact that changes, None if none does."""
        if not event.person or event.type not in VISITS | ACTS:
            return None
        about = event.person, event.type in ACTS
        order = (int(event.data.get("term") or 0), event.source, event.sequence)
        if order[0] < self._from or order <= self._told.get(about, (0, "", 0)):
            return None
        self._told[about] = order
        state = restored(event.person, self._rows.get(event.person), Choices(), 0)
        state = _TAKEN[event.type](state._replace(unit=event.unit), event)
        if event.type in ACTS:
            self._acted[event.person] = max(self.acted(event.person), event.time)
        if event.type == WENT or event.data.get("state") == "left":
            self._left[event.person] = max(self.left(event.person), event.time)
        fact = fact_of(state)
        if fact.body == self._rows.get(event.person):
            return None
        if fact.body is None:
            del self._rows[event.person]
        else:
            self._rows[event.person] = fact.body
        return fact


def _seen(state: State, event: Envelope) -> State:
    data, known = event.data, state.visit
    same = known is not None and known.id == data["visit_id"]
    visit = Visit(
        id=str(data["visit_id"]),
        zone=str(data.get("zone") or event.subject),
        start=known.start if known is not None and same else event.time,
        method=str(data.get("method") or ""),
        last=parsed(data["last_evidence"]) if data.get("last_evidence") else event.time,
        idle=event.type == IDLE,
        assurance=str(data.get("assurance") or "claimed"),
    )
    return state._replace(visit=visit)


def _ended(state: State, _event: Envelope) -> State:
    """Whichever visit it was: a person has one at a time, and this is the last news of it."""
    return state._replace(visit=None)


def _came(state: State, event: Envelope) -> State:
    data = event.data
    came = Workplace(
        id=str(data.get("checkin_id") or event.id),
        start=event.time,
        place=event.subject,
        method=str(data["method"]),
        assurance=str(data.get("assurance") or "claimed"),
        arrangement=str(data.get("arrangement") or ""),
    )
    return state._replace(workplace=came)


def _went(state: State, _event: Envelope) -> State:
    return state._replace(workplace=None)


_TAKEN: Mapping[str, Callable[[State, Envelope], State]] = {
    STARTED: _seen,
    MOVED: _seen,
    IDLE: _seen,
    ENDED: _ended,
    CAME: _came,
    WENT: _went,
}

"""A report: a question about a place, some units' people and a period, and its answer from the store and the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gateway import sqlite
from gateway.config.model import Office
from gateway.ledger_view import View
from gateway.stores.windows import window_of
from gateway.web.reports.claims import claims
from gateway.web.reports.conduct import claim_atoms, people_use
from gateway.web.reports.figures import PeopleUse, PlaceUse
from gateway.web.reports.ground import Ground
from gateway.web.reports.peak import peaks
from gateway.web.reports.period import WEEK, Period, monday_of, period
from gateway.web.reports.places import place_use
from gateway.web.reports.store import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked."""

    place: str
    """One that `Ground.shown` has."""
    first: date
    last: date
    units: frozenset[str] | None = None
    """Whose people; None: everybody. The use of places is everybody's in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is answered."""

    question: Question
    period: Period
    until: int
    """Office time up to which figures go, ns UTC."""
    places: PlaceUse
    people: PeopleUse
    """Of days that are over."""
    owned: dict[str, int]
    """Desks of the place by owner unit."""


class NotShown(LookupError):
    """No such place, or one of which no figures are told: it has fewer than five desks."""


class Reporter:
    """Answers from the files of an archive. Each answer opens them for itself: any thread may ask."""

    def __init__(self, office: Office, ledger: Path, points: Path) -> None:
        self._office = office
        self._ledger = ledger
        self._points = points
        self.ground = Ground(office)

    def report(self, question: Question, now: int) -> Report:
        """Blocks for seconds where a month of a large building is asked for.

        Raises NotShown; BadPeriod; ConfigError: see period.period; HadirError: a file cannot be read.
        """
        if question.place not in self.ground.shown:
            raise NotShown(question.place)
        asked = period(self._office, question.first, question.last)
        until = max(asked.start, min(asked.end, window_of(now)))
        places = self._places(question.place, asked, until)
        return Report(
            question=question,
            period=asked,
            until=until,
            places=places,
            people=self._people(question, asked, now, places.whole.coverage),
            owned=self.ground.owned(question.place),
        )

    def _places(self, place: str, asked: Period, until: int) -> PlaceUse:
        desks = self.ground.below(place)
        connection = sqlite.read_only(self._points)
        try:
            series = Series(connection, (desk.place for desk in desks))
            quarters = series.quarters(asked.start, until)
            found = peaks(quarters, series.occupied_before(asked.start), series.changes(asked.start, until), asked)
        finally:
            connection.close()
        return place_use(len(desks), quarters, found, asked, until)

    def _people(self, question: Question, asked: Period, now: int, coverage: float | None) -> PeopleUse:
        """Of whole weeks and buildings, whatever part of them is asked for: that is what makes the atoms the same."""
        calendar = asked.calendar
        closed = calendar.day(now) - 1
        start = calendar.instant(monday_of(asked.first), 0)
        end = calendar.instant(monday_of(asked.last) + WEEK, 0)
        view = View.open(self._ledger)
        try:
            found = [
                atom
                for building in self.ground.buildings(question.place)
                for atom in claim_atoms(claims(view, self.ground.below(building), start, end), asked, closed)
                if atom.inside(question.place, question.units, asked.first, asked.last)
            ]
        finally:
            view.close()
        return people_use(found, self.ground.owned(question.place), coverage)

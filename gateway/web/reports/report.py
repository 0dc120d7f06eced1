"""A report: a question about a place, some units' people and a period, and its answer from the store and the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import apsw

from gateway import sqlite
from gateway.calendars import calendar
from gateway.config.model import Office
from gateway.errors import HadirError, TransientError
from gateway.ledger_view import View
from gateway.stores.windows import window_of
from gateway.web.reports.claims import Claim, claims
from gateway.web.reports.conduct import claim_atoms, people_use
from gateway.web.reports.figures import PeopleUse, PlaceUse
from gateway.web.reports.ground import Ground
from gateway.web.reports.peak import peaks
from gateway.web.reports.period import QUARTER, WEEK, Period, date_of, monday_of, period
from gateway.web.reports.places import place_use
from gateway.web.reports.store import Series
from gateway.web.reports.suppress import Atom

FRESH = 2 * QUARTER
"""Quarter hours are computed soon after they end; where that takes longer, states are not believed on their own."""


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
class Measured:
    """What the files say about a place and a period, before it is asked whose people."""

    period: Period
    until: int
    """Office time up to which figures go, ns UTC."""
    places: PlaceUse
    atoms: tuple[Atom[Claim], ...]
    """Of people, inside place and period, of days that are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is answered."""

    question: Question
    period: Period
    until: int
    places: PlaceUse
    people: PeopleUse
    """Of days that are over."""
    owned: dict[str, int]
    """Desks of the place by owner unit."""


class NotShown(LookupError):
    """No such place, or one of which no figures are told: it has fewer than five desks."""


class Reporter:
    """Answers from the files of an archive. Each answer opens them for itself: any thread may ask."""

    def __init__(self, office: Office, ledger: Path, points: Path | None) -> None:
        self._office = office
        self._ledger = ledger
        self._points = points
        self.ground = Ground(office)

    def today(self, now: int) -> date:
        """The site's date."""
        return date_of(calendar(self._office, now).day(now))

    def report(self, question: Question, now: int) -> Report:
        """Both steps. Raises as `measure` does."""
        return self.answer(question, self.measure(question, now))

    def measure(self, question: Question, now: int) -> Measured:
        """Blocks for seconds where a month of a large building is asked for. The question's units do not matter.

        Raises NotShown; BadPeriod; ConfigError: see period.period; TransientError: there is no ledger or no store yet;
        HadirError: a file cannot be read.
        """
        if question.place not in self.ground.shown:
            raise NotShown(question.place)
        asked = period(self._office, question.first, question.last)
        until = max(asked.start, min(asked.end, window_of(now)))
        try:
            return Measured(
                period=asked,
                until=until,
                places=self._places(question.place, asked, until, now),
                atoms=tuple(self._atoms(question.place, asked, now)),
            )
        except apsw.Error as error:
            raise HadirError(f"the archive cannot be read: {error}") from error

    def answer(self, question: Question, measured: Measured) -> Report:
        """Quick."""
        owned = self.ground.owned(question.place)
        found = [atom for atom in measured.atoms if question.units is None or atom.bounds.unit in question.units]
        return Report(
            question=question,
            period=measured.period,
            until=measured.until,
            places=measured.places,
            people=people_use(found, owned, measured.places.whole.coverage),
            owned=owned,
        )

    def _places(self, place: str, asked: Period, until: int, now: int) -> PlaceUse:
        if self._points is None or not self._points.is_file():
            raise TransientError("the archive has no embedded store with points: reports are made of it")
        desks = self.ground.below(place)
        connection = sqlite.read_only(self._points)
        try:
            series = Series(connection, (desk.place for desk in desks))
            quarters = series.quarters(asked.start, until)
            told = max(until, min(asked.end, now))
            done = quarters[-1].time + QUARTER if quarters else asked.start
            fresh = range(max(done, window_of(now) - FRESH), told, QUARTER)
            found = peaks(
                quarters, series.occupied_before(asked.start), series.changes(asked.start, told), asked, fresh
            )
        finally:
            connection.close()
        return place_use(len(desks), quarters, found, asked, until)

    def _atoms(self, place: str, asked: Period, now: int) -> list[Atom[Claim]]:
        """Of whole weeks and buildings, whatever part of them is asked for: that is what makes the atoms the same."""
        if not self._ledger.is_file():
            raise TransientError("there is no ledger yet")
        calendar = asked.calendar
        closed = calendar.day(now) - 1
        start = calendar.instant(monday_of(asked.first), 0)
        end = calendar.instant(monday_of(asked.last) + WEEK, 0)
        view = View.open(self._ledger)
        try:
            return [
                atom
                for building in self.ground.buildings(place)
                for atom in claim_atoms(claims(view, self.ground.below(building), start, end), asked, closed)
                if atom.inside(place, None, asked.first, asked.last)
            ]
        finally:
            view.close()

"""Reservations that stand: what became of them, and that the archive is read once and then only on."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.ledger_view import View
from gateway.web.reading import Reading
from gateway.web.records.ahead import KEPT_S, Ahead
from gateway.web.records.reservations import ABOUT, Reservation, folded, of_place
from rules.api import SECOND
from tests.web.records.ledgers import ANI, BUDI, DAY, DESK, HOUR, OTHER, VISIT, Book

NINE = DAY + 9 * HOUR
NOON = DAY + 12 * HOUR
MINUTE = 60 * SECOND


def reserved(book: Book, ref: str, at: int, start: int, end: int, *, kind: str = "created", place: str = DESK) -> None:
    book.tell(f"desk.reservation.{kind}", at, place=place, booking_ref=ref, due=start, until=end, cause="user")


def came(book: Book, at: int, ref: str = "", *, place: str = DESK, person: str = "") -> None:
    more = {"booking_ref": ref} if ref else {}
    if person:
        more["assurance"] = "claimed"
    book.tell("desk.checkin.started", at, place=place, person=person, checkin_id=VISIT, method="badge", **more)


def left(book: Book, at: int, ref: str = "", *, place: str = DESK) -> None:
    more = {"booking_ref": ref} if ref else {}
    how = {"reason": "user", "ended_by": "act", "last_evidence": at, "dwell_s": 0.0, "start": at}
    book.tell("desk.checkin.ended", at, place=place, checkin_id=VISIT, method="badge", **how, **more)


class Counted(View):
    """Says how many rows were read."""

    rows = 0

    def query(self, **asked: object) -> list[object]:  # type: ignore[override]
        found = super().query(**asked)  # type: ignore[arg-type]
        Counted.rows += len(found)
        return found  # type: ignore[return-value]


class CountedReading(Reading):
    """Reads by it."""

    def _asked(self, question):  # type: ignore[no-untyped-def]
        return super()._asked(lambda view: question(Counted(view._connection)))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NINE, 10**12)


async def standing(book: Book, clock: ManualClock) -> list[tuple[str, str]]:
    found = await Ahead(Reading(book.office), clock).reservations()
    return [(each.ref, each.state) for each in found]


async def test_what_is_taken_keeps_its_desk_until_its_end_or_until_its_person_leaves(
    book: Book, clock: ManualClock
) -> None:
    ahead = Ahead(Reading(book.office), clock)

    async def at_three() -> list[str]:
        clock.advance(KEPT_S + 1)
        assert await standing(book, clock) == [(each.ref, each.state) for each in await ahead.reservations()]
        return sorted(await ahead.reserved(DAY + 15 * HOUR))

    reserved(book, "b-1", DAY, NINE, DAY + 17 * HOUR)
    assert await at_three() == [DESK]
    came(book, NINE, "b-1")
    assert await at_three() == [DESK]
    reserved(book, "b-1", NINE + MINUTE, NINE, DAY + 16 * HOUR, kind="changed")
    assert await at_three() == [DESK]
    left(book, NINE + HOUR, "b-1")
    assert await at_three() == []
    reserved(book, "b-2", NINE + HOUR, NOON, DAY + 17 * HOUR)
    assert await at_three() == [DESK]
    reserved(book, "b-2", NINE + HOUR + 1, NOON, DAY + 17 * HOUR, kind="cancelled")
    assert await at_three() == []


async def test_an_end_says_nothing_of_what_was_made_anew_meanwhile(book: Book, clock: ManualClock) -> None:
    tomorrow = NINE + 24 * HOUR
    reserved(book, "b-1", DAY, NINE, NOON)
    came(book, NINE, "b-1")
    reserved(book, "b-1", NINE + MINUTE, NINE, NOON, kind="cancelled")
    reserved(book, "b-1", NINE + MINUTE, tomorrow, tomorrow + HOUR)
    left(book, NINE + HOUR, "b-1")
    assert await standing(book, clock) == [("b-1", "reserved")]
    assert [each.start for each in of_place(book.rows, DESK, NINE + 2 * HOUR)] == [tomorrow]


async def test_a_tap_that_was_heard_late_has_used_what_was_booked_after_it(book: Book, clock: ManualClock) -> None:
    reserved(book, "b-1", NINE, NINE - HOUR, NOON)
    book.tell(
        "desk.checkin.started", NINE - 10 * MINUTE, recorded=NINE + MINUTE, checkin_id=VISIT, method="badge",
        booking_ref="b-1", late=True,
    )  # fmt: skip
    assert await standing(book, clock) == [("b-1", "taken")]


async def test_it_is_read_on_and_comes_to_the_same_as_all_at_once(book: Book, clock: ManualClock) -> None:
    dice = random.Random(7)
    read_on = Ahead(Reading(book.office), clock)
    for n in range(120):
        now = NINE + n * 5 * MINUTE
        clock.advance(5 * 60)
        ref, place = f"b-{dice.randrange(6)}", dice.choice((DESK, OTHER))
        match dice.randrange(5):
            case 0:
                came(book, now, ref, place=place)
            case 1:
                left(book, now, ref, place=place)
            case 2:
                reserved(book, ref, now, now, now + HOUR, kind="cancelled", place=place)
            case _:  # what is over is never changed: it is made anew
                start = now + dice.randrange(-1, 4) * HOUR
                stands = any(each.ref == ref for each in of_place(book.rows, place, now))
                kind = "changed" if stands else "created"
                reserved(book, ref, now, start, start + dice.randrange(1, 9) * HOUR, kind=kind, place=place)
        if dice.random() < 0.5:
            whole = folded(book.rows.query(types=ABOUT, limit=1000)).values()
            wanted = {each.key: each for each in whole if each.stands(clock.office())}
            found: list[Reservation] = await read_on.reservations()
            assert {each.key: each for each in found} == wanted


async def test_check_ins_are_read_once_and_only_where_a_reservation_stands(book: Book, clock: ManualClock) -> None:
    for n in range(30):
        came(book, DAY + n * MINUTE)
        left(book, DAY + n * MINUTE + 1)
    reserved(book, "b-1", DAY, NINE, NOON)
    came(book, NINE, "b-1", person=ANI)
    came(book, NINE, "b-1")
    Counted.rows = 0
    ahead = Ahead(CountedReading(book.office), clock)
    assert [each.state for each in await ahead.reservations()] == ["taken"]
    assert Counted.rows == 1, "the reservation: what fulfils it is asked for by its place"
    for n in range(3):
        clock.advance(KEPT_S + 1)
        came(book, NINE + n, place=OTHER, person=BUDI)
        came(book, NINE + n, place=OTHER)
        await ahead.reservations()
    assert Counted.rows == 1 + 3


async def test_what_is_over_is_forgotten(book: Book, clock: ManualClock) -> None:
    ahead = Ahead(Reading(book.office), clock)
    for n in range(20):
        reserved(book, f"b-{n}", DAY, NINE - HOUR, NINE + HOUR)
    assert len(await ahead.reservations()) == 20
    clock.advance(2 * 3600)
    reserved(book, "b-20", NINE + 2 * HOUR, NOON, NOON + HOUR)
    left(book, NINE + 2 * HOUR, "b-1")
    assert [each.ref for each in await ahead.reservations()] == ["b-20"]
    clock.advance(2 * 86_400)
    came(book, NINE + 50 * HOUR)
    reserved(book, "b-21", NINE + 50 * HOUR, NINE + 51 * HOUR, NINE + 52 * HOUR)
    assert len(await ahead.reservations()) == 1
    assert len(ahead._rows) == 1


async def test_another_ledger_in_its_place_is_read_anew(tmp_path: Path, clock: ManualClock) -> None:
    first = Book(tmp_path)
    for n in range(3):
        reserved(first, f"b-{n}", DAY, NINE, NOON)
    ahead = Ahead(Reading(first.office), clock)
    assert len(await ahead.reservations()) == 3
    first.close()
    for end in ("", "-wal", "-shm"):
        (tmp_path / f"ledger.sqlite{end}").unlink(missing_ok=True)
    second = Book(tmp_path)
    reserved(second, "c-1", DAY, NINE, NOON)
    clock.advance(KEPT_S + 1)
    assert [each.ref for each in await ahead.reservations()] == ["c-1"]
    second.close()

"""Nothing about fewer than five people comes out, whatever is asked, added, subtracted or solved."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.web.reports.suppress import FEWEST, GUEST, HOME, Atom, Cell, atoms, concurrent

ZONES = ("s/a/1/x", "s/a/1/y", "s/a/2/x")
UNITS, DAYS = ("u", "v"), (4, 5, 11)  # two days of one week, from Monday the 4th, and one of the next
PLACES = ("s", "s/a", "s/a/1", "s/a/2", *ZONES)
PERIODS = tuple((first, last) for first in range(4, 18) for last in range(first, 18) if first in (4, 5, 11))


class Item(NamedTuple):
    person: int
    cell: Cell


def cell(zone: str, host: str, unit: str, day: int) -> Cell:
    return Cell(zone, host, unit, HOME if host == unit else GUEST, day)


@st.composite
def days_of_people(draw: st.DrawFn) -> list[Item]:
    """People of one unit each, in any zones at any of the days."""
    found = []
    number = 0
    for zone, host, unit, day in product(ZONES, UNITS[:1], UNITS, DAYS):
        for _ in range(draw(st.integers(0, 7))):
            number += 1
            found.append(Item(number, cell(zone, host, unit, day)))
    return found


def people(items: object) -> int:
    return len({item.person for item in items})  # type: ignore[attr-defined]


def cut(items: list[Item], closed: int = 99) -> list[Atom[Item]]:
    return atoms([(item.cell, item) for item in items], people, closed)


def answers(found: list[Atom[Item]]) -> list[list[Item]]:
    """The items behind every answer there is: all places, units and periods."""
    asked = product(PLACES, (None, frozenset({"u"}), frozenset({"v"})), PERIODS)
    return [
        [item for atom in found if atom.inside(place, units, *period) for item in atom.items]
        for place, units, period in asked
    ]


def reduced(rows: list[list[int]]) -> list[list[Fraction]]:
    """Reduced row echelon form: what can be said with certainty by adding and subtracting."""
    matrix = [[Fraction(value) for value in row] for row in rows]
    done: list[list[Fraction]] = []
    for column in range(len(matrix[0]) if matrix else 0):
        pivot = next((row for row in matrix if row[column]), None)
        if pivot is None:
            continue
        matrix.remove(pivot)
        pivot = [value / pivot[column] for value in pivot]
        for rest in (matrix, done):
            for at, row in enumerate(rest):
                if row[column]:
                    rest[at] = [a - row[column] * b for a, b in zip(row, pivot, strict=True)]
        done.append(pivot)
    return done


def solvable(rows: list[list[Fraction]], wanted: list[int]) -> bool:
    """Whether sums and differences of `rows`, which are reduced, give `wanted`."""
    left = [Fraction(value) for value in wanted]
    for row in rows:
        pivot = next(at for at, value in enumerate(row) if value)
        left = [a - left[pivot] * b for a, b in zip(left, row, strict=True)]
    return not any(left)


@settings(max_examples=20)
@given(days_of_people())
def test_no_small_group_can_be_solved_from_all_answers_there_are(items: list[Item]) -> None:
    cells = sorted({item.cell for item in items})
    size = {cell: sum(item.cell == cell for item in items) for cell in cells}
    rows = {tuple(int(cell in {item.cell for item in answer}) for cell in cells) for answer in answers(cut(items))}
    known = reduced([list(row) for row in sorted(rows) if any(row)])
    for row in known:
        assert sum(size[cells[at]] for at, value in enumerate(row) if value) >= FEWEST
    small = [{cell} for cell in cells]  # each cell, and all that a question of its own could be about
    for place, unit, (first, last) in product(PLACES, (None, *UNITS), PERIODS):
        inside = {
            cell
            for cell in cells
            if (f"{cell.zone}/".startswith(f"{place}/") and unit in (None, cell.unit) and first <= cell.day <= last)
        }
        small.append(inside)
    for group in small:
        if 0 < sum(size[cell] for cell in group) < FEWEST:
            assert not solvable(known, [int(cell in group) for cell in cells])


def test_the_solver_of_these_tests_finds_what_plain_hiding_gives_away() -> None:
    """A total and all its cells but one: the one is solved."""
    known = reduced([[1, 1, 1], [1, 0, 0], [0, 1, 0]])
    assert solvable(known, [0, 0, 1])
    assert not solvable(reduced([[1, 1, 1], [1, 0, 0]]), [0, 0, 1])


@settings(max_examples=50)
@given(days_of_people(), st.data())
def test_any_two_answers_differ_by_nobody_or_by_five(items: list[Item], data: st.DataObject) -> None:
    found = answers(cut(items))
    one, other = (set(found[data.draw(st.integers(0, len(found) - 1))]) for _ in range(2))
    assert people(one - other) not in range(1, FEWEST)
    assert people(one & other) not in range(1, FEWEST)


@settings(max_examples=50)
@given(days_of_people(), st.integers(3, 18))
def test_what_is_told_later_adds_nobody_or_five(items: list[Item], closed: int) -> None:
    """Looking every day does not tell who came."""
    earlier, later = cut(items, closed), cut(items, closed + 1)
    before = {item for atom in earlier for item in atom.items}
    after = {item for atom in later for item in atom.items}
    assert before <= after
    assert people(after - before) not in range(1, FEWEST)
    assert {frozenset(atom.items) for atom in earlier} <= {frozenset(atom.items) for atom in later}


@settings(max_examples=50)
@given(days_of_people())
def test_each_item_is_in_one_atom_at_most_and_order_does_not_matter(items: list[Item]) -> None:
    found = cut(items)
    told = [item for atom in found for item in atom.items]
    assert len(told) == len(set(told))
    assert all(people(atom.items) >= FEWEST for atom in found)
    again = cut(items[::-1])
    assert {(a.bounds, frozenset(a.items)) for a in found} == {(a.bounds, frozenset(a.items)) for a in again}


def test_small_groups_are_put_together_over_the_week_before_the_floor() -> None:
    few = [Item(at, cell("s/a/1/x", "u", "u", day)) for at, day in enumerate((4, 4, 5, 5, 6))]
    (atom,) = cut(few)
    assert atom.bounds == ("s/a/1/x", "u", "u", HOME, 4, 10)
    assert not atom.inside("s/a/1/x", None, 4, 9)
    assert atom.inside("s/a/1/x", frozenset({"u"}), 4, 10)
    assert not atom.inside("s/a/1/x", frozenset({"v"}), 4, 10)
    assert not atom.inside("s/a/1", None, 5, 20)
    assert atom.inside("s/a/1", None, 4, 20)
    assert not atom.inside("s/a/10", None, 4, 20)


def test_units_that_had_to_be_put_together_are_nobodys() -> None:
    few = [Item(at, cell("s/a/1/x", "u", "u" if at < 3 else "v", 4)) for at in range(6)]
    (atom,) = cut(few)
    assert atom.bounds == ("s/a/1", None, None, None, 4, 10)
    assert not atom.inside("s/a/1", frozenset({"u"}), 4, 10)
    assert atom.inside("s/a/1", None, 4, 10)


def test_guests_of_several_units_are_put_together_before_they_are_counted_with_those_at_home() -> None:
    some = [Item(at, cell("s/a/1/x", "u", ("u", "v", "w")[at % 3], 4)) for at in range(9)]
    guests, home = cut(some + [Item(10 + at, cell("s/a/1/y", "u", "u", 4)) for at in range(2)])[::-1]
    assert (guests.bounds.unit, guests.bounds.relation, people(guests.items)) == (None, GUEST, 6)
    assert (home.bounds.unit, home.bounds.relation, people(home.items)) == ("u", HOME, 5)


def test_what_is_still_too_small_is_told_nowhere() -> None:
    assert cut([Item(at, cell(ZONES[at % 3], "u", UNITS[at % 2], 4)) for at in range(4)]) == []


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=12))
def test_the_most_at_one_instant(spans: list[tuple[int, int]]) -> None:
    taken = [(begin, begin + length) for begin, length in spans]
    assert concurrent(taken) == max(
        (sum(begin <= at < max(end, begin + 1) for begin, end in taken) for at in range(45)), default=0
    )

"""Learns how many people a room's sensors mean, where somebody is there.

Sensors of a kind are taken together (the mean, and of sound and motion the strongest as well): two people at other
desks than those of the days of learning are two people still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rules.room_model import MOST_PEOPLE, Counted
from rules.room_model_features import FAMILY, FOR_COUNT
from rules.room_model_linear import Moments, Row, discriminants
from rules.room_model_table import Column, Label, Table, quantile

RIDGE, FLOOR = 0.3, 0.003
LEAST = 20
"""Labels of a number of people, at least."""
SPAN = (0.02, 0.98)
"""Quantiles of a feature between which it is a share."""
STRONGEST = frozenset({"sound", "motion"})

Spans = Mapping[tuple[str, str], tuple[tuple[str, float, float], ...]]


def counted(table: Table, labels: Sequence[Label]) -> tuple[Counted | None, Spans]:
    """The count and the spans of its sensors' features; None where the labels do not count."""
    numbers = [label.people if label.occupied and label.people else 0 for label in labels]
    people = sorted(number for number in set(numbers) - {0} if numbers.count(number) >= LEAST and number <= MOST_PEOPLE)
    found, groups = _grouped(table)
    if not people:
        return None, {}
    if len(people) == 1 or not groups:
        return Counted((max(people, key=numbers.count),), (), ((),), (0.0,)), {}
    rows = {number: [row for row, one in enumerate(numbers) if one == number] for number in people}
    inputs = [(kind, name, how) for kind, name in groups for how in _hows(kind, len(groups[kind, name]))]
    shares = [_shares(groups[kind, name], how) for kind, name, how in inputs]
    classes = [Moments([[column[row] for row in rows[number]] for column in shares]) for number in people]
    weights, biases = discriminants(classes, RIDGE, FLOOR)
    spans: dict[tuple[str, str], tuple[tuple[str, float, float], ...]] = {}
    for column, low, high in found:
        key = (column.dev, column.kind)
        spans[key] = (*spans.get(key, ()), (column.name, low, high))
    return Counted(tuple(people), tuple(inputs), tuple(map(tuple, weights)), tuple(biases)), spans


Spanned = tuple[Column, float, float]


def _grouped(table: Table) -> tuple[list[Spanned], dict[tuple[str, str], list[Spanned]]]:
    """The columns that the count uses, with their spans: in order, and by kind and feature."""
    found: list[Spanned] = []
    groups: dict[tuple[str, str], list[Spanned]] = {}
    for column in table.columns:
        if column.name not in FOR_COUNT.get(FAMILY[column.kind], ()):
            continue
        known = sorted(value for value in column.values if value is not None)
        if not known:
            continue
        low, high = quantile(known, SPAN[0]), quantile(known, SPAN[1])
        if high - low > 1e-9:
            found.append((column, low, high))
            groups.setdefault((column.kind, column.name), []).append(found[-1])
    return found, groups


def _hows(kind: str, sensors: int) -> tuple[str, ...]:
    return ("mean", "max") if kind in STRONGEST and sensors > 1 else ("mean",)


def _shares(group: Sequence[Spanned], how: str) -> Row:
    """One input at every label; 0 where no sensor had spoken (as fusion.inputs)."""
    made = []
    for row in range(len(group[0][0].values)):
        found = [
            min(1.0, max(0.0, (value - low) / (high - low)))
            for column, low, high in group
            if (value := column.values[row]) is not None
        ]
        made.append((max(found) if how == "max" else sum(found) / len(found)) if found else 0.0)
    return made


__all__ = ["counted"]

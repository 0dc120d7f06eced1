"""Linear discriminants in plain Python: which weighted sum of columns tells classes apart.

Fisher's discriminant with a shrunk covariance has one number to choose and a solution in closed form, so it cannot fail
to converge, and a few days of one room do not bend it far. (Logistic regression on the same features was tried: no
better on unseen days, and it needed another penalty for each room.)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from operator import mul

Row = list[float]


def solve(matrix: Sequence[Sequence[float]], rights: Sequence[Sequence[float]]) -> list[Row]:
    """Solutions x of `matrix x = right`, for a symmetric positive definite matrix (Cholesky)."""
    size = len(matrix)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(map(mul, lower[i][:j], lower[j][:j]))
            lower[i][j] = sqrt(max(rest, 1e-12)) if i == j else rest / lower[j][j]
    columns = list(zip(*lower, strict=True))
    found = []
    for right in rights:
        x = list(right)
        for i in range(size):
            x[i] = (x[i] - sum(map(mul, lower[i][:i], x[:i]))) / lower[i][i]
        for i in reversed(range(size)):
            x[i] = (x[i] - sum(map(mul, columns[i][i + 1 :], x[i + 1 :]))) / lower[i][i]
        found.append(x)
    return found


class Moments:
    """Sums over some rows: enough for means and scatter, and they add up over blocks of rows."""

    def __init__(self, columns: Sequence[Sequence[float]]) -> None:
        self.rows = len(columns[0]) if columns else 0
        self.sums = [sum(column) for column in columns]
        self.products = [
            [sum(map(mul, column, other)) for other in columns[: place + 1]] for place, column in enumerate(columns)
        ]

    def __add__(self, other: Moments) -> Moments:
        both = Moments(())
        both.rows = self.rows + other.rows
        both.sums = [a + b for a, b in zip(self.sums, other.sums, strict=True)]
        both.products = [
            [a + b for a, b in zip(mine, theirs, strict=True)]
            for mine, theirs in zip(self.products, other.products, strict=True)
        ]
        return both

    def mean(self) -> Row:
        """Of each column."""
        return [total / self.rows for total in self.sums]


def shrunk(classes: Sequence[Moments], ridge: float, floor: float) -> tuple[list[Row], list[Row]]:
    """(means of the classes, covariance within them); to its diagonal `ridge` of it and `floor` are added."""
    size = len(classes[0].sums)
    means = [one.mean() for one in classes]
    total = sum(one.rows for one in classes)
    within = [
        [
            sum(one.products[i][j] - one.rows * mean[i] * mean[j] for one, mean in zip(classes, means, strict=True))
            / total
            for j in range(i + 1)
        ]
        for i in range(size)
    ]
    full = [[within[max(i, j)][min(i, j)] for j in range(size)] for i in range(size)]
    for i in range(size):
        full[i][i] = max(full[i][i], 0.0) * (1 + ridge) + floor
    return means, full


def discriminants(classes: Sequence[Moments], ridge: float, floor: float) -> tuple[list[Row], Row]:
    """(weights, biases) of each class: its score, up to what all have in common, is its log-likelihood."""
    means, full = shrunk(classes, ridge, floor)
    weights = solve(full, means)
    return weights, [-sum(map(mul, mean, row)) / 2 for mean, row in zip(means, weights, strict=True)]


__all__ = ["Moments", "discriminants", "shrunk", "solve"]

"""What a room's sensors mean there, as it was learned: a value that is made once, kept as JSON, and only read here.

The model gives log-odds (natural logarithm; above 0: somebody is there). Of every sensor it knows a few features
(room_model_features.py), each clipped to the range in which it was learned, so that a hot day or a new lamp cannot say
more than the days of learning did. Movement is a rate: how often somebody who is there moves, by the time since they
last moved. In between, people come and go at the room's rates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from rules.room_model_features import FAMILY, NAMES

VERSION = 1
MOST_SENSORS = 256
MOST_PEOPLE = 64


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of a sensor, made comparable: `(clip(x, low, high) - mean) / scale`."""

    name: str
    low: float
    high: float
    mean: float
    scale: float


@dataclass(frozen=True, slots=True)
class Sensor:
    """What one kind of reading of one device says."""

    dev: str
    kind: str
    logarithm: bool
    """Its value is taken as a logarithm: what it measures spans decades."""
    stale_s: float
    """After so long without a word it says nothing."""
    features: tuple[Feature, ...] = ()
    spans: tuple[tuple[str, float, float], ...] = ()
    """Feature, low, high: what the count makes a share (0..1) of."""


@dataclass(frozen=True, slots=True)
class Movement:
    """How often the room's motion sensors, together, see somebody move; per second."""

    rates: tuple[float, ...]
    """While somebody is there, by the time since the last movement (room_model_features.AGES)."""
    idle: float
    """While nobody is."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many are there, where somebody is: a linear score for each number, from shares of all sensors of a kind."""

    people: tuple[int, ...]
    inputs: tuple[tuple[str, str, str], ...]
    """Kind, feature, and `mean` or `max` over the room's sensors."""
    weights: tuple[tuple[float, ...], ...]
    """By number of people, by input."""
    biases: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RoomModel:
    """Of one room."""

    sensors: tuple[Sensor, ...]
    apart: tuple[float, ...]
    """Of each feature, in the order of the sensors: its mean with somebody there, less that with nobody ..."""
    middle: tuple[float, ...]
    """... half-way between the two ..."""
    scatter: tuple[tuple[float, ...], ...]
    """... and its covariance within each, up to the diagonal: whichever sensors speak, their weights follow from it."""
    movement: Movement | None
    arrive: float
    """Rate at which an empty room becomes occupied, 1/s."""
    leave: float
    sharpness: float
    """Confidence is the logistic of `sharpness * log-odds`: chosen so that it was right as often as it said."""
    counted: Counted | None = None
    samples: int = 0
    """Labels that it was learned from ..."""
    accuracy: float = 0.0
    """... and the share that it got right of those that it had not seen (blocked cross-validation)."""


def to_json(model: RoomModel) -> dict[str, Any]:
    """JSON values only."""
    return {"version": VERSION, **asdict(model)}


def from_json(body: Any) -> RoomModel:
    """Raises ValueError, in words, for what is not a model of this version."""
    try:
        if body["version"] != VERSION:
            raise ValueError(f"is of version {body['version']}, not {VERSION}: learn it again")
        sensors = tuple(_sensor(one) for one in body["sensors"])
        if len(sensors) > MOST_SENSORS or len({(one.dev, one.kind) for one in sensors}) < len(sensors):
            raise ValueError(f"has one sensor twice, or more than {MOST_SENSORS}")
        size = sum(len(one.features) for one in sensors)
        movement, counted = body["movement"], body["counted"]
        model = RoomModel(
            sensors=sensors,
            apart=_numbers(body["apart"], size),
            middle=_numbers(body["middle"], size),
            scatter=tuple(_numbers(row, n + 1) for n, row in enumerate(_rows(body["scatter"], size))),
            movement=None if movement is None else _movement(movement),
            arrive=_positive(body["arrive"]),
            leave=_positive(body["leave"]),
            sharpness=_positive(body["sharpness"]),
            counted=None if counted is None else _counted(counted),
            samples=int(body["samples"]),
            accuracy=_number(body["accuracy"]),
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"is not a room model ({type(error).__name__} {error})") from error
    return model


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _positive(value: Any) -> float:
    number = _number(value)
    if number <= 0:
        raise ValueError(f"{number} is not above 0")
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")  # noqa: TRY004 one error for what a file holds
    return value


def _sensor(one: Mapping[str, Any]) -> Sensor:
    kind = _text(one["kind"])
    if kind not in FAMILY:
        raise ValueError(f"knows nothing of the kind {kind!r}")
    names = NAMES[FAMILY[kind]]
    features = tuple(_feature(each, names) for each in one["features"])
    spans = tuple((_named(name, names), *_ordered(low, high)) for name, low, high in one["spans"])
    return Sensor(_text(one["dev"]), kind, bool(one["logarithm"]), _positive(one["stale_s"]), features, spans)


def _feature(one: Mapping[str, Any], names: Sequence[str]) -> Feature:
    low, high = _ordered(one["low"], one["high"])
    return Feature(_named(one["name"], names), low, high, _number(one["mean"]), _positive(one["scale"]))


def _named(name: Any, names: Sequence[str]) -> str:
    if name not in names:
        raise ValueError(f"knows no feature {name!r} of that kind")
    return str(name)


def _ordered(low: Any, high: Any) -> tuple[float, float]:
    if _number(low) >= _number(high):
        raise ValueError(f"{low} to {high} is no range")
    return float(low), float(high)


def _movement(one: Mapping[str, Any]) -> Movement:
    rates = tuple(_positive(rate) for rate in one["rates"])
    if len(rates) != MOVES:
        raise ValueError(f"has {len(rates)} rates of movement, not {MOVES}")
    return Movement(rates, _positive(one["idle"]))


def _counted(one: Mapping[str, Any]) -> Counted:
    people = tuple(int(number) for number in one["people"])
    inputs = tuple((_text(kind), _text(name), _text(how)) for kind, name, how in one["inputs"])
    weights = tuple(_numbers(row, len(inputs)) for row in one["weights"])
    if not people or len(weights) != len(people) or not all(0 < number <= MOST_PEOPLE for number in people):
        raise ValueError("counts no people, or too many")
    return Counted(people, inputs, weights, _numbers(one["biases"], len(people)))


def _rows(values: Sequence[Any], size: int) -> Sequence[Any]:
    if len(values) != size:
        raise ValueError(f"has {len(values)} rows where {size} belong")
    return values


def _numbers(values: Sequence[Any], size: int) -> tuple[float, ...]:
    if len(values) != size:
        raise ValueError(f"has {len(values)} numbers where {size} belong")
    return tuple(_number(value) for value in values)


AGES = (60.0, 120.0, 240.0, 480.0, 960.0)
"""Bounds, s, of the ages of a movement that have a rate each."""
MOVES = len(AGES) + 1


__all__ = ["AGES", "MOVES", "Counted", "Feature", "Movement", "RoomModel", "Sensor", "from_json", "to_json"]

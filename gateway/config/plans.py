"""Floor plans: reads a floor's GeoJSON and says everything that is wrong with it, by file, line and feature.

A plan is a FeatureCollection. Coordinates are metres in the floor's coordinates, those of `area`, `at` and surveys:
x runs east, y runs north (up), the origin is the site's choice. They are never degrees. Properties of a feature:

kind      wall | zone | desk | room | booth | other | label
id        of the zone or space, as office.yaml has it
rotation  of a space that is a Point: degrees counter-clockwise; 0: its long side runs east
size      of a space that is a Point: [along, deep], metres
text      of a label

A wall is a LineString, MultiLineString or Polygon; a zone a Polygon; a space a Polygon or a Point (its middle); a label
a Point. Other properties are left alone, unless they look like a slip of the pen.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gateway.config.document import bytes_of, did_you_mean, nearest, short
from gateway.config.json_marks import Span, line, spans
from gateway.errors import ConfigError, Problem

MAX_BYTES = 1 << 20
MAX_FEATURES = 5_000
MAX_POINTS = 50_000
MAX_METRES = 10_000.0
SMALLEST_M = 1.0
"""A floor is wider or deeper; what is not was drawn in degrees."""
MAX_TEXT = 80

Kind = Literal["wall", "zone", "desk", "room", "booth", "other", "label"]
KINDS: tuple[Kind, ...] = ("wall", "zone", "desk", "room", "booth", "other", "label")
SPACES = frozenset({"desk", "room", "booth", "other"})
SHAPES: dict[str, tuple[str, ...]] = {
    "wall": ("LineString", "MultiLineString", "Polygon"),
    "zone": ("Polygon",),
    "label": ("Point",),
    **dict.fromkeys(SPACES, ("Point", "Polygon")),
}
PROPERTIES = ("kind", "id", "rotation", "size", "text")
DEEP = 5
"""Steps from the root to what messages and edits point at: features, 3, geometry, coordinates, 0."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One thing on a plan."""

    number: int
    """Its index in the file's `features`."""
    kind: Kind
    id: str = ""
    """Of a zone or space."""
    text: str = ""
    """Of a label."""
    rotation: float = 0.0
    """Degrees counter-clockwise."""
    size: Point | None = None
    """Metres along and deep, of a space that is a point and says so."""
    closed: bool = False
    """The lines are outlines."""
    lines: tuple[tuple[Point, ...], ...]
    """Metres, y up. A point is one line of one point; an outline does not repeat its first point."""

    @property
    def middle(self) -> Point:
        """Of its bounding box."""
        xs = [x for points in self.lines for x, _ in points]
        ys = [y for points in self.lines for _, y in points]
        return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a file shows."""

    file: str
    features: tuple[Feature, ...]
    lines: tuple[int, ...]
    """Line of the file on which the feature of each number begins."""

    def of(self, *kinds: str) -> tuple[Feature, ...]:
        """Features of these kinds, in the file's order."""
        return tuple(feature for feature in self.features if feature.kind in kinds)

    @property
    def spaces(self) -> dict[str, Feature]:
        """By id."""
        return {feature.id: feature for feature in self.of(*SPACES)}

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of all that it shows."""
        points = [point for feature in self.features for line_ in feature.lines for point in line_]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def zones(self) -> dict[str, Feature]:
        """By id."""
        return {feature.id: feature for feature in self.of("zone")}


def read(path: Path) -> Plan:
    """The plan of a file. Raises ConfigError with every mistake."""
    return parse(bytes_of(path, MAX_BYTES), str(path))


def parse(raw: bytes, name: str) -> Plan:
    """The plan that `raw` is; `name` is the file's, for messages. Raises ConfigError with every mistake."""
    if len(raw) > MAX_BYTES:
        raise ConfigError(Problem(file=name, line=None, text=f"is larger than {MAX_BYTES >> 20} MB"))
    try:
        text = raw.decode("utf-8-sig")
        data = json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ConfigError(Problem(file=name, line=error.lineno, text=f"JSON: {_lower(error.msg)}")) from error
    except UnicodeDecodeError as error:
        raise ConfigError(Problem(file=name, line=None, text="is not UTF-8 text")) from error
    except (ValueError, RecursionError) as error:
        what = "nested too deep" if isinstance(error, RecursionError) else _lower(str(error))
        raise ConfigError(Problem(file=name, line=None, text=f"JSON: {what}")) from error
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(data, dict) or data.get("type") != "FeatureCollection" or not isinstance(features, list):
        text = 'is not GeoJSON of the type "FeatureCollection" with a list of "features"'
        raise ConfigError(Problem(file=name, line=1, text=text))
    if len(features) > MAX_FEATURES:
        raise ConfigError(Problem(file=name, line=1, text=f"has more than {MAX_FEATURES} features"))
    reading = _Reading(name, text, spans(text, DEEP))
    made = [reading.feature(number, raw_feature) for number, raw_feature in enumerate(features)]
    plan = Plan(file=name, features=tuple(feature for feature in made if feature), lines=reading.lines(len(features)))
    reading.whole(plan)
    if reading.problems:
        raise ConfigError(*reading.problems)
    return plan


@dataclass(slots=True)
class _Reading:
    """Turns raw features into ours, and collects what is wrong."""

    name: str
    text: str
    marks: dict[tuple[str | int, ...], Span]
    problems: list[Problem] = field(default_factory=list)
    points: int = 0
    _here: str = ""
    _line: int | None = None

    def lines(self, count: int) -> tuple[int, ...]:
        """Line of each feature."""
        return tuple(line(self.text, self.marks[("features", n)].start) for n in range(count))

    def say(self, text: str) -> None:
        self.problems.append(Problem(file=self.name, line=self._line, text=f"{self._here} {text}"))

    def feature(self, number: int, raw: Any) -> Feature | None:
        self._here = f"feature {number + 1}"
        self._line = line(self.text, self.marks[("features", number)].start)
        properties = raw.get("properties") if isinstance(raw, dict) else None
        if not isinstance(raw, dict) or raw.get("type") != "Feature" or not isinstance(properties, dict):
            self.say('is not of the type "Feature" with "properties"')
            return None
        kind, id_ = properties.get("kind"), properties.get("id", "")
        if isinstance(id_, str) and id_:
            self._here += f' ("{short(id_)}")'
        if kind not in KINDS:
            listed = ", ".join(KINDS)
            self.say(f'has the kind "{short(kind)}", which is none of {listed}' + did_you_mean(str(kind), KINDS))
            return None
        self._slips(properties)
        wants_id = kind == "zone" or kind in SPACES
        if wants_id and not (isinstance(id_, str) and id_):
            self.say(f'is a {kind} without an "id"')
            return None
        words = properties.get("text", "")
        if kind == "label" and not (isinstance(words, str) and words.strip() and len(words) <= MAX_TEXT):
            self.say(f'is a label whose "text" is no text of 1 to {MAX_TEXT} characters')
            return None
        lines, closed = self._geometry(kind, raw.get("geometry"))
        if not lines:
            return None
        return Feature(
            number=number,
            kind=kind,
            id=id_ if wants_id else "",
            text=" ".join(words.split()) if kind == "label" else "",
            rotation=self._rotation(properties.get("rotation", 0)),
            size=self._size(properties.get("size")),
            closed=closed,
            lines=lines,
        )

    def whole(self, plan: Plan) -> None:
        """What only all features together show."""
        seen: dict[tuple[bool, str], int] = {}
        for feature in plan.features:
            key = (feature.kind == "zone", feature.id)
            self._line = plan.lines[feature.number]
            self._here = f'feature {feature.number + 1} ("{short(feature.id)}")'
            if feature.id and key in seen:
                self.say(f"is drawn a second time; feature {seen[key] + 1} is the first")
            seen.setdefault(key, feature.number)
        points = [point for feature in plan.features for points in feature.lines for point in points]
        self._here, self._line = "the plan", 1
        if not points:
            if not self.problems:
                self.say("shows nothing")
            return
        wide = max(x for x, _ in points) - min(x for x, _ in points)
        deep = max(y for _, y in points) - min(y for _, y in points)
        if max(wide, deep) < SMALLEST_M and len(points) > 1:
            self.say(f"is {max(wide, deep):g} m wide: are these degrees? Coordinates are metres")

    def _slips(self, properties: dict[str, Any]) -> None:
        for name in properties:
            meant = nearest(name, PROPERTIES) if name not in PROPERTIES and name != "name" else None
            if meant is not None and meant not in properties:
                self.say(f'has the property "{short(name)}"; did you mean "{meant}"?')

    def _rotation(self, raw: Any) -> float:
        if _number(raw) and abs(raw) <= 360:
            return float(raw)
        self.say("has a rotation that is no number of degrees from -360 to 360")
        return 0.0

    def _size(self, raw: Any) -> Point | None:
        if raw is None:
            return None
        if isinstance(raw, list) and len(raw) == 2 and all(_number(part) and 0.2 <= part <= 100 for part in raw):
            return float(raw[0]), float(raw[1])
        self.say("has a size that is not [along, deep], each 0.2 to 100 metres")
        return None

    def _geometry(self, kind: str, raw: Any) -> tuple[tuple[tuple[Point, ...], ...], bool]:
        """Its lines and whether they are outlines; no lines where it has said what is wrong."""
        shape = raw.get("type") if isinstance(raw, dict) else None
        if not isinstance(raw, dict) or shape not in SHAPES[kind]:
            self.say(f'is a {kind}, whose geometry is {" or ".join(SHAPES[kind])} (it is "{short(shape)}")')
            return (), False
        given = raw.get("coordinates")
        if shape == "Polygon":
            if not isinstance(given, list) or len(given) != 1:
                self.say("is a Polygon that has not exactly one ring; holes are not drawn")
                return (), True
            ring = self._points(given[0])
            ring = ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring
            if ring and (len(ring) < 3 or abs(area(ring)) < 0.01):
                self.say("is a Polygon without an inside: three corners at least, 0.01 m² at least")
                return (), True
            return ((ring,) if ring else ()), True
        if shape == "Point":
            point = self._points([given])
            return ((point,) if point else ()), False
        rows = given if shape == "MultiLineString" else [given]
        lines = [self._points(row) for row in rows] if isinstance(rows, list) and rows else []
        if not lines or any(len(points) < 2 for points in lines):
            self.say(f"is a {shape} with less than two good points")
            return (), False
        return tuple(lines), False

    def _points(self, raw: Any) -> tuple[Point, ...]:
        """Nothing where one of them is wrong, which it has said."""
        made: list[Point] = []
        for number, pair in enumerate(raw if isinstance(raw, list) else [None]):
            good = isinstance(pair, list) and len(pair) in (2, 3) and all(_number(part) for part in pair)
            if not good or max(abs(part) for part in pair) > MAX_METRES:
                self.say(f"has a point {number + 1} that is not [x, y] in metres, up to {MAX_METRES:g}")
                return ()
            made.append((float(pair[0]), float(pair[1])))
        self.points += len(made)
        if self.points > MAX_POINTS:
            raise ConfigError(Problem(file=self.name, line=self._line, text=f"has more than {MAX_POINTS} points"))
        return tuple(made)


def area(ring: tuple[Point, ...]) -> float:
    """Of an outline, m²; positive where it runs counter-clockwise."""
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True)) / 2


def holds(ring: tuple[Point, ...], point: Point) -> bool:
    """Whether `point` is inside an outline."""
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]

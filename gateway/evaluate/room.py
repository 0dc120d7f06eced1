"""A room's pack: its sensors, days to learn from, readings to answer, and the truth where it is known."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from gateway import tables
from gateway.clock import SECOND
from gateway.tables import Mistakes
from rules.api import Reading
from rules.occupancy import Device
from rules.room_model_features import FAMILY
from rules.room_model_table import Label

PLACE = "pack/_/_/_/room"
MODALITIES = {"motion": "pir", "occupied": "radar", "count": "counter", "opening": "contact"}
"""By the kind that a sensor reports; others are of the environment."""
_READING = {"t": tables.when, "sensor": tables.word, "kind": tables.word, "value": tables.number}
_LABEL = {"t": tables.when, "occupied": tables.switch, "count": tables.people}


class Asked(NamedTuple):
    """When to answer."""

    at: int
    text: str
    """As the pack writes it."""


class Room(NamedTuple):
    """One pack."""

    name: str
    training: Sequence[Reading]
    labels: Sequence[Label]
    readings: Sequence[Reading]
    asked: Sequence[Asked]
    truth: Sequence[Label]


def read(folder: Path, place: str = PLACE, *, to_learn: bool = False) -> Room:
    """A pack, in order of time. `to_learn`: readings to answer are not needed. Raises ConfigError, all mistakes."""
    mistakes = Mistakes()
    about = tables.site(folder, mistakes) if (folder / "site.json").exists() or not to_learn else {}
    if "sensors" in about:
        _sensors(folder, about["sensors"], mistakes)
    training = _readings(folder, "train_readings", place, mistakes, needed=to_learn)
    labels = _labels(folder, "train_truth", mistakes)
    readings = _readings(folder, "readings", place, mistakes, needed=not to_learn)
    asked = [] if to_learn else _asked(folder, mistakes)
    truth = [] if to_learn else _labels(folder, "truth", mistakes)
    for problem in mistakes.settle():
        sys.stderr.write(f"{problem}; left out\n")
    return Room(str(about.get("name", folder.name)), training, labels, readings, asked, truth)


def devices(training: Sequence[Reading], readings: Iterable[Reading]) -> Mapping[str, Device]:
    """The room's devices as occupancy.py knows them. How often each reports is known from the days of learning only."""
    times: dict[str, list[int]] = {}
    for one in training:
        at = times.setdefault(one.dev, [])
        if not at or at[-1] != one.at:
            at.append(one.at)
    found: dict[str, str] = {}
    for one in (*training, *readings):
        if found.get(one.dev, "environment") == "environment":
            found[one.dev] = one.modality or MODALITIES.get(one.kind, "environment")
    return {
        dev: Device(modality=modality, expect_s=_interval(times.get(dev, ())))
        for dev, modality in sorted(found.items())
    }


def _interval(at: Sequence[int]) -> float | None:
    gaps = sorted(b - a for a, b in pairwise(at))
    return gaps[len(gaps) // 2] / SECOND if gaps else None


def _sensors(folder: Path, listed: object, mistakes: Mistakes) -> None:
    """site.json's list is for people; what is read of it is that it is one."""
    path = folder / "site.json"
    if not isinstance(listed, list):
        mistakes.add(path, None, "sensors is not a list")
        return
    for place, one in enumerate(listed):
        if not isinstance(one, dict) or not isinstance(one.get("id"), str) or not isinstance(one.get("kind"), str):
            mistakes.add(path, None, f"sensors[{place}] needs an id and a kind")


def _readings(folder: Path, stem: str, place: str, mistakes: Mistakes, *, needed: bool) -> list[Reading]:
    path = tables.find(folder, stem)
    if path is None:
        if needed:
            mistakes.add(folder, None, f"has no {stem}.csv or {stem}.csv.gz")
        return []
    found = [
        Reading(sensor, kind, value if kind in FAMILY and kind != "motion" else bool(value), place, at)
        for at, sensor, kind, value in tables.rows(path, _READING, mistakes, measured=True)
    ]
    return sorted(found, key=lambda one: one.at)


def _labels(folder: Path, stem: str, mistakes: Mistakes) -> list[Label]:
    path = tables.find(folder, stem)
    if path is None:
        return []
    return sorted((Label(*cells) for cells in tables.rows(path, _LABEL, mistakes)), key=lambda label: label.at)


def _asked(folder: Path, mistakes: Mistakes) -> list[Asked]:
    path = tables.find(folder, "at")
    if path is None:
        mistakes.add(folder, None, "has no at.csv: when to answer")
        return []
    return [Asked(tables.when(text), text) for (text,) in tables.rows(path, {"t": _time_text}, mistakes)]


def _time_text(cell: str) -> str:
    tables.when(cell)
    return cell.strip()

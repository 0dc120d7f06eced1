"""The folder of what rooms' sensors mean, as `hadir learn` writes it: one JSON file for each room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError, HadirError, Problem
from rules.room_model import RoomModel, from_json, to_json

NAME = "room_model"
"""Under which a recording keeps them."""
MOST_BYTES = 4_000_000


def load(folder: Path) -> dict[str, RoomModel]:
    """By place, `site/building/floor/zone/space`. Raises ConfigError with every mistake."""
    if not folder.is_dir():
        raise ConfigError(Problem(file=str(folder), line=None, text="rules.room_models: there is no such folder"))
    found: dict[str, RoomModel] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.json")):
        try:
            place, model = _read(path)
        except (OSError, ValueError, RecursionError) as error:
            text = getattr(error, "strerror", None) or str(error)
            problems.append(Problem(file=str(path), line=getattr(error, "lineno", None), text=text))
            continue
        if place in found:
            problems.append(Problem(file=str(path), line=None, text=f"{place} has another model in this folder"))
        found[place] = model
    if problems:
        raise ConfigError(*problems)
    return found


def told(models: Mapping[str, RoomModel]) -> dict[str, Mapping[str, Any]]:
    """As a recording keeps them, beside the facts."""
    return {place: to_json(model) for place, model in models.items()}


def remembered(bodies: Mapping[str, Any]) -> dict[str, RoomModel]:
    """What `told` wrote. Raises ValueError."""
    return {place: from_json(body) for place, body in bodies.items()}


def save(path: Path, place: str, model: RoomModel) -> None:
    """Write one, whole or not at all. Raises HadirError."""
    text = json.dumps({"place": place, "model": to_json(model)}, indent=1, allow_nan=False)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise HadirError(f"{path}: {error.strerror}") from error


def _read(path: Path) -> tuple[str, RoomModel]:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"is larger than {MOST_BYTES} bytes")
    body: Any = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(body, Mapping) or not isinstance(body.get("place"), str):
        raise ValueError("names no place")  # noqa: TRY004 one error for what a file holds
    return body["place"], from_json(body.get("model"))

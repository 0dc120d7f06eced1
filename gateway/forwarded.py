"""How a reading for another gateway's places is written, on the wire and as a fact."""

from __future__ import annotations

from typing import Any

from gateway.contract.times import parsed, written
from rules.api import Health, Reading

ALIVE = "alive"
"""Kind of a reading that says whether its device can be heard: true, or why not."""
DOWN = "gateway_down"
Item = Reading | Health


def as_row(number: int, reading: Reading) -> dict[str, Any]:
    """JSON values, under this number."""
    return {
        "seq": number,
        "dev": reading.dev,
        "kind": reading.kind,
        "value": reading.value,
        "place": reading.place,
        "at": written(reading.at),
        "modality": reading.modality,
        "role": reading.role,
        "pid": reading.person or None,
        "unit": reading.unit,
        "refused": reading.refused,
        "assurance": reading.assurance,
        "quality": reading.quality,
    }


def is_tap(item: Item) -> bool:
    """Whether a person did it."""
    return isinstance(item, Reading) and item.modality == "badge"


def of_row(row: dict[str, Any]) -> Item:
    """What such a row says. Raises PermanentError for a time that is none."""
    if row["kind"] == ALIVE:
        alive = row["value"] is True
        return Health(row["dev"], alive, "" if alive else str(row["value"] or DOWN), parsed(row["at"]))
    return Reading(
        dev=row["dev"],
        kind=row["kind"],
        value=row["value"],
        place=row["place"],
        at=parsed(row["at"]),
        modality=row["modality"],
        role=row["role"],
        person=row["pid"] or "",
        unit=row["unit"],
        refused=row["refused"],
        assurance=row["assurance"],
        quality=row["quality"],
        sequence=row["seq"],
    )

"""How rules write down why they decided: the items of `evidence` (contract.md).

Evidence names fixed equipment only. A personal tag or badge appears as the receiver or reader that heard it, and as
nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 8
"""Items of evidence in one event, the weightiest first."""

Evidence = Mapping[str, Any]


def measured(dev: str, modality: str, kind: str, value: Any, age_ns: int, weight: float) -> Evidence:
    """What a fixed device said, how long ago, and how much that counts (0..1)."""
    return {
        "dev": dev,
        "modality": modality,
        "kind": kind,
        "value": value,
        "age_s": round(max(0, age_ns) / 1e9, 1),
        "weight": round(weight, 2),
    }


def personal(modality: str, via: str) -> Evidence:
    """A tag or a badge, by what heard it."""
    return {"modality": modality, "via": via}


def tapped(reader: str) -> Evidence:
    """An act at a fixed reader: first item of what a tap started or ended."""
    return measured(reader, "badge", "badge", True, 0, 1.0)

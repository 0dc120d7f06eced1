"""Rows of recorded rooms: each pack in a folder goes through `hadir evaluate zones` or `hadir evaluate occupancy`.

The folder comes from --packs or HADIR_PACKS. Without it, or without the command's module, a row says so.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.accuracy.table import Row

MODULES = {"zones": "gateway.evaluate.zones", "occupancy": "gateway.evaluate.occupancy"}
SURVEYED, TRAINED = "survey.csv.gz", "train_readings.csv.gz"


def rows(folder: Path | None) -> Iterator[Row]:
    """One for each pack."""
    if folder is None:
        yield Row("recorded rooms", "left out: give --packs DIR or set HADIR_PACKS")
        return
    if not folder.is_dir():
        yield Row("recorded rooms", f"left out: no folder {folder.name}")
        return
    for pack in sorted(one for one in folder.iterdir() if one.is_dir()):
        what = kind(pack)
        if what is not None:
            yield _row(pack, what)


def kind(pack: Path) -> str | None:
    """zones, occupancy, or None for a folder that is no pack."""
    names = {one.name for one in pack.iterdir()}
    if "sightings.csv.gz" in names or SURVEYED in names:
        return "zones"
    return "occupancy" if any(name.startswith(("train_readings", "readings")) for name in names) else None


def _row(pack: Path, what: str) -> Row:
    name = f"{what}: {pack.name}"
    module = MODULES[what]
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        return Row(name, f"left out: {module} is not there")
    run: Callable[[argparse.Namespace], int] = import_module(module).run
    said = io.StringIO()
    with redirect_stdout(said):
        status = run(argparse.Namespace(path=pack, dir=pack, pack=pack, out=None, dense=False, json=True))
    return Row(
        name,
        _written(said.getvalue()) if status == 0 else f"failed with status {status}",
        met=None if not status else False,
    )


def _written(text: str) -> str:
    """The scores of its JSON, or its last line."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        found: Any = json.loads(text)
    except ValueError:
        return lines[-1].replace("|", "/") if lines else "said nothing"
    return ", ".join(f"{key} {_short(value)}" for key, value in found.items() if isinstance(value, int | float | list))


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "[" + " ".join(_short(one) for one in value) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

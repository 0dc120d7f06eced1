"""Rows of recorded rooms: each pack in a folder goes through `hadir evaluate zones` or `hadir evaluate occupancy`.

The folder comes from --packs or HADIR_PACKS. Without it, or without the command's module, a row says so. A pack with
questions every second (at_dense.csv) is asked those as well.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

from bench.accuracy.table import Row
from gateway import cli

PACKAGE = "gateway.evaluate"
LONGEST = 160
"""Of what a command says, characters in the table."""


def rows(folder: Path | None) -> Iterator[Row]:
    """One for each pack and way of asking."""
    if folder is None:
        yield Row("packs", "left out: give --packs DIR or set HADIR_PACKS")
        return
    packs = sorted(one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []
    if not packs:
        yield Row("packs", "left out: there is no pack in that folder")
    for pack in packs:
        what = kind(pack)
        if what is None:
            continue
        yield _row(pack, what, ())
        if what == "zones" and (pack / "at_dense.csv").exists():
            yield _row(pack, what, ("--dense",))


def kind(pack: Path) -> str | None:
    """zones, occupancy, or None for a folder that is no pack."""
    names = {one.name.partition(".")[0] for one in pack.iterdir()}
    if "sightings" in names:
        return "zones"
    return "occupancy" if "readings" in names else None


def _row(pack: Path, what: str, options: Sequence[str]) -> Row:
    name = " ".join((f"{what}: {pack.name}", *(option.strip("-") for option in options)))
    if not _there(f"{PACKAGE}.{what}"):
        return Row(name, f"left out: {PACKAGE}.{what} is not there")
    said, wrong = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(wrong):
        try:
            status = cli.main(["evaluate", what, str(pack), *options])
        except SystemExit as stop:  # argparse does not know the command
            status = 1 if stop.code is None else int(stop.code)
    text = " ".join((said if status == 0 else wrong).getvalue().replace("|", "/").split())
    if status != 0:
        return Row(name, f"status {status}: {text[:LONGEST]}", met=False)
    return Row(name, text[:LONGEST] or "said nothing")


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its package is missing
        return False

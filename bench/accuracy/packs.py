"""Rows of recorded rooms: each pack in a folder goes through `hadir evaluate zones` or `hadir evaluate occupancy`.

The folder comes from --packs or HADIR_PACKS. A pack with questions every second (at_dense.csv) is asked those as well.
One with a survey is asked again without it, by the receivers' positions alone: that has no bar.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.accuracy.table import Row
from gateway import cli

LONGEST = 160
"""Of what a command says in place of a score, characters in the table."""
NUMBER = r"(\d+(?:\.\d+)?)"
SCORES = {
    "zone": re.compile(rf"^zone +{NUMBER} % \(95 %: (.*?)[;)]", re.MULTILINE),
    "error": re.compile(rf"^error +{NUMBER} m \(95 %: (.*?)[;)]", re.MULTILINE),
    "occupied": re.compile(rf"^occup\w* +{NUMBER} % \(95 %: (.*?)[;)]", re.MULTILINE),
    "count": re.compile(rf"^count\w* +{NUMBER} % \(95 %: (.*?)[;)]", re.MULTILINE),
}
"""What the commands print: a score and its interval."""


class Bar(NamedTuple):
    """At least (most, where it is an error)."""

    score: str
    value: float

    def met(self, found: float) -> bool:
        return found <= self.value if self.score == "error" else found >= self.value

    @property
    def text(self) -> str:
        return f"{self.score} <= {self.value:g} m" if self.score == "error" else f"{self.score} >= {self.value:g} %"


BARS: dict[str, tuple[Bar, ...]] = {
    "tetam-dev": (Bar("zone", 57), Bar("error", 1.8)),
    "tetam-dev-walks": (Bar("zone", 68), Bar("error", 1.3)),
    "warsaw-dev-blocks dense": (Bar("zone", 92), Bar("error", 0.75)),
    "warsaw-dev dense": (Bar("zone", 78),),
    "cnr-dev dense": (Bar("zone", 72), Bar("error", 1.15)),
    "uci-room-pir-dev": (Bar("occupied", 98.5),),
    "uci-room-dev": (Bar("occupied", 98.6), Bar("count", 95)),
    "uci-occupancy-dev": (Bar("occupied", 98),),
    "uci-occupancy-nolight-dev": (Bar("occupied", 90),),
}
"""Guides: the packs are small, so that a bar within the interval is neither met nor missed for sure."""


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
        yield _row(pack, what)
        dense = ["--dense"] if what == "zones" and (pack / "at_dense.csv").exists() else []
        if dense:
            yield _row(pack, what, dense)
        if any(pack.glob("survey.csv*")):
            with TemporaryDirectory(prefix="hadir-accuracy-") as place:
                bare = Path(place) / pack.name
                bare.mkdir()
                for file in pack.iterdir():
                    if not file.name.startswith("survey."):
                        (bare / file.name).symlink_to(file.resolve())
                yield _row(bare, what, dense, "no survey")


def kind(pack: Path) -> str | None:
    """zones, occupancy, or None for a folder that is no pack."""
    names = {one.name.partition(".")[0] for one in pack.iterdir()}
    if "sightings" in names:
        return "zones"
    return "occupancy" if "readings" in names else None


def _row(pack: Path, what: str, options: Sequence[str] = (), without: str = "") -> Row:
    asked = " ".join((pack.name, *(option.strip("-") for option in options)))
    name = f"{what}: {asked}" + (f", {without}" if without else "")
    said, wrong = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(wrong):
        try:
            status = cli.main(["evaluate", what, str(pack), *options])
        except SystemExit as stop:  # argparse does not know the command
            status = 1 if stop.code is None else int(stop.code)
    if status != 0:  # without the folder: where it lies is nobody's business
        text = " ".join(wrong.getvalue().replace(str(pack.parent), "").replace("|", "/").split())
        return Row(name, f"status {status}: {text[:LONGEST]}", met=False)
    found = {score: one for score, pattern in SCORES.items() if (one := pattern.search(said.getvalue()))}
    units = {score: "m" if score == "error" else "%" for score in found}
    text = "; ".join(f"{score} {one[1]} {units[score]} ({one[2]})" for score, one in found.items())
    wanted = () if without else BARS.get(asked, ())
    met = all(bar.score in found and bar.met(float(found[bar.score][1])) for bar in wanted)
    return Row(
        name, text or "no truth in the pack", bar="; ".join(bar.text for bar in wanted), met=met if wanted else None
    )

"""What was found, as the table of docs/reliability.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faults.api import Fault

HEADS = ("fault", "cycles", "offered", "accepted", "stored", "lost", "twice", "wrong", "back p50 / p99", "peak RSS", "")
BEGIN, END = "<!-- table: made by `make faults-long`, do not edit -->", "<!-- end of table -->"


def line(result: Mapping[str, Any]) -> str:
    """One run, in a line."""
    counts = " ".join(f"{name} {result.get(name, 0)}" for name in ("cycles", "offered", "accepted", "stored"))
    bad = " ".join(f"{name} {result.get(name, 0)}" for name in ("lost", "duplicated", "wrong"))
    found = result.get("misses", ())
    found = [*found, *([f"not possible here: {result['impossible']}"] if result.get("impossible") else [])]
    misses = "; ".join(found[:2]) + (f"; and {len(found) - 2} more" if len(found) > 2 else "")
    kind = "" if result["kind"] == "real" else " (defect)"
    return f"{result['fault']}{kind} seed {result['seed']}: {counts}; {bad}; {result['took_s']:.0f} s {misses}"


class Row:
    """All runs of one fault."""

    def __init__(self, fault: Fault, results: Sequence[Mapping[str, Any]]) -> None:
        self.fault = fault
        mine = [row for row in results if row["fault"] == fault.name]
        self.real = [row for row in mine if row["kind"] == "real"]
        self.broken = [row for row in mine if row["kind"] == "broken"]

    def total(self, name: str) -> int:
        return sum(row.get(name, 0) for row in self.real)

    @property
    def done(self) -> int:
        """Cycles that count for a long run."""
        return sum(row.get("cycles", 0) for row in self._long())

    def _long(self) -> list[Mapping[str, Any]]:
        return [row for row in self.real if not self.fault.whole or row.get("form") == "long"]

    def _came_to(self, name: str) -> float:
        """See Fault.least."""
        places = ({**row.get("notes", {}), **row.get("applied", {}), **row} for row in self._long())
        return float(sum(place.get(name, 0) for place in places))

    @property
    def recoveries(self) -> list[float]:
        return sorted(value for row in self.real for value in row.get("recovery_s", ()))

    @property
    def rss_mb(self) -> float:
        return max((row.get("rss_mb", 0.0) for row in self.real), default=0.0)

    @property
    def impossible(self) -> list[str]:
        """What this machine does not allow."""
        return sorted({row["impossible"] for row in self.real if row.get("impossible")})

    @property
    def detected(self) -> bool | None:
        """Whether the defect was noticed; None: it was not tried."""
        if not self.broken or all(row.get("impossible") and not row.get("cycles") for row in self.broken):
            return None
        return all(
            row.get("cycles") and (row.get("lost") or row.get("duplicated") or row.get("wrong") or row.get("misses"))
            for row in self.broken
        )

    def problems(self) -> list[str]:
        """What is not as promised."""
        name, found = self.fault.name, []
        found += [f"{name}: {what} {self.total(what)}" for what in ("lost", "duplicated", "wrong") if self.total(what)]
        found += [f"{name} seed {row['seed']}: {miss}" for row in self.real for miss in row.get("misses", ())]
        if self.real and not self.total("cycles") and not self.impossible:
            found.append(f"{name}: the fault was never applied")
        if self.detected is False:
            found.append(f"{name}: the defect was not noticed ({self.fault.defect}): the suite is void")
        late = quantile(self.recoveries, 0.99)
        if late > self.fault.limits.get("p99_s", late):
            found.append(f"{name}: p99 of recovery {late:.2f} s, at most {self.fault.limits['p99_s']:g}")
        if self.rss_mb > self.fault.limits.get("rss_mb", self.rss_mb):
            found.append(f"{name}: {self.rss_mb:.0f} MB, at most {self.fault.limits['rss_mb']:g}")
        if self.done >= self.fault.long:
            found += [
                f"{name}: {what} {self._came_to(what):,.0f}, at least {least:,.0f}"
                for what, least in self.fault.least.items()
                if self._came_to(what) < least
            ]
        return found

    def cells(self) -> list[str]:
        back = self.recoveries
        counts = [f"{self.total(name):,}" for name in ("offered", "accepted", "stored", "lost", "duplicated", "wrong")]
        asked = "" if self.done >= self.fault.long else f" of {self.fault.long:,}"
        asked += " (quick form)" if self.fault.whole and not self.done else ""
        word = {True: "defect noticed", False: "**defect not noticed**", None: "no control run"}[self.detected]
        return [
            self.fault.title,
            f"{self.done or self.total('cycles'):,}{asked}",
            *counts,
            f"{quantile(back, 0.5):.2f} / {quantile(back, 0.99):.2f} s" if back else "-",
            f"{self.rss_mb:.0f} MB" if self.rss_mb else "-",
            "**missed**" if self.problems() else word,
        ]


def quantile(values: Sequence[float], share: float) -> float:
    """Of sorted values; 0 of none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def text(rows: Sequence[Row]) -> str:
    cells = [list(HEADS), ["---"] * len(HEADS), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def write(page: Path, rows: Sequence[Row], made: str) -> None:
    """Put the table and what belongs to it into its place on the page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    promises = "".join(
        f"- **{row.fault.title}**: {row.fault.promise}. Defect of the control run: {row.fault.defect}.\n"
        for row in rows
    )
    promises += "".join(f"- {row.fault.name}: not possible here: {why}.\n" for row in rows for why in row.impossible)
    bad = "".join(f"- {problem}\n" for row in rows for problem in row.problems()) or "- nothing\n"
    notes = f"\nMade at {made}.\n\n{promises}\nMissed:\n\n{bad}"
    page.write_text(f"{before}{BEGIN}\n\n{text(rows)}{notes}\n{END}{after}", encoding="utf-8")

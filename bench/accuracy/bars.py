"""What a score must reach, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from bench.accuracy.table import Row
from firmware_sim.actions import SECOND
from firmware_sim.scores import Score

MOST_WRONG = 0.005
MOST_UNKNOWN = 0.01
"""Beyond the injected outages."""
MOST_FLIPS = 0.1
"""An hour and place."""
NO_SHOW_S = 60.0


class Bar(NamedTuple):
    """One of them."""

    name: str
    short: str
    written: Callable[[Score], str]
    bar: str
    met: Callable[[Score], bool] | None


def percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.3f} %" if whole else "-"


def flips_an_hour(score: Score) -> float:
    return score.flips / (score.lived / 3600 / SECOND)


def _unknown(score: Score) -> str:
    return f"{percent(score.unknown, score.lived)} (outages {percent(score.injected, score.lived)})"


def _no_show(score: Score) -> str:
    never = sum(finding.detail == "never released" for finding in score.findings)
    late = f"{score.latest_no_show_s:.0f} s" if score.latest_no_show_s < float("inf") else f"{never} never"
    return f"{late}, {score.no_shows} of them"


def _counted(what: str) -> Bar:
    return Bar(what, what, lambda score: str(score.count(what)), "0", lambda score: not score.count(what))


BARS: Sequence[Bar] = (
    Bar(
        "sensed state wrong beyond its tolerance, share of place-seconds",
        "sensed wrong",
        lambda score: percent(score.wrong, score.lived),
        "<= 0.5 %",
        lambda score: score.wrong <= MOST_WRONG * score.lived,
    ),
    Bar(
        "desk free or taken wrong beyond 1 s, share of desk-seconds",
        "desk wrong",
        lambda score: percent(score.life_wrong, score.desk_lived),
        "<= 0.5 %",
        lambda score: score.life_wrong <= MOST_WRONG * score.desk_lived,
    ),
    Bar(
        "unknown, share of place-seconds",
        "unknown",
        _unknown,
        "<= outages + 1 %",
        lambda score: score.unexplained <= MOST_UNKNOWN * score.lived,
    ),
    _counted("outage unnoticed")._replace(name="outages that were never noticed"),
    Bar(
        "changes of state that did not happen, per place and hour",
        "changes",
        lambda score: f"{flips_an_hour(score):.3f}",
        f"<= {MOST_FLIPS}",
        lambda score: flips_an_hour(score) <= MOST_FLIPS,
    ),
    _counted("false release")._replace(name="false releases"),
    _counted("left")._replace(name="`left` without an act"),
    Bar(
        "no-shows: release off its due time, at worst",
        "no-show",
        _no_show,
        "<= 60 s",
        lambda score: score.latest_no_show_s <= NO_SHOW_S,
    ),
    Bar(
        "taps without their one right outcome within 1 s",
        "taps",
        lambda score: f"{score.count('tap')} of {score.taps}",
        "0",
        lambda score: not score.count("tap"),
    ),
    Bar(
        "a person's zone right, where one is told",
        "zone",
        lambda score: percent(score.zone_right, score.zone_lived),
        "",
        None,
    ),
)


def rows(total: Score, by_day: Sequence[Score]) -> list[Row]:
    """A row for each bar: all days, and each kind of day."""
    return [
        Row(
            bar.name,
            bar.written(total),
            tuple(bar.written(score) for score in by_day) if len(by_day) == 3 else ("", "", ""),
            bar.bar,
            None if bar.met is None else bar.met(total),
        )
        for bar in BARS
    ]


def by_sensor(total: Score, only: str = "") -> list[Row]:
    """Wrong and unknown by the sensor that a place has. `only`: places with this one."""
    return [
        Row(
            f"places with {_NAMES.get(modality, modality)}: wrong; unknown without an outage",
            f"{percent(wrong, lived)}; {percent(unknown, lived)}",
            bar="<= 0.5 %; <= 1 %",
            met=wrong <= MOST_WRONG * lived and unknown <= MOST_UNKNOWN * lived,
        )
        for modality, (lived, wrong, unknown) in sorted(total.by_modality.items())
        if only in ("", modality)
    ]


_NAMES = {
    "pir": "motion only (330 s)",
    "radar": "radar (35 s)",
    "seat": "a desk sensor (35 s)",
    "counter": "a people counter (35 s)",
    "environment": "CO2 only (900 s)",
}


def failed(score: Score) -> list[str]:
    """Names of the bars that are not met."""
    return [bar.name for bar in BARS if bar.met is not None and not bar.met(score)]

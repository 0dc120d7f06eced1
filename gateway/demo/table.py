"""The live table of `hadir demo`: what the office is like now, and how the gateways are doing. Fits 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

Status = Mapping[str, Any]

DESKS = ("taken", "free", "away")
SENSED = ("occupied", "vacant", "unknown")
MEANING = {
    "starting": "nothing was heard yet",
    "sensor_stale": "its sensor is silent",
    "radio_deaf": "the radio hears nothing",
    "gateway_down": "its gateway is not heard",
    "clock_bad": "its clock is not to be trusted",
    "no_evidence": "nothing speaks for either",
    "unconfigured": "no sensor is bound to it",
}
"""Of the causes that a demo may show."""


class View(NamedTuple):
    """One moment of the demo, ready to be shown."""

    time: datetime
    """Office time of the site."""
    speed: float
    people: int
    """Who work there."""
    ble: str
    """How tags are heard: bleak over D-Bus, or the replay source."""
    names: Sequence[str]
    """The gateways."""
    statuses: Sequence[Status]
    """Their answers to `status`, in the same order; an empty mapping for one that does not answer."""
    events_per_s: float
    commands: Sequence[tuple[str, str]]
    """What somebody can do now: (why, what to type)."""


def draw(view: View) -> RenderableType:
    """The whole screen."""
    answers = [status for status in view.statuses if status]
    present = next((str(status["people"]["present"]) for status in answers if status["coordinator"]), "unknown")
    backlog = sum(status["backlog"]["events"] for status in answers)
    stored = max(0, sum(status["events"] for status in answers) - backlog)  # what waits may be of an earlier boot
    head = Text.assemble(
        (f" {view.time:%A %H:%M} {view.time.tzname()} ", "bold reverse"),
        f"  office time runs {view.speed:g} times as fast as yours\n",
        *("people present ", (present, "bold"), f" of {view.people}    events "),
        *((f"{view.events_per_s:.0f}/s", "bold"), f"    stored {stored}    backlog {backlog}\n"),
        f"tags are heard by {view.ble}",
    )
    parts: list[RenderableType] = [head, _table(view, answers), _unknown(view), Text()]
    for why, what in view.commands:
        parts += [Text(why), Text(f"  {what}", style="bold cyan", overflow="fold")]
    title, subtitle = "hadir: a simulated office; Ctrl-C ends it", "* the coordinator: it knows who is in which zone"
    return Panel(Group(*parts), title=title, subtitle=subtitle, border_style="cyan")


def _table(view: View, answers: Sequence[Status]) -> Table:
    table = Table(expand=True, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("gateway", no_wrap=True, vertical="bottom")
    for name in (*DESKS, *SENSED, "events", "backlog"):
        above = {"taken": "desks", "occupied": "places"}.get(name, "")
        table.add_column(f"{above}\n{name}", justify="right", no_wrap=True)
    for name, status in zip(view.names, view.statuses, strict=True):
        table.add_row(*_row(name, status))
    if len(answers) == len(view.names):
        table.add_row("all", *_numbers(answers), style="bold")
    return table


def _row(name: str, status: Status) -> list[str | Text]:
    if not status:
        return [Text(name, style="red"), *["-"] * (len(DESKS) + len(SENSED) + 2)]
    return [Text(name + (" *" if status["coordinator"] else "")), *_numbers([status])]


def _numbers(statuses: Sequence[Status]) -> list[str | Text]:
    def total(group: str, name: str) -> int:
        return sum(status[group].get(name, 0) for status in statuses)

    unknown = total("sensed", "unknown")
    return [
        *(str(total("desks", name)) for name in DESKS),
        *(str(total("sensed", name)) for name in SENSED[:2]),
        Text(str(unknown), style="yellow" if unknown else ""),
        str(sum(status["events"] for status in statuses)),
        str(total("backlog", "events")),
    ]


def _unknown(view: View) -> Text:
    """What is unknown and why, and what is wrong with a gateway."""
    said = Text()
    for name, status in zip(view.names, view.statuses, strict=True):
        if not status:
            said.append(f"{name} does not answer: all of its places are unknown\n", style="red")
            continue
        for cause, count in sorted(status["unknown"].items()):
            meaning = MEANING.get(cause)
            said.append(f"unknown at {name}: {count} {cause}{f' ({meaning})' if meaning else ''}\n", style="yellow")
        if not status["link"]["connected"]:
            said.append(f"{name} has no broker: {status['link']['reason']}\n", style="red")
    said.rstrip()
    return said if said else Text("nothing is unknown")

"""The live table of `hadir demo`: what the office is like now, and how the gateways are doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

COLUMNS = ("gateway", "taken", "free", "away", "in use", "people", "events", "backlog", "unknown, why")
LEFT = ("gateway", "unknown, why")


class View(NamedTuple):
    """One moment of the demo, ready to be shown."""

    time: str
    """Office time of the site, `Selasa 08:12`."""
    speed: float
    port: int
    ble: str
    """How tags are heard: bleak over D-Bus, or the replay source."""
    gateways: Sequence[Mapping[str, Any]]
    """Their answers to `status`, in order; an empty mapping for one that does not answer."""
    events_per_s: float
    stored: int


def draw(view: View) -> RenderableType:
    """The whole screen."""
    table = Table(expand=True, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in LEFT else "right", no_wrap=name != COLUMNS[-1])
    for status in view.gateways:
        table.add_row(*_row(status))
    head = Text.assemble(
        (f" {view.time} WITA ", "bold reverse"),
        f"  office time runs {view.speed:g}x   {view.events_per_s:.0f} events/s, {view.stored} stored",
        f"\n tags: {view.ble}",
    )
    foot = Text.assemble(
        "subscribe with any MQTT client (MQTT 5 on port ",
        str(view.port),
        ", 3.1.1 on the next one):\n",
        (f"mosquitto_sub -h 127.0.0.1 -p {view.port + 1} -v -t 'hadir/v1/evt/#' -t 'hadir/v1/state/#'", "bold cyan"),
        "\nCtrl-C ends it",
    )
    return Panel(Group(head, table, foot), title="hadir: a simulated office", border_style="cyan")


def _row(status: Mapping[str, Any]) -> list[str | Text]:
    if not status:
        return [Text("no answer", style="red"), *[""] * 8]
    desks, sensed = status["desks"], status["sensed"]
    unknown = status["unknown"]
    why = Text(", ".join(f"{n} {cause}" for cause, n in sorted(unknown.items())) or "none")
    if unknown:
        why.stylize("yellow")
    link = status["link"]
    name = Text(status["gateway"] + (" (coordinator)" if status["coordinator"] else ""))
    if not link["connected"]:
        name.append(f"  {link['reason']}", style="red")
    return [
        name,
        str(desks.get("taken", 0)),
        str(desks.get("free", 0)),
        str(desks.get("away", 0)),
        str(sensed.get("occupied", 0)),
        str(status["people"]["present"]) if status["coordinator"] else "",
        str(status["events"]),
        str(status["backlog"]["events"]),
        why,
    ]

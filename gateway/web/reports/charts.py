"""Charts of a report, drawn by matplotlib: the same bytes for the same figures, no text but what is passed in.

325 units wide, as a card on the smallest screen: there a point is a pixel. Colours are of
cividis, which people see alike whatever colours they see; what is not known is hatched, and never looks like nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 325 / 72
"""Inches, at 72 points each."""
SMALL, TEXT = 10.0, 11.0
INK, PALE, LINE = "#1b1f24", "#f4f5f7", "#8a929c"
DEEP, OFF, ACCENT = "#1f4f8f", "#a9b0b8", "#b58900"
HATCH = "////"
DARK = 0.465
"""Below it a colour of cividis is dark enough for white letters (4.5:1), from it on light enough for black ones."""
MOST_BARS, MOST_UNITS = 70, 12
Form = Literal["svg", "png"]
_lock = Lock()
"""matplotlib shares caches between its figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a chart says, in the language of who looks."""

    unknown: str
    """`tanpa data`."""
    value: str
    """What the axis or the colours measure."""
    off: str = ""
    """Of days on which nobody is expected."""
    most: str = ""
    """Of the line of all there is."""
    thin: str = ""
    """Of cells in brackets."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One day, or one unit."""

    label: str
    value: float | None
    """None: not known."""
    text: str
    """The value as it is written."""
    off: bool = False


def heatmap(
    cells: Mapping[tuple[int, int], float | None],
    columns: Sequence[str],
    rows: Sequence[tuple[int, str]],
    words: Words,
    form: Form = "svg",
    thin: Collection[tuple[int, int]] = (),
) -> bytes:
    """Shares 0 to 1 by (column, row): weekdays beside each other, hours below. None: nothing is known.

    `rows`: number of the row in `cells`, and its label. `thin`: cells of which too little is known: in brackets.
    """
    _prepare()
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure as New
    from matplotlib.patches import Rectangle

    colours, norm = _colours(), Normalize(0, 1)
    shown = [(x, row) for row, _ in rows for x in range(len(columns))]
    few = any(at in thin and cells.get(at) is not None for at in shown)
    below = 82 if few else 64
    height = len(rows) * 22 + below + 28
    with _lock:
        figure = New(figsize=(WIDTH, height / 72), dpi=72)
        axes = figure.add_axes((0.15, below / height, 0.84, len(rows) * 22 / height))
        for y, (row, _) in enumerate(rows):
            for x in range(len(columns)):
                value = cells.get((x, row))
                unknown = value is None
                face = "white" if value is None else colours(norm(value))
                axes.add_patch(
                    Rectangle(
                        (x, y),
                        1,
                        1,
                        facecolor=face,
                        edgecolor=LINE if unknown else "white",
                        linewidth=0.6,
                        hatch=HATCH if unknown else None,
                    )
                )
                if value is not None:
                    ink = "white" if value < DARK else "black"
                    said = f"({value * 100:.0f})" if (x, row) in thin else f"{value * 100:.0f}"
                    axes.text(x + 0.5, y + 0.53, said, ha="center", va="center", color=ink, fontsize=SMALL)
        axes.set_xlim(0, len(columns))
        axes.set_ylim(len(rows), 0)
        axes.set_xticks([x + 0.5 for x in range(len(columns))], columns)
        axes.set_yticks([y + 0.5 for y in range(len(rows))], [label for _, label in rows])
        axes.xaxis.tick_top()
        _plain(axes, keep=())
        _scale(figure, words, height, below, unknown=any(cells.get(at) is None for at in shown), thin=few)
        return _drawn(figure, form)


def bars(days: Sequence[Bar], most: float, words: Words, form: Form = "svg") -> bytes:
    """A bar a day, with a line at `most`. Days off are pale, days of which nothing is known hatched to the line."""
    _prepare()
    from matplotlib.figure import Figure as New
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator

    with _lock:
        figure = New(figsize=(WIDTH, 260 / 72), dpi=72)
        axes = figure.add_axes((0.14, 0.27, 0.85, 0.68))
        for x, day in enumerate(days):
            if day.value is None:
                axes.bar(x, most, width=1.0, facecolor="white", edgecolor=LINE, hatch=HATCH, linewidth=0)
            else:
                axes.bar(x, max(day.value, most * 0.008), width=0.8, color=OFF if day.off else DEEP, linewidth=0)
        axes.axhline(most, color=ACCENT, linewidth=1.4, linestyle=(0, (5, 3)))
        axes.set_xlim(-0.6, max(len(days), 1) - 0.4)
        axes.set_ylim(0, max(most, 1) * 1.08)
        step = max(1, -(-len(days) // 6))
        places = range(0, len(days), step)
        axes.set_xticks(list(places), [days[x].label for x in places])
        axes.tick_params(axis="x", pad=7)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
        axes.set_ylabel(words.value, fontsize=SMALL, color=INK)
        axes.grid(axis="y", color="#d9dde2", linewidth=0.6)
        axes.set_axisbelow(True)
        _plain(axes, keep=("bottom",))
        handles: list[Artist] = [
            Patch(facecolor=DEEP, label=words.value),
            Patch(facecolor=OFF, label=words.off),
            Patch(facecolor="white", edgecolor=LINE, hatch=HATCH, label=words.unknown),
            *axes.plot([], [], color=ACCENT, linestyle=(0, (5, 3)), linewidth=1.4, label=words.most),
        ]
        figure.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0.02, 0.0), ncols=2, frameon=False, fontsize=SMALL
        )
        return _drawn(figure, form)


def split(units: Sequence[Bar], words: Words, form: Form = "svg") -> bytes:
    """A bar a unit, lying, longest scale 1; what is not told has a hatched stub and its word."""
    _prepare()
    from matplotlib.figure import Figure as New

    shown = list(units[:MOST_UNITS])
    height = max(len(shown), 1) * 40 + 40
    with _lock:
        figure = New(figsize=(WIDTH, height / 72), dpi=72)
        axes = figure.add_axes((0.03, 34 / height, 0.94, 1 - 40 / height))
        for y, unit in enumerate(shown):
            if unit.value is None:
                axes.barh(y + 0.22, 0.06, height=0.4, facecolor="white", edgecolor=LINE, hatch=HATCH, linewidth=0.6)
            else:
                axes.barh(y + 0.22, unit.value, height=0.4, color=DEEP, linewidth=0)
            axes.text(0, y - 0.2, unit.label, ha="left", va="center", fontsize=TEXT, color=INK)
            axes.text(1, y - 0.2, unit.text, ha="right", va="center", fontsize=TEXT, color=INK)
        axes.set_xlim(0, 1)
        axes.set_ylim(max(len(shown), 1) - 0.5, -0.5)
        axes.set_yticks([])
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
        axes.set_xlabel(words.value, fontsize=SMALL, color=INK, labelpad=2)
        _plain(axes, keep=("bottom",))
        return _drawn(figure, form)


@cache
def _prepare() -> None:
    """Settings of the whole process, once: a figure has no settings of its own for these."""
    import matplotlib

    matplotlib.rcParams.update(
        {
            "svg.hashsalt": "hadir",
            "svg.fonttype": "none",
            "text.parse_math": False,
            "font.size": TEXT,
            "hatch.linewidth": 0.7,
            "hatch.color": LINE,
        }
    )


@cache
def _colours() -> Any:
    """cividis from dark to light."""
    from matplotlib import colormaps

    return colormaps["cividis"]


def _scale(figure: Figure, words: Words, height: float, below: float, *, unknown: bool, thin: bool) -> None:
    """The colours' meaning, below the cells; and what else there is to explain."""
    from matplotlib.patches import Patch

    axes = figure.add_axes((0.15, (below - 34) / height, 0.42, 10 / height))
    axes.imshow([[step / 50 for step in range(51)]], aspect="auto", cmap=_colours(), extent=(0, 100, 0, 1))
    axes.set_yticks([])
    axes.set_xticks([0, 50, 100], ["0", "50", "100"])
    axes.set_xlabel(words.value, fontsize=SMALL, color=INK, labelpad=1)
    _plain(axes, keep=())
    if unknown:
        figure.legend(
            handles=[Patch(facecolor="white", edgecolor=LINE, hatch=HATCH, label=words.unknown)],
            loc="lower right",
            bbox_to_anchor=(1.0, (below - 46) / height),
            frameon=False,
            fontsize=SMALL,
        )
    if thin:
        figure.text(0.985, 6 / height, f"(12) {words.thin}", ha="right", fontsize=SMALL, color=INK)


def _plain(axes: Axes, keep: Sequence[str]) -> None:
    for side, spine in axes.spines.items():
        spine.set_visible(side in keep)
        spine.set_color(LINE)
    axes.tick_params(length=0, labelsize=SMALL, labelcolor=INK)


def _drawn(figure: Figure, form: Form) -> bytes:
    out = BytesIO()
    if form == "svg":
        figure.savefig(out, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    else:
        figure.savefig(out, format="png", facecolor="white", dpi=220, metadata={"Software": None})
    return out.getvalue()

"""Lines of a GPIO chip through libgpiod: the only importer of `gpiod`.

Facts: Linux kernel, userspace-api/gpio: a line that is taken answers EBUSY; an edge is one of the logical level, after
active_low; when the kernel's buffer is full the oldest edges are lost, so that the last one is always the level; an
edge that was lost is missing in the line's sequence number.
"""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from gpiod import LineRequest

CONSUMER = "hadir"
MOST_EDGES = 64
"""That one reading takes."""
Bias = Literal["as_is", "disabled", "pull_up", "pull_down"]


class Edge(NamedTuple):
    """A line has changed."""

    level: bool
    """Since then."""
    number: int
    """Of this line's edges, from 1."""


class Input(Protocol):
    """One line that is read."""

    def fileno(self) -> int:
        """Readable when there are edges."""
        ...

    def level(self) -> bool:
        """Now. Raises OSError."""
        ...

    def edges(self) -> list[Edge]:
        """Those since the last call, at most MOST_EDGES; to be called when there are some. Raises OSError."""
        ...

    def close(self) -> None:
        """Give the line back."""
        ...


class Output(Protocol):
    """One line that is set."""

    def set(self, level: bool) -> None:
        """Raises OSError."""
        ...

    def close(self) -> None:
        """Give the line back."""
        ...


class _Input:
    def __init__(self, request: LineRequest, line: int) -> None:
        from gpiod import EdgeEvent

        self._request = request
        self._line = line
        self._rising = EdgeEvent.Type.RISING_EDGE

    def fileno(self) -> int:
        return self._request.fd

    def level(self) -> bool:
        return bool(self._request.get_value(self._line))

    def edges(self) -> list[Edge]:
        events = self._request.read_edge_events(MOST_EDGES)
        return [Edge(event.event_type is self._rising, event.line_seqno) for event in events]

    def close(self) -> None:
        self._request.release()


class _Output:
    def __init__(self, request: LineRequest, line: int) -> None:
        from gpiod.line import Value

        self._request = request
        self._line = line
        self._values = (Value.INACTIVE, Value.ACTIVE)

    def set(self, level: bool) -> None:
        self._request.set_value(self._line, self._values[level])

    def close(self) -> None:
        self._request.release()


def open_input(chip: str, line: int, bias: Bias, *, active_low: bool, debounce_ms: int) -> Input:
    """Take a line to read it. Raises OSError, ValueError: `refusal` says why; ImportError."""
    import gpiod
    from gpiod.line import Bias as Biases
    from gpiod.line import Direction
    from gpiod.line import Edge as Edges

    settings = gpiod.LineSettings(
        direction=Direction.INPUT,
        edge_detection=Edges.BOTH,
        bias=Biases[bias.upper()],
        active_low=active_low,
        debounce_period=timedelta(milliseconds=debounce_ms),
    )
    return _Input(gpiod.request_lines(chip, consumer=CONSUMER, config={line: settings}), line)


def open_output(chip: str, line: int, *, active_low: bool) -> Output:
    """Take a line to set it; it begins inactive. Raises OSError, ValueError: `refusal` says why; ImportError."""
    import gpiod
    from gpiod.line import Direction, Value

    settings = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=Value.INACTIVE, active_low=active_low)
    return _Output(gpiod.request_lines(chip, consumer=CONSUMER, config={line: settings}), line)


def refusal(chip: str, line: int, error: OSError | ValueError) -> tuple[str, str]:
    """Why a line cannot be had: cause and words."""
    number = getattr(error, "errno", None)
    match number:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO if not os.path.exists(chip):
            return "missing", f"{chip} is not there; gpiodetect shows the chips that are"
        case errno.ENODEV | errno.ENOTTY:
            return "missing", f"{chip} is no GPIO chip; gpiodetect shows those that are"
        case errno.EACCES | errno.EPERM:
            return "denied", f"{chip}: Permission denied; the user of hadir must be in the group that owns it (gpio)"
        case errno.EBUSY:
            return "busy", f"line {line} of {chip} belongs to another program or to the kernel; gpioinfo shows to whom"
        case errno.ENXIO:
            return "unable", f"line {line} of {chip} cannot tell when it changes: it has no interrupt; use another line"
        case errno.EINVAL | errno.ENOTSUP:
            return "unable", f"line {line} of {chip} cannot be set so; try bias: as_is"
        case None:
            return "missing", f"{chip} has no line {line}; gpioinfo shows those that it has"
        case _:
            return "failed", f"line {line} of {chip}: {os.strerror(number)}"

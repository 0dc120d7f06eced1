"""A light beside a badge reader, on a GPIO line: what a tap has done, once that is on the disk.

taken      on for 1.5 s
left       two short flashes
refused    three short flashes, of the second light where there is one
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from gateway.bindings import Bound
from gateway.config.model import Gateway
from gateway.config.sources import alone
from gateway.counters import Counters
from gateway.sources.gpio_lines import Output, open_output, refusal

_log = logging.getLogger(__name__)

LONG_S, SHORT_S, DARK_S = 1.5, 0.15, 0.15
PATTERNS: Mapping[str, Sequence[float]] = {
    "taken": (LONG_S,),
    "left": (SHORT_S, DARK_S, SHORT_S),
    "refused": (SHORT_S, DARK_S, SHORT_S, DARK_S, SHORT_S),
}
"""By outcome: seconds on, off, on ..."""
Open = Callable[[int], Output]


class GpioLight:
    """One light, or a pair. Called with the outcome of a tap; does not wait and does not raise."""

    def __init__(
        self,
        chip: str,
        line: int,
        refused_line: int | None,
        counters: Counters,
        *,
        active_low: bool = False,
        open_line: Open | None = None,
    ) -> None:
        """`open_line`: where lines come from; default: libgpiod. They are taken with the first tap."""
        self._chip = chip
        self._line = line
        self._refused_line = refused_line
        self._counters = counters
        self._open = open_line or (lambda number: open_output(chip, number, active_low=active_low))
        self._outputs: dict[int, Output] = {}
        self._told = ""
        self._timer: asyncio.TimerHandle | None = None
        self._lit: int | None = None

    def __call__(self, outcome: str) -> None:
        """Show it; what is still being shown ends."""
        self._dark()
        line = self._line if outcome != "refused" or self._refused_line is None else self._refused_line
        self._step(line, PATTERNS.get(outcome, ()), lit=True)

    def close(self) -> None:
        """Dark, and the lines are given back."""
        self._dark()
        for output in self._outputs.values():
            output.close()
        self._outputs.clear()

    def _step(self, line: int, rest: Sequence[float], *, lit: bool) -> None:
        """Light or darkness for the first of the `rest`, then the others; dark at the end."""
        self._timer = None
        self._set(line, lit=lit and bool(rest))
        if rest:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(rest[0], lambda: self._step(line, rest[1:], lit=not lit))

    def _dark(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lit is not None:
            self._set(self._lit, lit=False)

    def _set(self, line: int, *, lit: bool) -> None:
        try:
            if line not in self._outputs:
                self._outputs[line] = self._open(line)
            self._outputs[line].set(lit)
        except (OSError, ValueError) as error:
            self._failed(line, refusal(self._chip, line, error)[1])
        except ImportError as error:
            self._failed(line, f"{error.name} is not installed: pip install 'hadir[gpio]'")
        else:
            self._lit, self._told = line if lit else None, ""

    def _failed(self, line: int, problem: str) -> None:
        """The tap counts all the same. Said once; the line is taken anew with the next tap."""
        self._counters.add("light.failed")
        if self._told != problem:
            self._told = problem
            _log.warning("a reader's light: %s", problem)
        self._lit = None
        output = self._outputs.pop(line, None)
        if output is not None:
            output.close()


def lights(gateway: Gateway, bound: Bound, counters: Counters) -> dict[tuple[str, str], GpioLight]:
    """Those beside the readers of a gateway, by source and address in its frames."""
    made: dict[tuple[str, str], GpioLight] = {}
    for source in gateway.sources:
        behind = dict(bound.by_address(source.id))
        first = bound.alone(source.id)
        if first is not None and alone(source) is not None:
            behind[""] = first
        for address, binding in behind.items():
            light = binding.device.light
            if light is not None:
                made[source.id, address] = GpioLight(
                    light.chip, light.line, light.refused_line, counters, active_low=light.active_low
                )
    return made

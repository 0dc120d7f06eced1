"""Hop 1, GPIO: contacts and motion sensors on the lines of a chip, each line taken for itself.

A frame is a line's logical level, one byte: at the start, after each edge, and again every SAY_S, so that a device that
is silent by design is known to be there; rules fold the repetition away. The level is looked at every LOOK_S: a chip
that is gone (on USB) gives no edge and wakes nobody. A cut wire cannot be told from an open contact.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from drivers.api import Frame
from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.base import Deliver, OnState, SourceState, Teller
from gateway.sources.gpio_lines import Bias, Input, open_input, refusal

LOOK_S = 5.0
"""Between two looks at a quiet line, and two tries with one that cannot be had while others can."""
SAY_S = 60.0
"""Between two frames of a quiet line."""
REFUSED = (OSError, ValueError)
OnDevice = Callable[[str, bool, str], None]
"""Called with a device's id when its line comes or goes: whether it can be read, and why not, in one countable word."""
Open = Callable[[int], Input]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One line, as the configuration has it."""

    line: int
    device: str


@dataclass(slots=True)
class _Known:
    """One line, as we know it."""

    contact: Contact
    input: Input | None = None
    number: int = 0
    """Of its last edge."""
    said: tuple[bool, int] | None = None
    """Its level, and the machine time of that."""
    told: tuple[bool, str] | None = None
    """Whether it can be read, and why not."""
    news: bool = False
    problem: str = ""


class GpioSource:
    """Some lines of one chip."""

    def __init__(
        self,
        source_id: str,
        chip: str,
        contacts: Iterable[Contact],
        clock: Clock,
        counters: Counters,
        *,
        bias: Bias = "pull_up",
        active_low: bool = False,
        debounce_ms: int = 50,
        open_line: Open | None = None,
        on_state: OnState | None = None,
        on_device: OnDevice | None = None,
    ) -> None:
        """`open_line`: where lines come from; default: libgpiod."""
        self.id = source_id
        self.state = SourceState()
        self._chip = chip
        self._known = [_Known(contact) for contact in contacts]
        self._clock = clock
        self._counters = counters
        self._open = open_line or (
            lambda line: open_input(chip, line, bias, active_low=active_low, debounce_ms=debounce_ms)
        )
        self._teller = Teller(self.state, on_state)
        self._on_device = on_device
        self._wake = asyncio.Event()
        self._error: BaseException | None = None
        """Why the run must end: the chip is gone, or a bug behind the source, which the loop would only log."""

    async def run(self, deliver: Deliver) -> None:
        """Watch the lines until the chip fails. Raises TransientError: not there, gone, no line to be had."""
        self._error = None
        self._wake.clear()
        try:
            while True:
                for known in self._known:
                    if known.input is None:
                        self._take(known, deliver)
                self._tell()
                for known in self._known:  # afterwards: what was said while a line was down is not believed
                    if known.input is not None:
                        self._look(known, known.input, deliver)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._wake.wait()
                if self._error is not None:
                    raise self._error
        finally:
            for known in self._known:
                if known.input is not None:
                    asyncio.get_running_loop().remove_reader(known.input.fileno())
                    known.input.close()
                known.input, known.told, known.news = None, None, False
            self.state.up = False

    def _take(self, known: _Known, deliver: Deliver) -> None:
        """Have the line, if it can be read; what it says is said when it was told that it is there."""
        line = known.contact.line
        try:
            taken = self._open(line)
        except ImportError as error:
            self._teller.down("missing", f"{error.name} is not installed: pip install 'hadir[gpio]'")
            raise TransientError(self.state.problem) from error
        except REFUSED as error:
            cause, known.problem = refusal(self._chip, line, error)
            self._counters.add("gpio.refused", cause)
            known.news = known.told != (False, cause)
            known.told = (False, cause)
            return
        known.input, known.number, known.said, known.problem = taken, 0, None, ""
        known.news, known.told = True, (True, "")
        asyncio.get_running_loop().add_reader(taken.fileno(), self._readable, known, taken, deliver)
        self._level(taken)

    def _tell(self) -> None:
        """What works and what does not. Raises TransientError when nothing does."""
        problem = "; ".join(dict.fromkeys(known.problem for known in self._known if known.problem))
        if all(known.input is None for known in self._known):
            causes = {known.told[1] for known in self._known if known.told}
            self._teller.down(causes.pop() if len(causes) == 1 else "missing", problem)
            raise TransientError(problem)
        first = not self.state.up
        if first:
            self.state.opens += 1
            self._teller.up()
        self.state.problem = problem
        for known in self._known:
            if self._on_device is not None and known.told is not None and (first or known.news):
                self._on_device(known.contact.device, *known.told)
            known.news = False

    def _look(self, known: _Known, line: Input, deliver: Deliver) -> None:
        """Its level, where that is news. Raises TransientError."""
        level = self._level(line)
        quiet = self._clock.machine() - SAY_S * SECOND
        if known.said is None or known.said[0] != level or known.said[1] <= quiet:
            self._say(known, deliver, level)

    def _level(self, line: Input) -> bool:
        try:
            return line.level()
        except REFUSED as error:
            raise self._gone(error) from error

    def _readable(self, known: _Known, line: Input, deliver: Deliver) -> None:
        try:
            for level, number in line.edges():
                if number > known.number + 1:
                    self._counters.add("gpio.dropped", "overflow", number - known.number - 1)
                known.number = number
                self._say(known, deliver, level)
        except REFUSED as error:
            self._end(line, self._gone(error))
        except BaseException as error:
            self._end(line, error)
            raise

    def _end(self, line: Input, error: BaseException) -> None:
        asyncio.get_running_loop().remove_reader(line.fileno())  # it stays readable for ever
        self._error = self._error or error
        self._wake.set()

    def _gone(self, error: OSError | ValueError) -> TransientError:
        """A line that worked does not: its chip does not."""
        self._teller.down("unplugged", f"{self._chip}: {getattr(error, 'strerror', None) or error}; is it plugged in?")
        return TransientError(self.state.problem)

    def _say(self, known: _Known, deliver: Deliver, level: bool) -> None:
        office, machine = self._clock.office(), self._clock.machine()
        self.state.frames += 1
        self.state.last_frame = machine
        known.said = level, machine
        deliver(Frame("gpio", self.id, str(known.contact.line), bytes((level,)), None, office, machine))

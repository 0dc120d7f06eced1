"""Hop 1, OSDP: we are the one controller of an RS-485 line of readers; libosdp speaks, and is driven from the loop.

`osdp_sys`, libosdp's own module, is used as it is: its wrapper `osdp` starts a thread and keeps every event for ever,
and another package on PyPI overwrites it. `refresh` neither waits nor sleeps, so it needs no thread: it is called when
a reply is complete (osdp_line.py) and every TICK_S.

A reader with a key is only ever read over its secure channel: EnforceSecure keeps libosdp from the default key, SCBK-D,
and from clear text; install mode is never set and KEYSET never sent; osdp_line.py refuses what libosdp would believe.
A reader without a key is down, or, with `secure: false`, is read in clear.

libosdp leaves a reader in trouble alone for 300 s, a constant. So one that fails is disabled and enabled, which begins
its communication anew and leaves the others alone: at once, then every FAILED_S; a silent one so often that the silent
ones together cost the others at most a quarter of the line.

The protocol's times are libosdp's: a reply within 200 ms, the next try 800 ms later, a poll every 50 ms.
"""

from __future__ import annotations

import asyncio
import termios
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import serial

from drivers.api import Frame
from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.base import Deliver, OnState, SourceState, Teller
from gateway.sources.osdp_line import PATIENCE, Line, Talk
from gateway.sources.osdp_random import stir
from gateway.sources.osdp_reader import Known, Reader, cause_of, problem
from gateway.sources.osdp_show import Outcome, light, sound
from gateway.sources.port import MOVED, Port
from gateway.sources.serial import REFUSED, refusal

TICK_S = 0.01
STEPS = 2
"""Calls of `refresh` in a row: one takes a reply and decides, the next one sends."""
FAILED_S = 1.0
"""Between two tries with a reader that answers and yet fails."""
SILENT_S, SHARE_S = 1.0, 0.8
"""Between two questions to a silent reader: SILENT_S besides the second that libosdp takes for one, or SHARE_S for each
reader that is silent: a question costs 0.2 s of the line."""
STUCK_S = 3.0
"""Machine seconds in which a bus with a reader to ask asks none: libosdp goes by the wall clock, which was set back."""
MOST_BITS, MOST_SHOWN = 255, 8
"""Bits of a card; commands that wait for one reader."""
ENTER, CLEAR = 0x0D, 0x7F
KEYS = {digit: number for number, digit in enumerate(b"0123456789")} | {CLEAR: 10, ENTER: 11}
"""Wiegand's number of each key; readers say enter and clear for # and *."""
OnDevice = Callable[[str, bool, str], None]
"""Called when a reader comes or goes: its device, whether it is there, and why not, in one countable word."""


class OsdpSource:
    """One line of readers."""

    def __init__(
        self,
        source_id: str,
        port: str,
        readers: Iterable[Reader],
        clock: Clock,
        counters: Counters,
        *,
        baud: int = 9600,
        secure: bool = True,
        on_state: OnState | None = None,
        on_device: OnDevice | None = None,
    ) -> None:
        """`port`: a /dev/serial/by-id path. `secure`: a reader without a key is not read."""
        self.id = source_id
        self.state = SourceState()
        self._port = port
        self._name = Port(port)
        self._baud = baud
        self._clock = clock
        self._counters = counters
        self._teller = Teller(self.state, on_state)
        self._on_device = on_device
        self._known: dict[int, Known] = {}
        self._asked: list[Known] = []
        for reader in readers:
            known = Known(reader, Talk(secure=bool(reader.key)))
            self._known[reader.address] = known
            known.cause = reader.unusable(secure=secure)
            if not known.cause:
                known.index = len(self._asked)
                self._asked.append(known)
        self._line = Line({known.reader.address: known.talk for known in self._asked}, counters)
        self._library: Any = None
        self._panel: Any = None
        self._happened: list[tuple[int, dict[str, Any]]] = []

    async def run(self, deliver: Deliver) -> None:
        """Poll the readers until the line fails. Raises TransientError: unplugged, not there, taken by another."""
        try:
            import osdp_sys
        except ImportError as error:
            self._teller.down("missing", "libosdp is not installed: pip install 'hadir[osdp]'")
            raise TransientError(self.state.problem) from error
        self._library = osdp_sys
        if not self._asked:
            self._teller.down("unconfigured", self._problem())
            self._tell_all()
            await asyncio.get_running_loop().create_future()  # until cancelled: only the configuration can help
        line = await self._open()
        loop = asyncio.get_running_loop()
        wake = asyncio.Event()
        handle = line.fileno()
        try:
            if not await self._name.settled(handle, self._clock):
                self._teller.down("unplugged", f"{self._port}: {MOVED}")
                raise TransientError(self.state.problem, sign=self._name.appears)
            self._line.open(handle)
            loop.add_reader(handle, self._readable, wake)
            self.state.opens += 1
            await self._drive(deliver, wake)
        finally:
            loop.remove_reader(handle)
            self._panel = None
            self.state.up = False
            for known in self._asked:
                known.online, known.told, known.cause = False, None, ""
            _close(line)

    def answer(self, address: str, outcome: Outcome) -> None:
        """Show at a reader what its tap has done: its light, if it has one, and its buzzer."""
        known = self._known.get(int(address))
        if known is None or self._panel is None or not known.online:
            self._counters.add("osdp.unanswered", "down")
            return
        library = self._library
        for command, able, fields in (
            (library.CMD_LED, library.CAP_READER_LED_CONTROL, light(library, outcome)),
            (library.CMD_BUZZER, library.CAP_READER_AUDIBLE_OUTPUT, sound(outcome)),
        ):
            if command in known.mute or not self._panel.check_capability(known.index, able)[0]:
                continue  # libosdp takes a reader that refuses a command off the bus
            if known.showing >= MOST_SHOWN:
                self._counters.add("osdp.unanswered", "full")
            elif self._panel.submit_command(known.index, {"command": command, "reader": 0} | fields):
                known.showing += 1
            else:  # its communication has just begun anew
                self._counters.add("osdp.unanswered", "down")

    async def _open(self) -> serial.Serial:
        self._name.tries()
        opening = asyncio.get_running_loop().run_in_executor(
            None, lambda: serial.Serial(self._port, self._baud, timeout=0, exclusive=True)
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise
        except REFUSED as error:
            self._teller.down("missing", f"{self._port}: {refusal(self._port, error)}")
            raise TransientError(self.state.problem, sign=self._name.appears) from error

    async def _drive(self, deliver: Deliver, wake: asyncio.Event) -> None:
        """Keep libosdp going. Raises TransientError when the line is gone."""
        self._begin()
        self._tell_all()
        commands, asked_at = self._line.commands, self._clock.machine()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await wake.wait()
            wake.clear()
            stir()
            for _ in range(STEPS):
                self._panel.refresh()
            self._take(deliver)
            if self._line.problem:
                self._teller.down("unplugged", f"{self._port}: {self._line.problem}")
                raise TransientError(self.state.problem, sign=self._name.appears)
            now = self._clock.machine()
            self._revive(now)
            if self._line.commands != commands or all(known.parked is not None for known in self._asked):
                commands, asked_at = self._line.commands, now
            elif now - asked_at > STUCK_S * SECOND:
                self._counters.add("osdp.stuck")
                self._begin()
                asked_at = now

    def _readable(self, wake: asyncio.Event) -> None:
        if self._line.readable():
            wake.set()

    def _begin(self) -> None:
        """A new controller, which begins with all readers anew."""
        library = self._library
        library.set_loglevel(library.LOG_EMERG)  # it would write to stderr whatever a reader makes it say
        usual = library.FLAG_ENABLE_NOTIFICATION | library.FLAG_IGN_UNSOLICITED
        infos = []
        for known in self._asked:
            known.online, known.parked, known.showing = False, None, 0
            known.failures, known.talk.missed, known.talk.patience = 1, 0, 1  # that it is there must be seen first
            info = {"name": known.reader.device, "address": known.reader.address, "channel": self._line}
            info |= {"flags": usual | (library.FLAG_ENFORCE_SECURE if known.talk.secure else 0)}
            if known.talk.secure:
                info["scbk"] = known.reader.key
            infos.append(info)
        stir()
        self._happened.clear()
        self._panel = library.ControlPanel(infos)
        self._panel.set_event_callback(self._happen)

    def _happen(self, index: int, event: dict[str, Any]) -> int:
        """libosdp calls it within `refresh`, where nothing may be raised."""
        self._happened.append((index, dict(event)))
        event.clear()  # libosdp never frees it
        return 0

    def _take(self, deliver: Deliver) -> None:
        """What happened in the last steps."""
        happened, self._happened = self._happened, []
        library = self._library
        for index, event in happened:
            known = self._asked[index]
            match event["event"]:
                case library.EVENT_CARDREAD:
                    self._card(known, event, deliver)
                case library.EVENT_KEYPRESS:
                    for key in event["data"]:
                        self._key(known, key, deliver)
                case library.EVENT_NOTIFICATION if event["type"] == library.EVENT_NOTIFICATION_PD_STATUS:
                    if event["arg0"]:
                        self._came(known)
                    elif known.parked is None:  # else it is the disabling that libosdp tells
                        self._went(known)
                case library.EVENT_NOTIFICATION if event["type"] == library.EVENT_NOTIFICATION_COMMAND:
                    known.showing = max(0, known.showing - 1)
                    if not event["arg1"] and not known.talk.silent:
                        known.mute.add(event["arg0"])
                        self._counters.add("osdp.unanswered", "refused")

    def _card(self, known: Known, event: Mapping[str, Any], deliver: Deliver) -> None:
        """A card's bits; what lies behind the last one means nothing."""
        library = self._library
        if event["format"] not in (library.CARD_FMT_RAW_UNSPECIFIED, library.CARD_FMT_RAW_WIEGAND):
            self._counters.add("osdp.dropped", "ascii" if event["format"] == library.CARD_FMT_ASCII else "format")
            return
        size, data = event["length"], event["data"]
        if not 0 < size <= MOST_BITS:
            self._counters.add("osdp.dropped", "length")
            return
        behind = 8 * len(data) - size
        bits = int.from_bytes(data, "big") >> behind << behind
        self._deliver(known, bytes((size,)) + bits.to_bytes(len(data), "big"), deliver)

    def _key(self, known: Known, key: int, deliver: Deliver) -> None:
        """A key is four bits, which the driver can never take for a card."""
        number = KEYS.get(key)
        if number is None:
            self._counters.add("osdp.dropped", "key")
            return
        self._deliver(known, bytes((4, number << 4)), deliver)

    def _deliver(self, known: Known, payload: bytes, deliver: Deliver) -> None:
        office, machine = self._clock.office(), self._clock.machine()
        self.state.frames += 1
        self.state.last_frame = machine
        deliver(Frame("wiegand", self.id, str(known.reader.address), payload, None, office, machine))

    def _came(self, known: Known) -> None:
        known.online, known.failures, known.talk.patience = True, 0, PATIENCE
        if not known.told:
            known.told, known.cause = True, ""
            self._tell(known)

    def _went(self, known: Known) -> None:
        """libosdp gave a reader up. It is told when it is silent, or fails again at once: one lost byte is not news."""
        known.online = False
        known.failures += 1
        cause = cause_of(known.talk)
        if cause == "silent":
            known.talk.patience = 1
        if (cause == "silent" or known.failures > 1) and (known.told is not False or known.cause != cause):
            known.told, known.cause = False, cause
            self._counters.add("osdp.lost", cause)
            self._tell(known)
        known.parked = self._clock.machine() + int(self._pause(known, cause) * SECOND)
        self._panel.disable_pd(known.index)
        self._panel.flush_commands(known.index)  # a light that comes minutes late says something wrong
        known.showing = 0

    def _pause(self, known: Known, cause: str) -> float:
        """Seconds until a reader is tried again."""
        if known.failures == 1:
            return 0.0
        if cause != "silent":
            return FAILED_S
        return max(SILENT_S, SHARE_S * sum(each.cause == "silent" for each in self._asked) - 1.0)

    def _revive(self, now: int) -> None:
        """Ask those again whose time has come."""
        for known in self._asked:
            # libosdp enables only what it has disabled, which takes it a step
            if known.parked is not None and now >= known.parked and self._panel.enable_pd(known.index):
                known.parked, known.talk.missed = None, 0

    def _tell(self, known: Known) -> None:
        """A reader came or went."""
        if any(each.told for each in self._asked):
            if not self.state.up:
                self._teller.up()
                self._tell_all()  # to those who now take all of them for there
            elif self._on_device is not None:
                self._on_device(known.reader.device, bool(known.told), known.cause)
            self.state.problem = self._problem()
        elif all(each.told is False for each in self._asked):
            causes = {each.cause for each in self._asked}
            self._teller.down(causes.pop() if len(causes) == 1 else "silent", self._problem())
            self._tell_all()
        elif self._on_device is not None:
            self._on_device(known.reader.device, bool(known.told), known.cause)

    def _tell_all(self) -> None:
        for known in self._known.values():
            if self._on_device is not None and (known.told is not None or known.cause):
                self._on_device(known.reader.device, bool(known.told), known.cause)

    def _problem(self) -> str:
        return problem(self._known.values(), self._baud)


def _close(line: serial.Serial) -> None:
    """Close at once: what was not sent yet is thrown away, or the kernel would wait for it up to 30 s."""
    with suppress(OSError, termios.error):  # it has hung up already: nothing waits
        termios.tcflush(line.fileno(), termios.TCOFLUSH)
    line.close()


def _close_unused(opening: asyncio.Future[serial.Serial]) -> None:
    """The run was cancelled while the line was being opened."""
    if not opening.cancelled() and opening.exception() is None:
        _close(opening.result())

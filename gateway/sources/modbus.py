"""Hop 1, Modbus: units on an RS-485 line or behind TCP are asked in turn for what their register maps want.

`pymodbus` speaks; we decide. What one has to know of it:

    it asks again and reconnects by itself        retries=0, reconnect_delay=0: else one dead unit keeps the line
    after a few time-outs it closes the line      set_max_no_responses: here only a silent bus gets a new connection
    `connect` says False, not why                 the line is opened once before, off the loop, and says why
    it takes any function and length for answer   checked here; RTU answers carry no number, so a unit that was late is
                                                  left alone for as long, or its answer would pass for the next one's
    a cancellation may be lost in wait_for        Python 3.11; looked at after each answer
    a time-out is an error in its log             it is counted and told here instead

A reading that fails gives no frame. A unit that is silent costs the others at most SHARE of the bus.
Sources: MODBUS Application Protocol V1.1b3, section 7 (exceptions); MODBUS over Serial Line V1.02, 2.5.1.1
(silence between frames).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import serial

from drivers.api import Frame
from drivers.occupancy.modbus import BITS, Read
from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.base import Deliver, OnState, SourceState, Teller
from gateway.sources.port import Port
from gateway.sources.serial import REFUSED, refusal

if TYPE_CHECKING:
    from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient

    Client = AsyncModbusSerialClient | AsyncModbusTcpClient

MISSES = 2
"""Failures in a row before a unit that has answered is down: noise takes an answer now and then."""
SHARE = 0.1
"""Of the bus's time, what one silent unit may take."""
GAP_CHARACTERS, CHARACTER_BITS, GAP_S = 3.5, 11, 0.00175
"""Silence between two frames on a line."""
MOST_TOLD = 8
"""Units in one sentence."""
MOST_FAILURES = 1 << 30
"""pymodbus closes a connection after so many time-outs: never."""
FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WORDS = {
    "silent": "does not answer; is it powered, does it have this address, are A and B right?",
    "garbled": "answers what is no frame; are {line} right, or do two units have this address?",
    "mapping": "refuses {what} ({why}): its mapping is not of this device",
    "failed": "cannot read {what} ({why}); look at the device",
}
"""Cause of a unit that is down -> what to do about it."""
EXCEPTIONS = {
    1: ("mapping", "it does not have this function"),
    2: ("mapping", "it does not have this address"),
    3: ("mapping", "it does not give so many at once"),
    4: ("failed", "device failure"),
    5: ("failed", "it asks for patience"),
    6: ("failed", "it is busy"),
    8: ("failed", "its memory is damaged"),
    10: ("silent", "the gateway has no path to it"),
    11: ("silent", "the gateway does not reach it"),
}
"""Exception code -> cause and words."""
OnDevice = Callable[[str, bool, str], None]
"""Called with a device's id when its unit comes or goes: whether it answers, and why not, in one countable word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One unit, as the configuration has it."""

    address: int
    device: str
    reads: Sequence[Read]


@dataclass(slots=True)
class _Known:
    """One unit, as we know it."""

    unit: Unit
    due: int = 0
    """Machine time of the next question."""
    misses: int = 0
    """In a row."""
    told: bool | None = None
    """Whether it was said to be there; None: nothing yet."""
    cause: str = ""
    problem: str = ""


class _Failed(Exception):
    """A unit's reading failed; the bus works."""

    def __init__(self, cause: str, *, what: str = "", why: str = "") -> None:
        super().__init__(cause)
        self.cause, self.what, self.why = cause, what, why


class ModbusSource:
    """One bus."""

    def __init__(
        self,
        source_id: str,
        units: Iterable[Unit],
        clock: Clock,
        counters: Counters,
        *,
        port: str | None = None,
        baud: int = 9600,
        parity: str = "N",
        stop_bits: int = 1,
        host: str = "",
        tcp_port: int = 502,
        poll_s: float = 10.0,
        timeout_s: float = 1.0,
        on_state: OnState | None = None,
        on_device: OnDevice | None = None,
    ) -> None:
        """RTU on `port`, a /dev/serial/by-id path, or TCP to `host`."""
        self.id = source_id
        self.state = SourceState()
        self._known = [_Known(unit) for unit in units]
        self._clock = clock
        self._counters = counters
        self._port = port
        self._plug = Port(port or "")  # a host's never appears
        self._baud, self._parity, self._stop_bits = baud, parity, stop_bits
        self._host, self._tcp_port = host, tcp_port
        self._poll = int(poll_s * SECOND)
        self._timeout_s = timeout_s
        self._gap_s = max(GAP_CHARACTERS * CHARACTER_BITS / baud, GAP_S) if port else 0.0
        self._teller = Teller(self.state, on_state)
        self._on_device = on_device
        self._name = port or f"{host}:{tcp_port}"
        self._heard = False
        """Bytes came since the last question."""
        self._lost = asyncio.Event()

    async def run(self, deliver: Deliver) -> None:
        """Poll until the bus fails. Raises TransientError: not there, unplugged, refused, or nobody answers."""
        try:
            import pymodbus  # noqa: F401
        except ImportError as error:
            self._teller.down("missing", "pymodbus is not installed: pip install 'hadir[modbus]'")
            raise TransientError(self.state.problem) from error
        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
        client = await self._connect()
        self.state.opens += 1
        now = self._clock.machine()
        for known in self._known:
            known.due, known.misses = now, 0
        try:
            while True:
                known = min(self._known, key=lambda one: one.due)  # who has waited longest: nobody is forgotten
                await self._wait(known.due)
                await self._ask(client, known, deliver)
                if self._lost.is_set() or not client.connected:
                    self._teller.down("unplugged", f"{self._name}: {self._gone()}")
                    raise TransientError(self.state.problem, sign=self._plug.appears)
                if all(one.told is False and one.misses and one.cause in ("silent", "garbled") for one in self._known):
                    self._teller.down("silent", f"{self._name}: {self._problem()}")
                    raise TransientError(self.state.problem)  # a new connection may help, and harms nobody
        finally:
            # later: pymodbus wires a line that it has opened in the loop's next round
            asyncio.get_running_loop().call_soon(client.close)
            self.state.up = False
            for known in self._known:
                known.told, known.cause, known.problem = None, "", ""

    # --- asking ------------------------------------------------------------------------------------------------------

    async def _wait(self, due: int) -> None:
        """Until it is time, or until the line is lost."""
        left = (due - self._clock.machine()) / SECOND
        if left > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._lost.wait()

    async def _ask(self, client: Client, known: _Known, deliver: Deliver) -> None:
        """All that a unit's map wants, as one frame; or why there is none."""
        if self._lost.is_set():
            return
        asked = self._clock.machine()
        try:
            payload = b"".join([await self._read(client, known.unit, read) for read in known.unit.reads])
        except _Failed as failed:
            if self._lost.is_set():
                return  # it is not the unit's fault
            known.misses += 1
            self._counters.add("modbus.failed", failed.cause)
            now = self._clock.machine()
            pause = now - asked if known.misses < MISSES else int((now - asked) / SHARE)
            known.due = max(known.due + self._poll, now + pause)
            answered = failed.cause in ("mapping", "failed")
            if answered or known.told is None or known.misses >= MISSES:
                self._tell(known, failed, answered=answered)
            return
        office, machine = self._clock.office(), self._clock.machine()
        known.misses, known.due = 0, max(known.due + self._poll, machine)
        self._tell(known, None, answered=True)
        self.state.frames += 1
        self.state.last_frame = machine
        deliver(Frame("modbus", self.id, str(known.unit.address), payload, None, office, machine))

    async def _read(self, client: Client, unit: Unit, read: Read) -> bytes:
        """What one question brings, as the driver wants it. Raises _Failed."""
        from pymodbus.exceptions import ModbusException

        ask = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }[read.function]
        await asyncio.sleep(self._gap_s)
        self._heard = False
        try:
            answer = await ask(read.first, count=read.length, device_id=unit.address)
        except ModbusException as error:
            raise _Failed("garbled" if self._heard else "silent") from error
        finally:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError
        if answer.function_code == FUNCTIONS[read.function] | 0x80:
            code = answer.exception_code
            cause, why = EXCEPTIONS.get(code, ("failed", "no reason that is known"))
            raise _Failed(cause, what=_what(read), why=f"exception {code}: {why}")
        payload = _payload(answer, read)
        if answer.function_code != FUNCTIONS[read.function] or len(payload) != read.size:
            raise _Failed("garbled")
        return payload

    # --- telling -----------------------------------------------------------------------------------------------------

    def _tell(self, known: _Known, failed: _Failed | None, *, answered: bool) -> None:
        """A unit was asked; say what is new. `answered`: the bus works, whatever the unit said."""
        before = (known.told, known.cause)
        known.told, known.cause, known.problem = failed is None, "", ""
        if failed is not None:
            line = f"{self._baud} baud, parity {self._parity} and stop bits" if self._port else "its settings"
            known.cause = failed.cause
            known.problem = WORDS[failed.cause].format(line=line, what=failed.what, why=failed.why)
        if answered and not self.state.up:
            self._teller.up()
            for one in self._known:  # whoever hears "up" takes all of them for there
                self._tell_one(one)
        elif self.state.up and before != (known.told, known.cause):
            self._tell_one(known)
        if self.state.up:
            self.state.problem = self._problem()

    def _tell_one(self, known: _Known) -> None:
        if self._on_device is not None and known.told is not None:
            self._on_device(known.unit.device, known.told, known.cause)

    def _problem(self) -> str:
        """Of all units that are down, what to do about them."""
        down = [known for known in self._known if known.problem]
        words = [f'unit {one.unit.address} ("{one.unit.device}") {one.problem}' for one in down[:MOST_TOLD]]
        return "; ".join(words + ([f"and {len(down) - MOST_TOLD} more"] if len(down) > MOST_TOLD else []))

    def _gone(self) -> str:
        return "unplugged" if self._port else "the other end has closed the connection"

    # --- the line ----------------------------------------------------------------------------------------------------

    async def _connect(self) -> Client:
        """A new client: one whose line was lost is not to be trusted. Raises TransientError."""
        self._lost = asyncio.Event()
        client = await self._serial() if self._port else self._tcp()
        client.set_max_no_responses(MOST_FAILURES)
        try:
            if await client.connect():
                return client
            problem = await self._refused()
        except REFUSED as error:
            problem = refusal(self._port or "", error)
        except asyncio.CancelledError:
            asyncio.get_running_loop().call_soon(client.close)
            raise
        client.close()
        self._teller.down("missing", f"{self._name}: {problem}")
        raise TransientError(self.state.problem)

    async def _serial(self) -> Client:
        from pymodbus.client import AsyncModbusSerialClient

        port = self._port or ""
        self._plug.tries()
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._try)
        except REFUSED as error:
            self._teller.down("missing", f"{self._name}: {refusal(port, error)}")
            raise TransientError(self.state.problem, sign=self._plug.appears) from error
        return AsyncModbusSerialClient(
            port, baudrate=self._baud, parity=self._parity, stopbits=self._stop_bits, **self._common()
        )

    def _tcp(self) -> Client:
        from pymodbus.client import AsyncModbusTcpClient

        return AsyncModbusTcpClient(self._host, port=self._tcp_port, **self._common())

    def _common(self) -> dict[str, Any]:
        return {
            "timeout": self._timeout_s,
            "retries": 0,
            "reconnect_delay": 0,
            "trace_packet": self._packet,
            "trace_connect": self._connected,
        }

    def _packet(self, sending: bool, data: bytes) -> bytes:
        """pymodbus has bytes: whether anything came at all tells a silent unit from a garbled one."""
        self._heard = self._heard or not sending
        return data

    def _connected(self, connected: bool) -> None:
        if not connected:
            self._lost.set()

    def _try(self) -> None:
        """Open the line as pymodbus will, for the reason why it cannot be; some adapters take seconds."""
        serial.Serial(
            self._port, self._baud, parity=self._parity, stopbits=self._stop_bits, timeout=0, exclusive=True
        ).close()

    async def _refused(self) -> str:
        """Why there is no TCP connection."""
        if self._port:
            return "cannot be opened"
        try:
            async with asyncio.timeout(self._timeout_s):
                _, writer = await asyncio.open_connection(self._host, self._tcp_port)
        except TimeoutError:
            return "no answer; is the address right, and is it on this network?"
        except OSError as error:
            return f"{error.strerror or error}; is the address right, and is Modbus TCP switched on there?"
        writer.close()
        return "no connection, though one is possible: it may serve one client only"


def _payload(answer: Any, read: Read) -> bytes:
    """Registers high byte first; bits a byte each, without those that fill up the last byte."""
    if read.function in BITS:
        bits = answer.bits
        return bytes(map(bool, bits[: read.length])) if len(bits) == -(-read.length // 8) * 8 else b""
    return b"".join(register.to_bytes(2, "big") for register in answer.registers)


def _what(read: Read) -> str:
    """`holding 4 to 7`."""
    last = read.first + read.length - 1
    return f"{read.function} {read.first}" + (f" to {last}" if last > read.first else "")

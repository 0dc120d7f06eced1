"""Hop 1, PC/SC: a contactless reader behind pcscd; each card that comes is asked for its number.

PC/SC blocks, so it has a thread of its own, which looks up every WAIT_MS: that is how long it outlives a cancellation.
A frame is the answer to Get Data, FF CA 00 00 00, status word and all. A card that lies there when the reader is found
is no tap: it may have been one before.

Sources: PC/SC Workgroup, Interoperability Specification part 3, 3.2.2.1.3 (Get Data); ACS, ACR122U API V2.04, 6.2
(LED and buzzer), and its beep at each card, which says only that it has seen one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from drivers.api import Frame
from gateway.clock import Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.base import Deliver, OnState, SourceState, Teller
from gateway.sources.pcsclite import CARD, GONE, MUTE, PRESENT, STATES, Scard, ScardError

_T = TypeVar("_T")
WAIT_MS = 500
GET_UID = bytes.fromhex("FFCA000000")
SHOWS = "ACR122"
"""In the name of a reader whose light and buzzer we know."""
RED, GREEN = 0x50, 0xA0
"""Blinking from lit; afterwards the light is the reader's again."""
SHOWN: Mapping[str, bytes] = {
    "taken": bytes((0xFF, 0x00, 0x40, GREEN, 4, 8, 1, 1, 0)),
    "left": bytes((0xFF, 0x00, 0x40, GREEN, 4, 1, 1, 2, 0)),
    "refused": bytes((0xFF, 0x00, 0x40, RED, 4, 1, 1, 3, 1)),
}
"""By outcome: lit and dark for so many tenths of a second, so many times; 1: with a beep."""


class _Card(NamedTuple):
    """What the thread has found."""

    answer: bytes = b""
    failed: str = ""
    """In one countable word."""


class PcscSource:
    """One reader."""

    def __init__(
        self,
        source_id: str,
        reader: str | None,
        clock: Clock,
        counters: Counters,
        *,
        on_state: OnState | None = None,
    ) -> None:
        """`reader`: what its name begins with; None: the only one."""
        self.id = source_id
        self.state = SourceState()
        self._wanted = reader
        self._clock = clock
        self._counters = counters
        self._teller = Teller(self.state, on_state)
        self._reader = ""
        self._known = 0
        """The reader's last state word."""
        self._showing: asyncio.Future[None] | None = None

    async def run(self, deliver: Deliver) -> None:
        """Wait for cards until the reader fails. Raises TransientError: no pcscd, no reader, unplugged."""
        self._reader, self._known = "", 0
        threads = ThreadPoolExecutor(1, thread_name_prefix=f"pcsc {self.id}")
        opened: list[Scard] = []
        try:
            scard = await _in(threads, _open, opened)
            self._reader = await _in(threads, self._find, scard)
            self._known = await _in(threads, scard.state, self._reader, 0, 0)
            self.state.opens += 1
            self._teller.up()
            while True:
                card = await _in(threads, self._next, scard)
                if card is not None:
                    self._card(card, deliver)
        except ScardError as error:
            cause = "unplugged" if self.state.up else "missing"
            self._teller.down(cause, f"{self._reader or self._wanted or 'PC/SC'}: {error}")
            raise TransientError(self.state.problem) from error
        except OSError as error:
            self._teller.down("missing", "libpcsclite is not installed: apt-get install pcscd")
            raise TransientError(self.state.problem) from error
        finally:
            self.state.up = False
            threads.submit(_close, opened)  # after what it does now
            threads.shutdown(wait=False)

    def answer(self, address: str, outcome: str) -> None:  # noqa: ARG002 it is one reader
        """Show at the reader what its tap has done, while the card is still there."""
        if SHOWS not in self._reader or outcome not in SHOWN:
            return
        if not self.state.up or (self._showing is not None and not self._showing.done()):
            self._counters.add("pcsc.unanswered", "busy" if self.state.up else "down")
            return
        self._showing = asyncio.get_running_loop().run_in_executor(None, _show, self._reader, SHOWN[outcome])
        self._showing.add_done_callback(self._shown)

    def _shown(self, showing: asyncio.Future[None]) -> None:
        if not showing.cancelled() and showing.exception() is not None:
            self._counters.add("pcsc.unanswered", "card_gone")

    def _card(self, card: _Card, deliver: Deliver) -> None:
        if card.failed:
            self._counters.add("pcsc.dropped", card.failed)
            return
        office, machine = self._clock.office(), self._clock.machine()
        self.state.frames += 1
        self.state.last_frame = machine
        deliver(Frame("pcsc", self.id, "", card.answer, None, office, machine))

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _find(self, scard: Scard) -> str:
        readers = scard.readers()
        found = [name for name in readers if name.startswith(self._wanted or "")]
        if len(found) == 1:
            return found[0]
        if not readers:
            raise _Problem("no reader is plugged in; pcsc_scan shows those that are")
        if not found:
            raise _Problem(f"no reader has this name; there are: {', '.join(readers)}")
        raise _Problem(f"which one? write the beginning of its name as `reader`: {', '.join(found)}")

    def _next(self, scard: Scard) -> _Card | None:
        """The next card, or None for now."""
        before, now = self._known, scard.state(self._reader, self._known, WAIT_MS)
        self._known = now
        if now & GONE:
            raise _Problem("unplugged")
        came = now & PRESENT and (not before & PRESENT or now & ~STATES != before & ~STATES)
        if not came:
            return None
        if now & MUTE:
            return _Card(failed="mute")
        try:
            return _Card(scard.ask(self._reader, GET_UID))
        except ScardError as error:
            if error.code not in CARD:
                raise
            return _Card(failed="card_gone")


class _Problem(ScardError):
    """What is wrong, in words of ours."""

    def __init__(self, words: str) -> None:
        Exception.__init__(self, words)
        self.code = 0


async def _in(threads: ThreadPoolExecutor, work: Callable[..., _T], *arguments: object) -> _T:
    return await asyncio.get_running_loop().run_in_executor(threads, lambda: work(*arguments))


def _open(opened: list[Scard]) -> Scard:
    opened.append(Scard())
    return opened[0]


def _close(opened: list[Scard]) -> None:
    for scard in opened:
        scard.close()


def _show(reader: str, command: bytes) -> None:
    """With a context of its own: the other one waits for cards."""
    scard = Scard()
    try:
        scard.ask(reader, command)
    finally:
        scard.close()

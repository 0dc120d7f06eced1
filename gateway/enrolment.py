"""The pairing window: an operator taps a new card at a reader, or presses a sensor, within a minute of asking.

A card that nobody holds is kept here as its keyed index, for the length of the window, and told to who asked by
`res/<client>/enrol`; its number goes nowhere, is in no event and no log. With the index the people table gives the card
to a person. While a window is open, what is heard of fixed devices is said at once, and not with the next heartbeat.

    cmd/<site>/<gw>/enrol  args {window: a word that the asker made up, until: ns office, reader: a device or ""}

The first time that a word is heard opens the window; after that the same word asks what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.clock import SECOND, Clock
from gateway.credentials import SiteKey

NAME = "enrol"
LONGEST_S = 60
KEPT_S = 30
"""After its end a window still answers what was tapped in it."""
MOST = 16
"""Windows at once."""
MOST_STRANGERS, MOST_ADDRESS = 16, 64
PASSING = ("ble", "badge", "em4100", "wiegand", "pcsc", "keyboard", "door")
"""Media whose addresses may be a person's: BLE adverts, and whatever reads cards."""
SAID_EVERY_S = 1.0
"""Of one device, while a window is open; machine time."""
WAITING, CLOSED, TAKEN, SEVERAL, AMBIGUOUS, NO_READER, FULL = (
    "waiting", "closed", "taken", "several", "ambiguous", "no_reader", "full",
)  # fmt: skip


class Stranger(NamedTuple):
    """A device that was heard and is in no configuration. Never what passes by a radio receiver."""

    source: str
    medium: str
    address: str


class Found(NamedTuple):
    """What came of a window."""

    card: str = ""
    """Its index; empty: there is none."""
    reason: str = ""
    """Why not: one of the words above."""
    strangers: tuple[Stranger, ...] = ()


@dataclass(slots=True)
class _Window:
    reader: str
    until: int
    """Office ns."""
    indices: set[str] = field(default_factory=set)
    refused: str = ""
    strangers: dict[Stranger, None] = field(default_factory=dict)


class Enrolment:
    """Of one gateway."""

    def __init__(self, key: SiteKey, clock: Clock, readers: Callable[[str], bool], said: Callable[[str], None]) -> None:
        """`readers`: whether a badge reader of that name is here; `said`: say a device's state now."""
        self._key, self._clock, self._readers, self._said = key, clock, readers, said
        self._windows: dict[str, _Window] = {}
        self._last: dict[str, int] = {}

    def asked(self, args: Mapping[str, Any]) -> Found:
        """Open a window, or say what came of it. `args`: as CommandMessage has them."""
        word, until, reader = args.get("window"), args.get("until"), args.get("reader", "")
        if not isinstance(word, str) or not isinstance(reader, str) or type(until) is not int or not word:
            return Found(reason="invalid")
        now = self._clock.office()
        self._forget(now)
        window = self._windows.get(word)
        if window is None:
            if until <= now:
                return Found(reason=CLOSED)
            if reader and not self._readers(reader):
                return Found(reason=NO_READER)
            if len(self._windows) >= MOST:
                return Found(reason=FULL)
            window = self._windows[word] = _Window(reader, min(until, now + LONGEST_S * SECOND))
        if len(window.indices) == 1:
            return Found(card=next(iter(window.indices)))
        if window.indices:
            return Found(reason=SEVERAL)
        reason = window.refused or (WAITING if now < window.until else CLOSED)
        return Found(reason=reason, strangers=tuple(window.strangers))

    def stranger(self, reader: str, number: str, realm: str) -> bool:
        """A card that nobody holds was tapped; whether it was meant for a window, and is nobody's mistake."""
        windows = self._open(reader)
        for window in windows:
            window.indices.add(self._key.index(number, realm))
        return bool(windows)

    def other(self, reader: str, cause: str) -> None:
        """A card was tapped that cannot be given away: `taken` by a person, or `ambiguous`."""
        for window in self._open(reader):
            window.refused = cause

    def unbound(self, source: str, medium: str, address: str) -> None:
        """A frame of a device that nobody configured. What passes by a radio receiver is a phone, and not told."""
        if not self._windows or not address or medium.startswith(PASSING) or len(address) > MOST_ADDRESS:
            return
        for window in self._open(""):
            if len(window.strangers) < MOST_STRANGERS:
                window.strangers[Stranger(source, medium, address)] = None

    def heard(self, device: str) -> None:
        """A fixed device has said something."""
        if not self._windows:
            return
        now = self._clock.machine()
        if self._open() and now - self._last.get(device, 0) >= SAID_EVERY_S * SECOND:
            self._last[device] = now
            self._said(device)

    def _open(self, reader: str | None = None) -> list[_Window]:
        now = self._clock.office()
        return [one for one in self._windows.values() if now < one.until and reader in (None, one.reader)]

    def _forget(self, now: int) -> None:
        for word in [word for word, one in self._windows.items() if now >= one.until + KEPT_S * SECOND]:
            del self._windows[word]
        if not self._windows:
            self._last.clear()

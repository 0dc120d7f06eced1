"""PC/SC through libpcsclite, by ctypes: the few calls that a card reader needs. Every call may block; for threads.

`pyscard` has no wheels for Linux: it would need swig, a compiler and the library's headers on the gateway, while the
library itself comes with pcscd. Source: pcsc-lite 1.9, winscard.h, pcsclite.h, wintypes.h (DWORD is `unsigned long`,
LONG `long`); PC/SC Workgroup, Interoperability Specification part 5.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_long, c_ubyte, c_ulong, c_void_p
from typing import Any

LIBRARY = "libpcsclite.so.1"
SYSTEM = 2
SHARED = 2
T0, T1 = 1, 2
LEAVE = 0
LONGEST_ANSWER = 264
EMPTY, PRESENT, MUTE = 0x10, 0x20, 0x200
GONE = 0x04 | 0x08
"""Unknown, unavailable: the reader is not there any more."""
STATES = 0xFFFF
"""Of a reader's state word; above them, how many cards came and went."""
TIMEOUT = 0x8010000A
NO_READERS = 0x8010002E
NO_SERVICE = 0x8010001D
NAMES = {
    0x80100009: "unknown reader",
    0x8010000B: "another program holds the card",
    0x8010000C: "the card is gone",
    0x8010000F: "no protocol that the card speaks",
    0x80100013: "pcscd has gone",
    0x80100016: "the card is gone",
    0x80100017: "the reader is gone",
    0x8010001E: "pcscd was stopped",
    0x80100066: "the card does not answer",
    0x80100067: "the card has no power",
    0x80100068: "the card was reset",
    0x80100069: "the card is gone",
    NO_SERVICE: "pcscd does not run: apt-get install pcscd; systemctl start pcscd.socket",
    NO_READERS: "no reader is plugged in",
}
CARD = frozenset((0x8010000B, 0x8010000C, 0x8010000F, 0x80100016, 0x80100066, 0x80100067, 0x80100068, 0x80100069))
"""What is wrong with a card, not with its reader."""


class ScardError(Exception):
    """A call failed."""

    def __init__(self, code: int) -> None:
        self.code = code & 0xFFFFFFFF
        super().__init__(NAMES.get(self.code, f"PC/SC error {self.code:08X}"))


class _ReaderState(ctypes.Structure):
    _fields_ = (
        ("reader", c_char_p),
        ("user_data", c_void_p),
        ("current", c_ulong),
        ("event", c_ulong),
        ("atr_size", c_ulong),
        ("atr", c_ubyte * 33),
    )


class _Pci(ctypes.Structure):
    _fields_ = (("protocol", c_ulong), ("size", c_ulong))


class Scard:
    """One context, for one thread. Raises ScardError; OSError where the library is missing."""

    def __init__(self) -> None:
        self._library = _load()
        context = c_long()
        _check(self._library.SCardEstablishContext(SYSTEM, None, None, byref(context)))
        self._context = context

    def close(self) -> None:
        """Give the context back."""
        self._library.SCardReleaseContext(self._context)

    def readers(self) -> list[str]:
        """Their names; empty where there is none."""
        size = c_ulong()
        code = self._library.SCardListReaders(self._context, None, None, byref(size))
        if code & 0xFFFFFFFF == NO_READERS:
            return []
        _check(code)
        names = ctypes.create_string_buffer(size.value)
        _check(self._library.SCardListReaders(self._context, None, names, byref(size)))
        return [name.decode("utf-8", "replace") for name in names.raw[: size.value].split(b"\0") if name]

    def state(self, reader: str, known: int, wait_ms: int) -> int:
        """A reader's state word: at once where `known` is 0, else when it is another, or after the wait."""
        state = _ReaderState(reader=reader.encode(), current=known)
        code = self._library.SCardGetStatusChange(self._context, wait_ms, byref(state), 1)
        if code & 0xFFFFFFFF == TIMEOUT:
            return known
        _check(code)
        return int(state.event) & ~0x02  # "changed", which is no state

    def ask(self, reader: str, command: bytes) -> bytes:
        """What the card on the reader, or the reader while a card is on it, answers to one command."""
        card, protocol = c_long(), c_ulong()
        connect = self._library.SCardConnect
        _check(connect(self._context, reader.encode(), SHARED, T0 | T1, byref(card), byref(protocol)))
        try:
            pci = _Pci(protocol.value, ctypes.sizeof(_Pci))
            answer, size = ctypes.create_string_buffer(LONGEST_ANSWER), c_ulong(LONGEST_ANSWER)
            transmit = self._library.SCardTransmit
            _check(transmit(card, byref(pci), command, len(command), None, answer, byref(size)))
            return answer.raw[: size.value]
        finally:
            self._library.SCardDisconnect(card, LEAVE)


def _check(code: int) -> None:
    if code:
        raise ScardError(code)


def _load() -> Any:
    library = ctypes.CDLL(LIBRARY)
    words: dict[str, tuple[Any, ...]] = {
        "SCardEstablishContext": (c_ulong, c_void_p, c_void_p, POINTER(c_long)),
        "SCardReleaseContext": (c_long,),
        "SCardListReaders": (c_long, c_char_p, c_char_p, POINTER(c_ulong)),
        "SCardGetStatusChange": (c_long, c_ulong, POINTER(_ReaderState), c_ulong),
        "SCardConnect": (c_long, c_char_p, c_ulong, c_ulong, POINTER(c_long), POINTER(c_ulong)),
        "SCardDisconnect": (c_long, c_ulong),
        "SCardTransmit": (c_long, POINTER(_Pci), c_char_p, c_ulong, c_void_p, c_char_p, POINTER(c_ulong)),
    }
    for name, arguments in words.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, c_long
    return library

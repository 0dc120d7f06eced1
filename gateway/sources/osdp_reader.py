"""What is known of one OSDP reader, and what is said of those that are down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.sources.osdp_line import CHLNG, NAK, PDCAP, SCRYPT, Talk

KEY_BYTES = 16
DEFAULT_KEY = bytes(range(0x30, 0x40))
"""SCBK-D, which everybody knows."""
MOST_TOLD = 8
"""Readers in one sentence."""
WORDS = {
    "unconfigured": "has no key: write its SCBK into the file of device_keys, {device} and 32 hexadecimal digits",
    "bad_key": "its key in device_keys is no SCBK: 32 hexadecimal digits, and not the default that everybody knows",
    "silent": "does not answer; is it powered, are A and B right, does it have address {address} and {baud} baud?",
    "not_secure": "cannot do Secure Channel; replace it, or remove its key and write secure: false",
    "wrong_key": "has another key than device_keys, or none of its own: give both the same SCBK",
    "refused": "refuses what it is asked; if it wants Secure Channel, its key is missing in device_keys",
    "failed": "answers what OSDP does not allow; is another controller on the line, or another reader of this address?",
}
"""Cause of a reader that is down -> what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader, as the configuration has it."""

    address: int
    device: str
    key: bytes = field(default=b"", repr=False)

    def unusable(self, *, secure: bool) -> str:
        """The cause for which it is never asked; empty: it is. `secure`: without a key it is not read."""
        if self.key and (len(self.key) != KEY_BYTES or self.key == DEFAULT_KEY):
            return "bad_key"
        return "unconfigured" if secure and not self.key else ""


@dataclass(slots=True)
class Known:
    """One reader, as we know it."""

    reader: Reader
    talk: Talk
    index: int = -1
    """libosdp's number for it; -1: it is never asked."""
    online: bool = False
    told: bool | None = None
    """Whether it was said to be there; None: nothing yet."""
    cause: str = ""
    failures: int = 0
    """In a row."""
    parked: int | None = None
    """Machine time from which it is asked again; None: it is asked."""
    showing: int = 0
    """Commands that wait for it."""
    mute: set[int] = field(default_factory=set)
    """Commands that it refused."""


def cause_of(talk: Talk) -> str:
    """Why libosdp gave a reader up, by what was said last."""
    if talk.silent:
        return "silent"
    if talk.said == PDCAP:
        return "not_secure"
    if talk.asked in (CHLNG, SCRYPT):
        return "wrong_key"
    return "refused" if talk.said == NAK else "failed"


def problem(readers: Iterable[Known], baud: int) -> str:
    """Of all readers that are down, what to do about them."""
    down = [known for known in readers if known.cause]
    words = [
        f'reader {known.reader.address} ("{known.reader.device}"): '
        + WORDS[known.cause].format(device=known.reader.device, address=known.reader.address, baud=baud)
        for known in down[:MOST_TOLD]
    ]
    if len(down) > MOST_TOLD:
        words.append(f"and {len(down) - MOST_TOLD} more")
    return "; ".join(words)

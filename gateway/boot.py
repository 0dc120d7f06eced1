"""The boot number: which life of a gateway an event comes from.

`000041-b7f3`: a counter that never goes back, and four random hex digits that tell two boxes with one identity apart.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from zlib import crc32

from gateway import durable
from gateway.ballast import Ballast
from gateway.errors import TransientError

_BOOT = re.compile(r"([0-9]{6})-[0-9a-f]{4}")
_FILE = re.compile(r"([0-9]{1,6})(?: ([0-9a-f]{8}))?")
"""Number and sum: a changed bit must not set it back. An early hadir wrote no sum."""


def counter(boot: str) -> int:
    """The counter of a boot; 0 for what is not one."""
    found = _BOOT.fullmatch(boot)
    return int(found[1]) if found else 0


def last(folder: Path) -> int:
    """The counter of the last boot from `folder`; 0: there was none, or its file is not as it was written."""
    try:
        found = _FILE.fullmatch((folder / "boot").read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return 0
    if found is None or (found[2] and int(found[2], 16) != crc32(found[1].encode())):
        return 0
    return int(found[1])


def next_boot(folder: Path, floor: int = 0) -> str:
    """Raise the counter in `folder` above itself and above `floor`, durably, and name the new boot.

    `floor`: what others have seen of this gateway (its outbox, its retained status, the archive), for a box whose card
    was replaced. On a full disk the outbox's ballast makes room. Raises TransientError when there is none.
    """
    number = max(last(folder), floor) + 1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, number)
    except OSError as error:
        raise TransientError(f"{folder / 'boot'} cannot be written: {error.strerror}") from error
    return f"{number:06d}-{secrets.token_hex(2)}"


def _write(folder: Path, number: int) -> None:
    content = f"{number} {crc32(str(number).encode()):08x}\n".encode()
    try:
        durable.replace(folder / "boot", content)
    except OSError:
        if not Ballast(folder / "outbox.ballast", 0).free():
            raise
        durable.replace(folder / "boot", content)

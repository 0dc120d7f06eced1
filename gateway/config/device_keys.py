"""Secrets of devices: the keys with which sensors encrypt, and readers prove themselves. Never logged, never sent.

A text file, readable by its owner only, a line each: `device-id  hexadecimal key`; `#` begins a remark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.errors import ConfigError, Problem

MOST_BYTES = 1 << 20
LONGEST_KEY = 64
"""Bytes of a key."""


def load(path: Path, devices: Iterable[str]) -> Mapping[str, bytes]:
    """Keys by device id; none where the file is not there. Raises ConfigError with every mistake."""
    known = frozenset(devices)
    problems: list[Problem] = []
    found: dict[str, bytes] = {}

    def wrong(line: int | None, text: str) -> None:
        problems.append(Problem(file=str(path), line=line, text=text))

    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1).decode("utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(Problem(file=str(path), line=None, text=f"cannot be read: {error.strerror}")) from error
    except UnicodeDecodeError as error:
        raise ConfigError(Problem(file=str(path), line=None, text="is not a text file")) from error
    if mode & 0o077:
        wrong(None, f"may be read by others (mode {mode & 0o777:04o}); run: chmod 600 {path}")
    if len(text) > MOST_BYTES:
        wrong(None, f"has more than {MOST_BYTES} bytes")
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        device, key = words[0], _key("".join(words[1:]))
        if device not in known:
            wrong(number, "names a device that office.yaml does not have")  # not repeated: it may be a key
        elif device in found:
            wrong(number, f'device "{device}" stands twice')
        elif not key:
            wrong(number, f'the key of device "{device}" is not 1 to {LONGEST_KEY} bytes in hexadecimal')
        else:
            found[device] = key
    if problems:
        raise ConfigError(*problems)
    return found


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return b""
    return key if len(key) <= LONGEST_KEY else b""

"""Identity snapshots: what a gateway is told about people. Signed, versioned, without a name.

{"gateway": "gw-05", "version": 12, "entries": [[index, pid, unit, visibility, quiet, active], ...], "erased": [pid]}
followed by a newline and the signature (hex HMAC-SHA-256 of the first line). With `"since": 9` it is a delta: only
what has changed after version 9. Nothing is ever removed by a delta: an erasure is told by a whole snapshot, which
names the tombstones, so that a gateway knows whose events to empty. `"secrets": {index: sealed}` are credentials that
are keys themselves, sealed with the site's key.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from sys import intern
from typing import NamedTuple

from gateway.credentials import SiteKey
from gateway.errors import PermanentError

MAX_BYTES = 15 << 20


class Entry(NamedTuple):
    """What a gateway knows of the holder of a credential."""

    pid: str
    """Empty: two people hold it, so nobody is meant."""
    unit: str = "_"
    visibility: str = "self"
    """self, team, unit."""
    quiet: bool = False
    """Opted out of being sensed; explicit acts still count."""
    active: bool = True
    """False: the credential was disabled (lost, returned)."""

    @property
    def sensed(self) -> bool:
        """Whether a gateway has a use for a credential that is a key: not a lost one, nor that of who opted out."""
        return bool(self.pid) and self.active and not self.quiet


class Snapshot(NamedTuple):
    """The whole directory of one gateway, or what has changed in it, at one version of the people table."""

    gateway: str
    version: int
    entries: Mapping[str, Entry]
    """By index."""
    since: int | None = None
    """The version that a delta changes; None for a whole directory."""
    erased: frozenset[str] = frozenset()
    """Of a whole directory: who was erased, by pid."""
    secrets: Mapping[str, str] = {}
    """Credentials that are keys, by index: sealed, hexadecimal. For names that change by themselves (rolling.py)."""


def write(snapshot: Snapshot, key: SiteKey) -> bytes:
    """Serialize and sign."""
    document: dict[str, object] = {"gateway": snapshot.gateway, "version": snapshot.version}
    if snapshot.since is not None:
        document["since"] = snapshot.since
    document["entries"] = [[index, *entry] for index, entry in sorted(snapshot.entries.items())]
    if snapshot.erased:
        document["erased"] = sorted(snapshot.erased)
    if snapshot.secrets:
        document["secrets"] = dict(sorted(snapshot.secrets.items()))
    body = json.dumps(document, separators=(",", ":")).encode()
    return body + b"\n" + key.sign(body).encode()


def read(data: bytes, key: SiteKey, gateway: str) -> Snapshot:
    """Check and parse. Raises PermanentError: too_big, not_authentic, invalid."""
    if len(data) > MAX_BYTES:
        raise PermanentError("too_big", f"{len(data)} bytes")
    body, _, signature = data.rpartition(b"\n")
    if not hmac.compare_digest(signature, key.sign(body).encode()):
        raise PermanentError("not_authentic", "the snapshot is not signed by this site's key")
    try:
        document = json.loads(body)
        since = document.get("since")
        made = Snapshot(
            str(document["gateway"]),
            int(document["version"]),
            _entries(document["entries"]),
            None if since is None else int(since),
            frozenset(map(str, document.get("erased", ()))),
            {str(index): str(sealed) for index, sealed in document.get("secrets", {}).items()},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PermanentError("invalid", str(error)) from error
    if made.gateway != gateway:
        raise PermanentError("not_authentic", f"the snapshot is for {made.gateway}")
    return made


def _entries(rows: list[list[object]]) -> dict[str, Entry]:
    """By index; a person's credentials share one Entry, and people of a unit its name: half the memory."""
    shared: dict[Entry, Entry] = {}
    made: dict[str, Entry] = {}
    for index, pid, unit, visibility, quiet, active in rows:
        entry = Entry(str(pid), intern(str(unit)), intern(str(visibility)), bool(quiet), bool(active))
        made[str(index)] = shared.setdefault(entry, entry)
    return made

"""Credentials and the site's key: from a card's number to an index that means nothing without the key.

A credential's canonical form is realm + technology + all its bits; two agencies' cards with one number are two
credentials. Its index is HMAC-SHA-256 under a key derived from the site's: a leaked table of indices cannot be turned
back into card numbers by trying all of them, as plain hashes of 40-bit numbers can.
"""

from __future__ import annotations

import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import ConfigError, Problem

KEY_BYTES = 32
INDEX_BYTES = 16
"""128 bits: with 100,000 credentials the chance that any two share an index is below 1e-28."""
_MAGIC = "hadir-site-key-1"


class SiteKey:
    """The site's secret, and what is derived from it. Never logged, never sent."""

    def __init__(self, secret: bytes, epoch: int = 1) -> None:
        self.epoch = epoch
        self._index = _derive(secret, f"index/{epoch}")
        self._snapshot = _derive(secret, "snapshot")
        self._token = _derive(secret, "token")
        self.staff_number = _derive(secret, "staff-number")
        """Key that encrypts staff numbers at rest."""

    def __repr__(self) -> str:
        return f"SiteKey(epoch={self.epoch})"

    @classmethod
    def create(cls, path: Path) -> SiteKey:
        """Make a key and write it, readable by its owner only. Raises FileExistsError."""
        secret = secrets.token_bytes(KEY_BYTES)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.write(f"{_MAGIC} 1 {secret.hex()}\n")
            out.flush()
            os.fsync(out.fileno())
        return cls(secret)

    @classmethod
    def load(cls, path: Path) -> SiteKey:
        """Read a key. Raises ConfigError for a file that is missing, damaged or readable by others."""
        try:
            mode = path.stat().st_mode
            magic, epoch, secret = path.read_text(encoding="ascii").split()
            raw = bytes.fromhex(secret)
        except OSError as error:
            text = f"the site's key cannot be read: {error.strerror}; `hadir init` makes one"
            raise ConfigError(Problem(file=str(path), line=None, text=text)) from error
        except ValueError as error:
            raise ConfigError(Problem(file=str(path), line=1, text="is not a site key")) from error
        if mode & 0o077:
            text = f"may be read by others (mode {mode & 0o777:04o}); run: chmod 600 {path}"
            raise ConfigError(Problem(file=str(path), line=None, text=text))
        if magic != _MAGIC or len(raw) != KEY_BYTES or not epoch.isdecimal():
            raise ConfigError(Problem(file=str(path), line=1, text="is not a site key"))
        return cls(raw, int(epoch))

    def index(self, value: str, realm: str) -> str:
        """Index of a credential as a driver reports it (`em4100:0F0368568B`), 32 hex digits."""
        return hmac.digest(self._index, canonical(value, realm), "sha256")[:INDEX_BYTES].hex()

    def sign(self, body: bytes) -> str:
        """Signature of an identity snapshot, hex."""
        return hmac.digest(self._snapshot, body, "sha256").hex()

    def token(self, pid: str, day: int) -> str:
        """What a gateway calls an enrolled tag for one day (days since 1970) when it reports sightings."""
        return hmac.digest(self._token, f"{day}/{pid}".encode(), "sha256")[:8].hex()


def canonical(value: str, realm: str) -> bytes:
    """Realm, technology and all bits, with lengths, so that no two credentials share one form."""
    technology, _, bits = value.partition(":")
    return b"\0".join(part.encode() for part in (realm, technology, bits.lower()))


def _derive(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"hadir/{purpose}".encode()).derive(secret)


def fingerprint(data: bytes) -> str:
    """Short name of something public, for logs and status."""
    return sha256(data).hexdigest()[:8]

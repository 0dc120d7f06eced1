"""Credentials and the site's key: from a card's number to an index that means nothing without the key.

A credential's canonical form is realm + technology + all its bits; two agencies' cards with one number are two
credentials. Its index is HMAC-SHA-256 under a key derived from the site's: a leaked table of indices cannot be turned
back into card numbers by trying all of them, as plain hashes of 40-bit numbers can.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigError, HadirError, Problem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
INDEX_BYTES = 16
"""128 bits: with 100,000 credentials the chance that any two share an index is below 1e-28."""
_NONCE_BYTES = 12
_MAGIC = "hadir-site-key-1"

_FORMS = {
    "em4100": (r"[0-9a-f]{10}", "ten hexadecimal digits"),
    "ibeacon": (
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?::(?:0|[1-9][0-9]{0,4})){2}",
        "<uuid>:<major>:<minor>",
    ),
    "eddystone-uid": (r"[0-9a-f]{20}:[0-9a-f]{12}", "<namespace, 20 hexadecimal digits>:<instance, 12>"),
    "altbeacon": (
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?::(?:0|[1-9][0-9]{0,4})){2}",
        "<uuid>:<major>:<minor>",
    ),
    "door": (r"(?:[a-z0-9:-]|%[0-9a-f]{2}){1,192}", "letters, digits, - and :, others as %20: see hadir decode"),
    "eddystone-eid": (r"(?!)", "a name that changes by itself; enrol the tag's key: eddystone-eik"),
    "eddystone-eik": (
        r"[0-9a-f]{32}:(?:[0-9]|1[0-5]):(?:0|[1-9][0-9]{0,9})",
        "<identity key, 32 hexadecimal digits>:<exponent 0 to 15>:<second since 1970 at which its clock was 0>",
    ),
    "irk": (r"[0-9a-f]{32}", "the phone's identity resolving key, 32 hexadecimal digits"),
    "rpa": (r"(?!)", "a phone's address of the moment; enrol its key: irk"),
    "wiegand26": (r"(?:0|[1-9][0-9]{0,2}):(?:0|[1-9][0-9]{0,4})", "<facility>:<number>"),
    "wiegand34": (r"(?:0|[1-9][0-9]{0,4}):(?:0|[1-9][0-9]{0,4})", "<facility>:<number>"),
    "wiegand35": (r"(?:0|[1-9][0-9]{0,3}):(?:0|[1-9][0-9]{0,6})", "<company>:<number>"),
    "wiegand37": (
        r"0|[1-9][0-9]{0,10}",
        "one number; of an H10304 card, facility x 524288 + number",
    ),
    "wiegand48": (r"(?:0|[1-9][0-9]{0,6}):(?:0|[1-9][0-9]{0,6})", "<company>:<number>"),
    "wiegand": (
        r"(?!(?:26|34|35|37|48):)[1-9][0-9]{1,2}:(?:0|[1-9a-f][0-9a-f]{0,63})",
        "<bits>:<hexadecimal number>; those of 26, 34, 35, 37 and 48 bits have names of their own, such as wiegand26",
    ),
    "iso14443": (
        r"(?!08|88)[0-9a-f]{8}|[0-9a-f]{14}|[0-9a-f]{20}",
        "8, 14 or 20 hexadecimal digits; one of 8 that begins with 08 is random, and nobody's",
    ),
    "iso15693": (r"e0[0-9a-f]{14}", "16 hexadecimal digits, the first two e0"),
}
"""Technology -> what its bits look like, and how to say so."""
PART = "-part"
"""Ends the technology of what a reader that drops bits says of a card: several cards share it, so it is nobody's."""
SECRET = frozenset({"irk", "eddystone-eik"})
"""Technologies whose credential is a key, from which gateways tell names that change (rolling.py)."""
_OTHER = (r"[0-9a-f][0-9a-f:-]{0,127}", "at most 128 hexadecimal digits, : and -")
_TECHNOLOGY = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


class SiteKey:
    """The site's secret, and what is derived from it. Never logged, never sent.

    Indices, tokens and signatures belong to the key's epoch. What is sealed at rest does not, and survives a change;
    nor does what is printed on stickers.
    """

    def __init__(self, secret: bytes, epoch: int = 1) -> None:
        self.epoch = epoch
        self._index = derive(secret, f"index/{epoch}")
        self._snapshot = derive(secret, f"snapshot/{epoch}")
        self._token = derive(secret, f"token/{epoch}")
        self._sticker = derive(secret, "sticker")
        self._rest = derive(secret, "rest")
        self._staff = derive(secret, "staff")

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
        if magic != _MAGIC or len(raw) != KEY_BYTES or not re.fullmatch(r"[0-9]{1,9}", epoch):
            raise ConfigError(Problem(file=str(path), line=1, text="is not a site key"))
        return cls(raw, int(epoch))

    def index(self, value: str, realm: str) -> str:
        """Index of a credential as a driver reports it (`em4100:0F0368568B`), 32 hex digits."""
        return hmac.digest(self._index, canonical(value, realm), "sha256")[:INDEX_BYTES].hex()

    def staff_index(self, number: str) -> str:
        """Index of a staff number, however it is spaced; it survives a change of the key's epoch."""
        return hmac.digest(self._staff, "".join(number.split()).casefold().encode(), "sha256")[:INDEX_BYTES].hex()

    def sign(self, body: bytes) -> str:
        """Signature of an identity snapshot, hex."""
        return hmac.digest(self._snapshot, body, "sha256").hex()

    def token(self, pid: str, day: int) -> str:
        """What a gateway calls an enrolled tag for one day (days since 1970) when it reports sightings.

        Made from the person, not from each credential: sightings are fused by person, and a pid is random.
        """
        return hmac.digest(self._token, f"{day}/{pid}".encode(), "sha256")[:8].hex()

    def sticker(self, text: str) -> bytes:
        """What stands for `text` (a place) on a sticker: 32 bytes that nobody guesses without the key."""
        return hmac.digest(self._sticker, text.encode(), "sha256")

    def seal(self, text: str, owner: str) -> bytes:
        """Encrypt for the disk; it opens for the same `owner` (pid and field) only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, text.encode(), owner.encode())

    def unseal(self, sealed: bytes, owner: str) -> str:
        """What was sealed. Raises HadirError for another key, another owner or damage."""
        from cryptography.exceptions import InvalidTag

        try:
            plain = self._cipher().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError) as error:
            raise HadirError("what is stored about a person was sealed with another site key, or is damaged") from error
        return plain.decode()

    def _cipher(self) -> AESGCM:
        # 8 MB that a gateway, which knows no names, never needs
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._rest)


def canonical(value: str, realm: str) -> bytes:
    """Realm, technology and all bits, each with its length, so that no two credentials share one form."""
    technology, _, bits = value.lower().partition(":")
    parts = realm.encode(), technology.encode(), bits.encode()
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def checked(value: str) -> str:
    """A credential to enrol, in the form that drivers report. Raises HadirError, which does not repeat the value."""
    technology, _, bits = value.strip().lower().partition(":")
    if not _TECHNOLOGY.fullmatch(technology):
        raise HadirError("a credential is written technology:bits, for example em4100:0f0368568b")
    if technology.endswith(PART):
        raise HadirError("only a part of a card's number, which several cards share: set the profile of the reader")
    form, meaning = _FORMS.get(technology, _OTHER)
    if not re.fullmatch(form, bits):
        raise HadirError(f"behind {technology}: stands {meaning}")
    return f"{technology}:{bits}"


def derive(secret: bytes, purpose: str) -> bytes:
    """HKDF-SHA-256 (RFC 5869) without salt: 32 bytes for one purpose."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, f"hadir/{purpose}".encode() + b"\x01", "sha256")

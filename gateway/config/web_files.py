"""The web application's secrets on the disk: they are there, and nobody else may read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.config.document import Document, Where
from gateway.config.model import Office
from gateway.errors import ConfigError, Problem

MOST_BYTES = 4096


def mistakes(office: Office, document: Document) -> Iterator[Problem]:
    """Of a file whose folder is here: elsewhere office.yaml may be looked at away from its site."""
    for where, path, private in _named(office):
        full = office.path(path)
        name = ".".join(step for step in where if isinstance(step, str))
        if not full.is_file():
            if full.parent.is_dir():
                yield document.problem(where, f"{name}: there is no file {full}")
        elif private and full.stat().st_mode & 0o077:
            yield document.problem(where, f"{name}: {full} may be read by others; run: chmod 600 {full}")


def _named(office: Office) -> Iterator[tuple[Where, Path, bool]]:
    if office.web.tls is not None:
        yield ("web", "tls", "certificate"), office.web.tls.certificate, False
        yield ("web", "tls", "key"), office.web.tls.key, True
    broker = office.web.broker
    if broker is not None and broker.password_file is not None:
        yield ("web", "broker", "password_file"), broker.password_file, True
    if broker is not None and broker.tls is not None:
        for name, path in (("ca", broker.tls.ca), ("certificate", broker.tls.certificate), ("key", broker.tls.key)):
            if path is not None:
                yield ("web", "broker", "tls", name), path, name == "key"
    for i, issuer in enumerate(office.web.issuers):
        if issuer.client_secret_file is not None:
            yield ("web", "issuers", i, "client_secret_file"), issuer.client_secret_file, True
        if issuer.ca is not None:
            yield ("web", "issuers", i, "ca"), issuer.ca, False
    for i, hook in enumerate(office.web.hooks):
        yield ("web", "hooks", i, "secret_file"), hook.secret_file, True
    if office.web.bookings is not None:
        yield ("web", "bookings", "secret_file"), office.web.bookings.secret_file, True
        if office.web.bookings.people_file is not None:
            yield ("web", "bookings", "people_file"), office.web.bookings.people_file, True


def secret(path: Path) -> str:
    """The one line of a file with a secret. Raises ConfigError: not there, empty, or others may read it."""
    try:
        mode = path.stat().st_mode
        text = path.read_bytes()[:MOST_BYTES].decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is no text"
        raise ConfigError(Problem(file=str(path), line=None, text=f"the secret cannot be read: {why}")) from error
    if mode & 0o077:
        text = f"may be read by others (mode {mode & 0o777:04o}); run: chmod 600 {path}"
        raise ConfigError(Problem(file=str(path), line=None, text=text))
    if not text:
        raise ConfigError(Problem(file=str(path), line=1, text="is empty"))
    return text

"""What the two writers over HTTP share: which answers are worth a retry, and how a server tells its life."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlencode, urlsplit

from gateway.errors import ConfigError, HadirError, Problem, TransientError
from gateway.stores.base import BadPoints

TIMEOUT_S = 10.0
MOST_READ = 1 << 22
REFUSED = frozenset({400, 413, 422})
"""Answers that say: these points, never. A wrong token or database is mended outside, and waits."""
_STARTED = re.compile(rb"^(?:vm_app_start_timestamp|process_start_time_seconds)(?:\{[^}]*\})? +(\S+)", re.MULTILINE)
_STARTED_1 = re.compile(rb'"started": ?"([^"]{1,64})"')


def where(url: str) -> SplitResult:
    """A store's URL, taken apart. Raises ConfigError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            Problem(file="archive.stores", line=None, text=f"{url!r} is not a URL: for example http://127.0.0.1:8428")
        )
    return parts


def secret(path: Path | None) -> str:
    """The token in a file; empty without one. Raises HadirError."""
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise HadirError(f"token file {path} cannot be read: {error.strerror}") from error


def failed(status: int, text: str) -> HadirError:
    """What an answer that is not 2xx means."""
    words = f"{status}: {text[:200]}"
    return BadPoints("refused", words) if status in REFUSED else TransientError(words)


def connection(parts: SplitResult) -> http.client.HTTPConnection:
    """A connection that is not yet open."""
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)


def life(parts: SplitResult) -> str:
    """When the server was started, by its own metrics; blocks. Raises TransientError when it is away."""
    with_slash = parts.path.rstrip("/")
    link = connection(parts)
    try:
        for path, pattern in (("/metrics", _STARTED), ("/debug/vars", _STARTED_1)):
            link.request("GET", with_slash + path)
            answer = link.getresponse()
            body = answer.read(MOST_READ)
            answer.read()
            if answer.status == http.client.OK and (found := pattern.search(body)):
                return found[1].decode("ascii", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise TransientError(f"{type(error).__name__}: {error}") from error
    finally:
        link.close()
    return ""


def ask(parts: SplitResult, path: str, headers: Mapping[str, str], **query: str) -> str | None:
    """The answer to a query; blocks. None: this server does not answer such. Raises TransientError when it is away."""
    link = connection(parts)
    try:
        link.request("GET", f"{parts.path.rstrip('/')}{path}?{urlencode(query)}", headers=dict(headers))
        answer = link.getresponse()
        text = answer.read(MOST_READ).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise TransientError(f"{type(error).__name__}: {error}") from error
    finally:
        link.close()
    if answer.status >= http.client.INTERNAL_SERVER_ERROR:
        raise TransientError(f"{answer.status}: {text[:200]}")
    return text if answer.status == http.client.OK else None

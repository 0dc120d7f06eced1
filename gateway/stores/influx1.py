"""InfluxDB 1.x: `/write?db=&precision=ns` over the standard library's HTTP client, in a thread."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from urllib.parse import quote, urlencode

from gateway.config.model import InfluxStore
from gateway.errors import TransientError
from gateway.stores import http as shared
from gateway.stores import line
from gateway.stores.base import Point, Tags


class Influx1Store:
    """Writer of one database, which it makes when it is not there."""

    def __init__(self, settings: InfluxStore, *, token_file: Path | None = None) -> None:
        """`token_file` holds `user:password`. Raises HadirError."""
        self.name = settings.id
        self.milliseconds = settings.milliseconds
        self.whole = False
        self.answers = True
        self._parts = shared.where(settings.url)
        self._base = self._parts.path.rstrip("/")
        self._database = settings.bucket
        self._headers = {"Content-Type": "text/plain; charset=utf-8"}
        if user := shared.secret(token_file):
            self._headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
        self._link = shared.connection(self._parts)
        self._lock = Lock()

    async def write(self, points: Sequence[Point]) -> None:
        """See Store."""
        await asyncio.to_thread(self._write, "\n".join(line.lines(points)).encode())

    def _write(self, body: bytes) -> None:
        path = f"{self._base}/write?{urlencode({'db': self._database, 'precision': 'ns'})}"
        with self._lock:
            status, text = self._post(path, body)
            if status == http.client.NOT_FOUND and "database not found" in text:
                name = self._database.replace("\\", r"\\").replace('"', r"\"")
                statement = quote(f'CREATE DATABASE "{name}"')
                self._post(f"{self._base}/query?q={statement}", b"")
                status, text = self._post(path, body)
        if status not in (http.client.OK, http.client.NO_CONTENT):
            raise shared.failed(status, text)

    def _post(self, path: str, body: bytes) -> tuple[int, str]:
        try:
            self._link.request("POST", path, body, self._headers)
            answer = self._link.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            self._link.close()  # the next request opens it again
            raise TransientError(f"{type(error).__name__}: {error}") from error

    async def life(self) -> str:
        """When the server was started."""
        return await asyncio.to_thread(shared.life, self._parts)

    async def count(self, measurement: str, tags: Tags, first: int, last: int) -> int | None:
        """See Store."""
        series = "".join(f" AND \"{name}\" = '{value}'" for name, value in tags)
        statement = f'SELECT "n" FROM "{measurement}" WHERE time >= {first} AND time <= {last}{series}'  # noqa: S608 ours
        query = {"db": self._database, "epoch": "ms", "q": statement}
        text = await asyncio.to_thread(shared.ask, self._parts, "/query", self._headers, **query)
        if text is None:
            return None
        result = json.loads(text)["results"][0]
        if "error" in result:
            return None
        return sum(len(series["values"]) for series in result.get("series", ()))

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

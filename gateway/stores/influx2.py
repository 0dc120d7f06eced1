"""InfluxDB 2 and 3, and VictoriaMetrics: `/api/v2/write` through influxdb-client, in a thread.

Ready-made strings and synchronous writes: its Point objects are seven times slower, and its batching drops data without
a word. The library is heavy, an extra, and imported when a store of this kind is opened.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.config.model import InfluxStore
from gateway.errors import HadirError, TransientError
from gateway.stores import http as shared
from gateway.stores import line
from gateway.stores.base import Point, Tags

MS = 1_000_000


class Influx2Store:
    """Writer of one bucket."""

    def __init__(self, settings: InfluxStore, *, token_file: Path | None = None) -> None:
        """Nothing is sent yet. Raises HadirError."""
        try:
            from influxdb_client.client.influxdb_client import InfluxDBClient
            from influxdb_client.client.write_api import SYNCHRONOUS
            from influxdb_client.rest import ApiException
            from urllib3.exceptions import HTTPError
        except ImportError as error:
            raise HadirError("a store of kind influx2 needs influxdb-client: pip install 'hadir[influx]'") from error
        self.name = settings.id
        self.milliseconds = settings.milliseconds
        self.whole = False
        self.answers = True
        self._parts = shared.where(settings.url)
        self._token = shared.secret(token_file)
        self._org, self._bucket = settings.org, settings.bucket
        self._refused, self._away = ApiException, (HTTPError, OSError)
        self._client: Any = InfluxDBClient(
            url=settings.url, token=self._token, org=settings.org, timeout=int(shared.TIMEOUT_S * 1000)
        )
        self._api = self._client.write_api(write_options=SYNCHRONOUS)

    async def write(self, points: Sequence[Point]) -> None:
        """See Store."""
        await asyncio.to_thread(self._write, "\n".join(line.lines(points)))

    def _write(self, body: str) -> None:
        try:  # its default precision is ns
            self._api.write(bucket=self._bucket, org=self._org, record=body)
        except self._refused as error:
            raise shared.failed(int(error.status or 0), str(error.body or error.reason)) from error
        except self._away as error:
            raise TransientError(f"{type(error).__name__}: {error}") from error

    async def life(self) -> str:
        """When the server was started."""
        return await asyncio.to_thread(shared.life, self._parts)

    async def count(self, measurement: str, tags: Tags, first: int, last: int) -> int | None:
        """See Store. VictoriaMetrics says so; InfluxDB 2 and 3 have no such page."""
        series = "".join(f',{name}="{value}"' for name, value in tags)
        headers = {"Authorization": f"Token {self._token}"} if self._token else {}
        query = {
            "match[]": f'{{__name__=~"{measurement}.*"{series}}}',
            "start": f"{first // MS / 1000:.3f}",
            "end": f"{last // MS / 1000:.3f}",
        }
        text = await asyncio.to_thread(shared.ask, self._parts, "/api/v1/export", headers, **query)
        if text is None:
            return None
        try:
            rows = [json.loads(row) for row in text.splitlines()]
            return len({time for row in rows for time in row["timestamps"] if first // MS <= time <= last // MS})
        except (ValueError, KeyError, TypeError):
            return None  # a page of something else

    def close(self) -> None:
        """Close its connections."""
        self._api.close()  # type: ignore[no-untyped-call]
        self._client.close()

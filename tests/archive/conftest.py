"""Real time-series servers on free ports, with their data in the test's folder; a test may kill and start them."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import free_port, wait_for_port


@dataclass
class Server:
    """A time-series server that may be killed and started again over the same data."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        raise NotImplementedError

    def read(self, measurement: str) -> dict[tuple[str, tuple[tuple[str, str], ...], int], float]:
        """(field, tags, time) -> value."""
        raise NotImplementedError

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        wait_for_port(self.port, self.process)

    def kill(self) -> None:
        """SIGKILL: what was not on its disk is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def get(self, path: str, **query: str) -> str:
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=20) as answer:
            text = answer.read().decode()
            assert isinstance(text, str)
            return text


class Victoria(Server):
    """VictoriaMetrics as docs/contract says to run it."""

    milliseconds = True

    def command(self) -> list[str]:
        return [
            "victoria-metrics",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-storageDataPath={self.folder / 'data'}",
            "-retentionPeriod=10y",
            "-influxMeasurementFieldSeparator=_",
            "-dedup.minScrapeInterval=1ms",
        ]

    def read(self, measurement: str) -> dict[tuple[str, tuple[tuple[str, str], ...], int], float]:
        """(field, tags, time in ms) -> value."""
        self.get("/internal/force_flush")
        found = {}
        text = self.get("/api/v1/export", **{"match[]": f'{{__name__=~"{measurement}_.*"}}', "reduce_mem_usage": "0"})
        for row in text.splitlines():
            series: dict[str, Any] = json.loads(row)
            labels = series["metric"]
            name = labels.pop("__name__").removeprefix(f"{measurement}_")
            labels.pop("db", None)
            for value, time in zip(series["values"], series["timestamps"], strict=True):
                key = (name, tuple(sorted(labels.items())), time)
                assert key not in found, "a point stands twice"
                found[key] = value
        return found


class Influx(Server):
    """InfluxDB 1.6.7 from Debian."""

    milliseconds = False

    def command(self) -> list[str]:
        data = self.folder
        conf = self.folder / "influxdb.conf"
        conf.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\ndir = "{data}/meta"\n[data]\ndir = "{data}/data"\nwal-dir = "{data}/wal"\n'
            f'[monitor]\nstore-enabled = false\n[http]\nbind-address = "127.0.0.1:{self.port}"\nlog-enabled = false\n'
        )
        return ["influxd", "-config", str(conf)]

    def read(self, measurement: str) -> dict[tuple[str, tuple[tuple[str, str], ...], int], float]:
        """(field, tags, time in ns) -> value."""
        text = self.get("/query", db="hadir", epoch="ns", q=f'SELECT * FROM "{measurement}" GROUP BY *')
        found = {}
        for series in json.loads(text)["results"][0].get("series", ()):
            tags = tuple(sorted((name, value) for name, value in series.get("tags", {}).items() if value))
            for row in series["values"]:
                values = dict(zip(series["columns"], row, strict=True))
                time = values.pop("time")
                found |= {(name, tags, time): float(value) for name, value in values.items() if value is not None}
        return found


def _server(made: Server, program: str) -> Iterator[Any]:
    if shutil.which(program) is None:
        pytest.fail(f"{program} is not installed: run `make test`, or apt-get install {program}")
    made.start()
    try:
        yield made
    finally:
        made.kill()


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[Victoria]:
    """A running VictoriaMetrics."""
    yield from _server(Victoria(tmp_path / "victoria"), "victoria-metrics")


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[Influx]:
    """A running InfluxDB 1.6.7."""
    yield from _server(Influx(tmp_path / "influx"), "influxd")

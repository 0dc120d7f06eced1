"""`hadir run` with nothing to do: what it takes to start, and what it takes to wait."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import site
from gateway.control import call
from gateway.demo.usage import usage
from gateway.errors import HadirError

WATCHED_S = 10.0
HEAVY = {"influxdb_client", "fastapi", "numpy", "rich", "iotcore"}


def measure(folder: Path, port: int) -> dict[str, Any]:
    """start_cpu_ms until it answers `status` while connected; cpu_percent and memory_mb of the ten seconds after."""
    site.make(folder, port, tags=50, cards=50)
    file = folder / "office.yaml"
    command = [sys.executable, "-m", "gateway.cli", "run", str(file), "--gateway", site.GATEWAY]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # an installed program has been compiled before; a checkout is by its first run
    everything = "import gateway.start, gateway.app, gateway.decode; gateway.decode.installed()"
    subprocess.run([sys.executable, "-c", everything], env=environment, check=True)
    with (folder / "run.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        while not _connected(folder):
            if process.poll() is not None:
                raise RuntimeError((folder / "run.log").read_text())
            time.sleep(0.02)
        start = usage(process.pid)
        time.sleep(2.0)  # what a start leaves behind (retained topics, first retries) is not idling
        before = usage(process.pid)
        time.sleep(WATCHED_S)
        after = usage(process.pid)
    finally:
        process.terminate()
        process.wait()
    return {
        "start_cpu_ms": start.cpu_s * 1000,
        "cpu_percent": (after.cpu_s - before.cpu_s) / WATCHED_S * 100,
        "memory_mb": after.rss_mb,
    }


def _connected(folder: Path) -> bool:
    try:
        status = asyncio.run(call(folder / "var" / site.GATEWAY / "control.sock", "status"))
    except HadirError:
        return False
    return bool(status["link"]["connected"])


def heavy_imports() -> list[str]:
    """Heavy libraries that the edge role imports; there should be none."""
    code = f"import sys, gateway.start, gateway.app, gateway.sources.ble; print(*({HEAVY!r} & sys.modules.keys()))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

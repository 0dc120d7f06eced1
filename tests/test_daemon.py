"""What stands around every daemon: it ends when it is told to, whatever hangs."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway.daemon import Workers
from gateway.errors import ConfigError
from gateway.start import daemon

OFFICE = """
site: ikn
buildings:
  - {id: b, coordinator: gw, floors: [{id: f, owner: gw, zones: [{id: z, spaces: [{id: d1}]}]}]}
gateways:
  - {id: gw, place: b/f}
"""
HANGS = """
import argparse, asyncio, os, signal, sys, time
from gateway.daemon import run_until_stopped

async def work():
    asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGTERM)
    await asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)

sys.exit(run_until_stopped(work, argparse.Namespace()))
"""


def test_a_thread_that_hangs_does_not_keep_a_daemon_alive() -> None:
    """A name server that is not there, a serial adapter that takes its time."""
    done = subprocess.run([sys.executable, "-c", HANGS], timeout=60, check=False)
    assert done.returncode == 0


async def test_what_hangs_does_not_take_the_threads_of_others() -> None:
    workers, go = Workers(), threading.Event()
    loop = asyncio.get_running_loop()
    hanging = [loop.run_in_executor(workers, go.wait) for _ in range(workers.MOST - 1)]
    assert await loop.run_in_executor(workers, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await loop.run_in_executor(workers, lambda: 1 // 0)
    hanging.append(loop.run_in_executor(workers, go.wait))
    with pytest.raises(OSError, match="hang"):
        await loop.run_in_executor(workers, lambda: 7)
    go.set()
    assert all(await asyncio.gather(*hanging))


def test_frames_of_a_real_office_are_not_traced(tmp_path: Path) -> None:
    """The CRC-32 of a 26-bit card is found in a minute."""
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE)
    asked = argparse.Namespace(command="run", file=file, gateway="gw", clock=None, control=None, trace=tmp_path / "t")
    with pytest.raises(ConfigError, match="--trace: names frames"):
        daemon(asked)
    assert not (tmp_path / "t").read_bytes()

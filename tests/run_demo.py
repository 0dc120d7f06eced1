"""`hadir demo` as a child process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

DEMO = [sys.executable, "-m", "gateway.cli", "demo"]


def demo(folder: Path, seconds: int, *extra: str) -> tuple[int, dict[str, Any], str]:
    """(exit status, the JSON object, standard error)."""
    command = [*DEMO, "--json", "--seconds", str(seconds), "--folder", str(folder), *extra]
    done = subprocess.run(command, capture_output=True, text=True, timeout=140, check=False)
    lines = done.stdout.strip().splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr

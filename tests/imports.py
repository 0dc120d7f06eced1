"""What importing a module pulls in, each in an interpreter that has loaded nothing else: forked, and so quick."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

_PROGRAM = """
import importlib, json, os, sys
sys.path.append(sys.argv[1])
for name in sys.argv[2:]:
    out, into = os.pipe()
    if os.fork() == 0:
        importlib.import_module(name)
        os.write(into, "\\n".join(sys.modules).encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as said:
        modules = said.read().splitlines()
    if os.wait()[1]:
        sys.exit(name + " cannot be imported")
    print(json.dumps([name, modules]), flush=True)
"""


def pulled_in(modules: Iterable[str]) -> dict[str, set[str]]:
    """By module: names of all that were loaded, itself among them."""
    # -S: `site` may import what it likes; its packages' path is given instead
    command = [sys.executable, "-S", "-c", _PROGRAM, sysconfig.get_path("purelib"), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    found = (json.loads(line) for line in done.stdout.splitlines())
    return {name: set(loaded) for name, loaded in found}

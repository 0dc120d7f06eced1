"""One run of one fault, in a process of its own: what came of it, as the last line of standard output."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from faults.api import Scene
from faults.suites import FAULTS


def main(name: str, seed: str, cycles: str, kind: str, folder: str) -> int:
    where = Path(folder)
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    outcome = FAULTS[name].run(Scene(where, int(seed), int(cycles), kind == "broken"))
    print(json.dumps(asdict(outcome)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

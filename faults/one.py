"""One run of one fault, in a process of its own: what came of it, as the last line of standard output."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from types import FrameType

from faults.api import Scene
from faults.suites import FAULTS

PATIENCE_S = 3600


def main(name: str, seed: str, cycles: str, kind: str, folder: str, form: str = "quick") -> int:
    """`kind`: real or broken; `form`: quick, or long for a part of a long run. After PATIENCE_S it ends with an error,
    and in order: what it has started ends as well."""
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(PATIENCE_S)
    where = Path(folder)
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    outcome = FAULTS[name].run(Scene(where, int(seed), int(cycles), kind == "broken", form == "long"))
    print(json.dumps(asdict(outcome)))
    return 0


def _late(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"not done within {PATIENCE_S} s")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

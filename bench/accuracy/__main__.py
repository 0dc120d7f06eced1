"""python -m bench.accuracy [--seeds 20] [--packs DIR] [--out docs/accuracy.md]: everything in one table.

Exit status 1 when a bar is missed: this is a measurement, and its findings are what to mend next.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from bench.accuracy import report

OUT = Path("docs/accuracy.md")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description="Rules against the truth.")
    parser.add_argument("--seeds", type=int, default=20, help="of each kind of day")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="processes")
    parser.add_argument("--packs", type=Path, default=os.environ.get("HADIR_PACKS"), help="folder of recorded rooms")
    parser.add_argument("--out", type=Path, default=OUT, help="where the table goes as well; - for nowhere")
    parser.add_argument("--without-speed", action="store_true", help="leave the day of 750 people out")
    args = parser.parse_args()
    began = time.monotonic()
    packs = None if args.packs is None else Path(args.packs)
    made = report.measure(seeds=args.seeds, jobs=args.jobs, packs=packs, with_speed=not args.without_speed)
    sys.stdout.write(made.text + "\n")
    sys.stderr.write(f"{time.monotonic() - began:.0f} s\n")
    if str(args.out) != "-":
        args.out.write_text(report.page(made, args.seeds), encoding="utf-8")
    return 1 if made.missed else 0


if __name__ == "__main__":
    sys.exit(main())

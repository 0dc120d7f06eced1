"""What a process costs: resident memory and CPU time, from /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """Of one process, or of several together."""

    rss_mb: float = 0.0
    cpu_s: float = 0.0

    def plus(self, other: Usage) -> Usage:
        return Usage(self.rss_mb + other.rss_mb, self.cpu_s + other.cpu_s)


def usage(pid: int) -> Usage:
    """Of a running process; zero when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return Usage()
    rss = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0)
    return Usage(rss / 1024, (int(fields[11]) + int(fields[12])) / _TICKS)

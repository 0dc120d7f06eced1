"""An ingest worker in a process of its own that kills itself right after its n-th commit, before any acknowledgement.

`python ingest_child.py FOLDER PORT N`; N = 0: it lives on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from gateway.clock import SystemClock
from gateway.contract.envelope import Envelope
from gateway.counters import Counters
from gateway.ingest import Ingest
from gateway.ledger import Ledger, Outcome
from gateway.mqtt import Link
from tests.archive.world import office


class Mortal(Ledger):
    """A ledger whose process dies when it has committed something new so many times."""

    left = 0

    def commit(self, events: Sequence[Envelope], stored: int = 0) -> list[Outcome]:
        outcomes = super().commit(events, stored)
        if any(outcome.state == "stored" for outcome in outcomes):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return outcomes


async def main(folder: Path, port: int, commits: int) -> None:
    site, clock, counters = office(folder, port), SystemClock(), Counters()
    link = Link(site.broker, client_id="archive", clock=clock, counters=counters, base=folder)
    ledger = Mortal(folder / "ledger.sqlite")
    ledger.left = commits
    ingest = Ingest(link, ledger, site, clock, counters)
    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())
        group.create_task(ingest.run())


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))

"""`hadir serve` as a process of its own, for browsers; there is no broker, so every place is unknown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.clock import SystemClock
from gateway.config.load import load
from gateway.web.accounts import Accounts
from gateway.web.viewer import Role
from tests.conftest import wait_for_port

GUARD_S = 10


@dataclass
class Serving:
    """One that runs."""

    file: Path
    url: str

    def code(self, *, account: str = "", roles: Collection[Role] = (), pid: str = "") -> str:
        """A code that signs in an account: one that there is, a person's, or a new one of these roles."""
        office = load(self.file)
        accounts = Accounts(office.path(office.web.data) / "web.sqlite", SystemClock())
        try:
            mine = account or (accounts.of_person(pid, "panrb") if pid else accounts.create(roles=roles, units=["*"]))
            return accounts.new_code(mine)
        finally:
            accounts.close()


@contextmanager
def serving(file: Path) -> Iterator[Serving]:
    """Until the block ends."""
    office = load(file)
    with (file.parent / "web.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "serve", str(file)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:
        wait_for_port(office.web.port, process)
        yield Serving(file, office.web.address)
    finally:
        process.terminate()
        process.wait(timeout=GUARD_S)

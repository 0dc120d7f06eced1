"""The web application of a demo: where it listens, and two one-time codes to sign in with."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import NamedTuple

from firmware_sim.office import Person
from gateway.clock import SystemClock
from gateway.ports import free_port
from gateway.web.accounts import Accounts
from gateway.web.viewer import EVERYWHERE, Role

HOST, USUAL_PORT = "127.0.0.1", 8080
DATA = Path("var/web")
CODE_S = 86_400
"""A demo that runs for longer prints codes that are over."""


class Codes(NamedTuple):
    """What signs in, once each."""

    who: str
    """Name of the employee."""
    employee: str
    operator: str


class Door:
    """Where the pages are. `close` gives the usual port back to the next demo."""

    def __init__(self) -> None:
        """Take the usual port where nothing listens on it and no other demo has taken it, else a free one."""
        self._lock = socket.socket(socket.AF_UNIX)
        try:
            self._lock.bind(f"\0hadir-demo-{USUAL_PORT}")  # an abstract name: it ends with us, whatever ends us
            with socket.create_server((HOST, USUAL_PORT)):
                pass
            self.port = USUAL_PORT
        except OSError:
            self.port = free_port()

    def close(self) -> None:
        """For when nothing listens there any more."""
        self._lock.close()

    @property
    def address(self) -> str:
        """For a browser on this machine."""
        return f"http://{HOST}:{self.port}"

    def is_open(self) -> bool:
        """Whether something listens there."""
        try:
            with socket.create_connection((HOST, self.port), timeout=0.2):
                return True
        except OSError:
            return False


def codes(folder: Path, person: Person, pid: str, name: str) -> Codes:
    """An account of `person` and one of an operator who may see everybody, with a code each. Raises HadirError."""
    accounts = Accounts(folder / DATA / "web.sqlite", SystemClock())
    try:
        operator = accounts.create(roles=[Role.OPERATOR, Role.ANALYST], units=[EVERYWHERE], label="demo")
        employee = accounts.of_person(pid, person.unit)
        return Codes(name, accounts.new_code(employee, CODE_S), accounts.new_code(operator, CODE_S))
    finally:
        accounts.close()

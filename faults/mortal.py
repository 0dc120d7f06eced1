"""A gateway or archive that kills itself at a named point of its code, or that has a deliberate defect.

    python -m faults.mortal POINT TIMES run office.yaml --gateway gw-01

It dies by SIGKILL when it comes to POINT for the TIMES-th time. The product has no hooks for this: its functions are
wrapped here. A POINT that is a defect (faults/defects.py) plants that instead.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from faults.defects import DEFECTS
from gateway import durable, sqlite
from gateway.cli import main
from gateway.ingest import Ingest
from gateway.ledger import Ledger
from gateway.mqtt import Link
from gateway.outbox import Outbox
from gateway.outbox_store import Table
from gateway.pipeline import Pipeline
from gateway.projections import Projections
from gateway.publisher import Publisher


class Point(NamedTuple):
    """Before a function is called, or after it has returned."""

    owner: Any
    function: str
    after: bool


GATEWAY = {
    "before the boot is raised": Point(durable, "replace", False),
    "when the boot is raised": Point(durable, "replace", True),
    "when the outbox is open": Point(Table, "__init__", True),
    "when a tap is delivered": Point(Pipeline, "deliver", False),
    "when it was ruled": Point(Outbox, "submit", False),
    "before the transaction": Point(Outbox, "_write", False),
    "in the transaction": Point(Table, "commit", True),
    "after the commit": Point(Outbox, "_write", True),
    "when all were told of the commit": Point(Outbox, "_tell", True),
    "when a publish was handed over": Point(Link, "publish", True),
    "at a PUBACK": Point(Publisher, "_puback", False),
    "when the archive's word comes": Point(Publisher, "_ack_received", False),
    "in the transaction that retires": Point(Table, "retire", True),
    "when rows were retired": Point(Outbox, "retire", True),
}
ARCHIVE = {
    "when a message comes": Point(Ingest, "receive", False),
    "before the ledger's transaction": Point(Ledger, "commit", False),
    "in the ledger's transaction": Point(sqlite, "insert", True),
    "after the ledger's commit": Point(Ledger, "commit", True),
    "when projections are woken": Point(Projections, "wake", True),
    "when the acknowledgement is handed over": Point(Link, "publish", True),
}
POINTS = GATEWAY | ARCHIVE


def plant(point: Point, times: int) -> None:
    """Kill this process when it comes to `point` for the `times`-th time."""
    original: Callable[..., Any] = getattr(point.owner, point.function)
    left = times

    def come() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def called(*args: Any, **more: Any) -> Any:
        if not point.after:
            come()
        result = original(*args, **more)
        if point.after:
            come()
        return result

    async def awaited(*args: Any, **more: Any) -> Any:
        if not point.after:
            come()
        result = await original(*args, **more)
        if point.after:
            come()
        return result

    setattr(point.owner, point.function, awaited if inspect.iscoroutinefunction(original) else called)


if __name__ == "__main__":
    name, many, *command = sys.argv[1:]
    if name in DEFECTS:
        DEFECTS[name]()
    else:
        plant(POINTS[name], int(many))
    sys.exit(main(command))

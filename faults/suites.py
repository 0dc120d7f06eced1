"""All faults, in the order of the table."""

from __future__ import annotations

from faults.api import Fault
from faults.backlog import BACKLOG
from faults.broker import BROKER_FROZEN, BROKER_KILLED
from faults.kills import ARCHIVE_KILLED, GATEWAY_KILLED
from faults.stores import STORES

FAULTS: dict[str, Fault] = {
    fault.name: fault for fault in (GATEWAY_KILLED, ARCHIVE_KILLED, BROKER_KILLED, BROKER_FROZEN, STORES, BACKLOG)
}

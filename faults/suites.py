"""All faults, in the order of the table."""

from __future__ import annotations

from faults.api import Fault
from faults.cards import CLONED, REPLACED
from faults.corrupt import CORRUPT
from faults.disk import DISK
from faults.kills import ARCHIVE_KILLED, GATEWAY_KILLED
from faults.power import POWER
from faults.upgrades import UPGRADED

FAULTS: dict[str, Fault] = {
    fault.name: fault for fault in (GATEWAY_KILLED, ARCHIVE_KILLED, CORRUPT, POWER, DISK, REPLACED, CLONED, UPGRADED)
}

"""All faults, in the order of the table."""

from __future__ import annotations

from faults.api import Fault
from faults.backlog import BACKLOG
from faults.broker import BROKER_FROZEN, BROKER_KILLED
from faults.cards import CLONED, REPLACED
from faults.clocks import CLOCKS
from faults.corrupt import CORRUPT
from faults.disk import DISK
from faults.kernel_errors import KERNEL_ERRORS
from faults.kills import ARCHIVE_KILLED, GATEWAY_KILLED
from faults.mixed import MIXED
from faults.network import NETWORK, PACE
from faults.owner import OWNER_LOST
from faults.poison import POISON
from faults.power import POWER
from faults.radio import RADIO
from faults.redelivery import REDELIVERY
from faults.stores import STORES
from faults.truth import TRUTH
from faults.upgrades import UPGRADED
from faults.usb import USB

_ALL = (
    GATEWAY_KILLED,
    ARCHIVE_KILLED,
    POWER,
    BROKER_KILLED,
    BROKER_FROZEN,
    NETWORK,
    PACE,
    STORES,
    REDELIVERY,
    DISK,
    KERNEL_ERRORS,
    CORRUPT,
    RADIO,
    REPLACED,
    CLONED,
    OWNER_LOST,
    USB,
    CLOCKS,
    TRUTH,
    POISON,
    UPGRADED,
    BACKLOG,
    MIXED,
)
FAULTS: dict[str, Fault] = {fault.name: fault for fault in _ALL}

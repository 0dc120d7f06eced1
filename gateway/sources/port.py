"""The stable name of a plugged-in device: what it leads to now, and when that changes.

A number (ttyUSB0) goes to whoever is plugged in next, and udev takes a name back a moment after its device is gone: in
between the name of one device leads to another. So a name is believed when it has led to the same node for a while,
and a line whose name has moved on is not that device's line any more.
"""

from __future__ import annotations

import asyncio
import os
from typing import NamedTuple

from gateway.clock import SECOND, Clock

MOVED = "unplugged (its name leads to another device, or to none)"
LOOK_S = 0.1
"""How often somebody looks whether the name is there."""
SETTLE_S = 0.3
"""udev is done with a device by then."""
SURE_S = 10.0
"""Or, where it has much to do, by then."""


class Node(NamedTuple):
    """What tells one plugged-in device from the next one of the same number."""

    device: int
    inode: int
    number: int
    made: int
    """When its entry was made, or got its owner: udev gives the node away behind making it."""


class Port:
    """A path as office.yaml has it, better one of /dev/serial/by-id."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._tried: Node | None = None
        self._sure = False
        self._opened = 0

    def tries(self) -> None:
        """Somebody is about to open what is there now."""
        self._tried, self._sure = self._node(), False

    async def settled(self, handle: int, clock: Clock) -> bool:
        """Whether the name leads to the line that was opened, and goes on to do so while udev may be at work."""
        await asyncio.sleep(SETTLE_S)
        self._opened = clock.machine()
        return self._leads_to(handle)

    def holds(self, handle: int, clock: Clock) -> bool:
        """Whether what is read from the line may still be believed to be that device's.

        After a while it is: a twin of the same name, plugged in later, takes the name but not the line.
        """
        if self._sure:
            return True
        held = self._leads_to(handle)
        self._sure = held and clock.machine() - self._opened > SURE_S * SECOND
        return held

    async def appears(self) -> None:
        """Return when the name leads to something that was not tried yet."""
        while (node := self._node()) is None or node == self._tried:  # noqa: ASYNC110 a device node tells nobody
            await asyncio.sleep(LOOK_S)

    def _node(self) -> Node | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return Node(found.st_dev, found.st_ino, found.st_rdev, found.st_ctime_ns)

    def _leads_to(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(handle))
        except OSError:
            return False

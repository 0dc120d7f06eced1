"""Who answers for Bluetooth on the system bus, and when that changes.

bleak keeps its connection to the bus while the Bluetooth daemon dies and comes back, and then hears nothing for ever:
the new daemon does not know that anybody scans. The bus itself says when the name changes hands.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

NAME = "org.bluez"
_BUS = "org.freedesktop.DBus"
_RULE = f"type='signal',sender='{_BUS}',member='NameOwnerChanged',arg0='{NAME}'"


class Daemon:
    """What is known of the Bluetooth daemon. Wait for `changed`, and clear it."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self.owner = ""
        """Unique name of its connection; empty: nobody answers."""
        self.changed = asyncio.Event()

    @property
    def reachable(self) -> bool:
        """False when the bus itself is gone: nothing more will be heard here."""
        return self._bus.connected

    def hear(self, message: Message) -> None:
        """Every message of the bus."""
        if message.member == "NameOwnerChanged" and message.sender == _BUS and message.body[0] == NAME:
            self.owner = message.body[2]
            self.changed.set()


@asynccontextmanager
async def watch_daemon() -> AsyncIterator[Daemon]:
    """Watch on a bus connection of its own. Raises OSError or EOFError when there is no system bus to ask."""
    from bleak.backends.bluezdbus.utils import get_dbus_authenticator
    from dbus_fast import BusType, Message, MessageType
    from dbus_fast.aio import MessageBus
    from dbus_fast.errors import DBusFastError

    def ask(member: str, text: str) -> Message:
        path = "/org/freedesktop/DBus"
        return Message(destination=_BUS, path=path, interface=_BUS, member=member, signature="s", body=[text])

    bus = MessageBus(bus_type=BusType.SYSTEM, auth=get_dbus_authenticator())
    try:
        await bus.connect()
    except DBusFastError as error:
        raise OSError(f"system bus: {error}") from error
    daemon = Daemon(bus)
    try:
        bus.add_message_handler(daemon.hear)
        await bus.call(ask("AddMatch", _RULE))
        answer = await bus.call(ask("GetNameOwner", NAME))
        if answer.message_type is MessageType.METHOD_RETURN:
            daemon.owner = answer.body[0]
        yield daemon
    finally:
        bus.disconnect()

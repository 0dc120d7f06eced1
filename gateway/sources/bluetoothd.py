"""Who answers for Bluetooth on the system bus, which adapters there are, and when that changes.

bleak keeps its connection to the bus while the Bluetooth daemon dies and comes back, and then hears nothing for ever:
the new daemon does not know that anybody scans. The bus itself says when the name changes hands; the daemon says when
an adapter comes, goes, or is switched. Adverts are not asked for here: only signals of the adapters themselves are.

Source: BlueZ doc/org.bluez.Adapter.rst; D-Bus specification, "Match Rules" (arg0path).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

NAME = "org.bluez"
ADAPTER = "org.bluez.Adapter1"
MOST = 10
"""Adapters whose coming and going is told: hci0 to hci9."""
_BUS = "org.freedesktop.DBus"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_PATH = "/org/bluez/"
_RULES = (
    f"type='signal',sender='{_BUS}',member='NameOwnerChanged',arg0='{NAME}'",
    f"type='signal',sender='{NAME}',member='PropertiesChanged',arg0='{ADAPTER}'",
    *(f"type='signal',sender='{NAME}',path='/',arg0path='{_PATH}hci{number}'" for number in range(MOST)),
)


class Adapter(NamedTuple):
    """One that the daemon knows."""

    address: str
    """Stays, whatever index the kernel gives it."""
    powered: bool


class Daemon:
    """What is known of the Bluetooth daemon."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self.owner = ""
        """Unique name of its connection; empty: nobody answers."""
        self.adapters: dict[str, Adapter] = {}
        """By name (hci0); only since `look`, for this owner."""
        self.looked = False
        """The adapters of this owner were asked for."""
        self.changed = asyncio.Event()

    @property
    def reachable(self) -> bool:
        """False when the bus itself is gone: nothing more will be heard here."""
        return self._bus.connected

    async def look(self) -> None:
        """Ask for the adapters; the bus starts the daemon where it can. Raises OSError: nobody answers."""
        answer = await self._call("/", f"{_BUS}.ObjectManager", "GetManagedObjects")
        self.looked = True
        self.adapters = {}
        for path, interfaces in answer.body[0].items():
            self._found(path, interfaces)

    async def switch(self, name: str, *, on: bool) -> None:
        """The adapter's power. Raises OSError: it is refused."""
        from dbus_fast import Variant

        await self._call(f"{_PATH}{name}", _PROPERTIES, "Set", "ssv", [ADAPTER, "Powered", Variant("b", on)])

    async def change(self, seconds: float) -> None:
        """Return when something has changed, or after that time. Raises OSError: the bus is gone."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.changed.wait()
        self.changed.clear()
        if not self.reachable:
            raise OSError("the system bus is gone")

    def hear(self, message: Message) -> None:
        """Every message of the bus."""
        match message.member:
            case "NameOwnerChanged" if message.sender == _BUS and message.body[0] == NAME:
                self.owner, self.adapters, self.looked = message.body[2], {}, False
            case "InterfacesAdded":
                self._found(*message.body)
            case "InterfacesRemoved" if ADAPTER in message.body[1]:
                self.adapters.pop(message.body[0].removeprefix(_PATH), None)
            case "PropertiesChanged" if message.body[0] == ADAPTER and "Powered" in message.body[1]:
                name = (message.path or "").removeprefix(_PATH)
                if name in self.adapters:
                    self.adapters[name] = self.adapters[name]._replace(powered=message.body[1]["Powered"].value)
            case _:
                return
        self.changed.set()

    def _found(self, path: str, interfaces: dict[str, Any]) -> None:
        if (said := interfaces.get(ADAPTER)) is not None:
            self.adapters[path.removeprefix(_PATH)] = Adapter(said["Address"].value, said["Powered"].value)

    async def _call(self, path: str, interface: str, member: str, signature: str = "", body: Any = ()) -> Message:
        from dbus_fast import Message, MessageType

        answer = await self._bus.call(
            Message(
                destination=NAME, path=path, interface=interface, member=member, signature=signature, body=list(body)
            )
        )
        if answer.message_type is MessageType.ERROR:
            raise ConnectionError(f"{answer.error_name}: {' '.join(map(str, answer.body))}")
        return answer


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
        try:
            await bus.connect()
        except DBusFastError as error:
            raise OSError(f"system bus: {error}") from error
        daemon = Daemon(bus)
        bus.add_message_handler(daemon.hear)
        await asyncio.gather(*(bus.call(ask("AddMatch", rule)) for rule in _RULES))
        answer = await bus.call(ask("GetNameOwner", NAME))
        if answer.message_type is MessageType.METHOD_RETURN:
            daemon.owner = answer.body[0]
        yield daemon
    finally:
        bus.disconnect()

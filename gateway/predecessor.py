"""What the broker remembers of an earlier life of this gateway: a box whose card was replaced goes on above it.

Only a gateway that begins on an empty disk asks, and only for a moment: a site's first start has nobody to ask, and a
box without its broker must work all the same. Where nobody has answered, it listens on: once the broker tells of a
later boot, it begins anew above that, with what it has taken meanwhile in its outbox; else nobody who compares boots
would believe it. The archive's highest boot is not asked for: a retained status is kept by any broker that persists,
and is written again every 30 s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from gateway import boot
from gateway.clock import Clock
from gateway.config.model import Gateway, Office
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.counters import Counters
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.mqtt import Link, Message

_log = logging.getLogger(__name__)

WAIT_S = 3.0
"""For a broker that does not answer."""
GRACE_S = 0.5
"""For a retained status after the broker has answered: some send it in their own time."""


class Outrun(HadirError):
    """The broker knows a later boot of this gateway."""

    def __init__(self, counter: int) -> None:
        super().__init__(f"the broker knows boot {counter} of this gateway: it begins anew above that")
        self.counter = counter


async def listening(run: Callable[[], Awaitable[None]], link: Link, status: str, own: int) -> None:
    """Run a gateway, and raise Outrun (in a group) as soon as its own retained status is of a later boot than `own`."""
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def heard(message: Message) -> None:
        message.ack()
        if (counter := _counter(message)) > own and not found.done():
            found.set_result(counter)

    async def outrun() -> None:
        raise Outrun(await found)

    link.subscribe(status, heard)  # it is sent before the gateway tells its own
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(outrun(), name="predecessor")
        try:
            await run()
        finally:
            waiting.cancel()


def _counter(message: Message) -> int:
    """Of the boot that a status is of; 0: none that can be read."""
    try:
        said = wire.parse(wire.GatewayStatus, message.payload)
    except PermanentError as error:
        _log.info("what the broker keeps as %s cannot be read: %s", message.topic, error)
        return 0
    return 0 if said is None else boot.counter(said["boot"])


def boot_floor(office: Office, gateway: Gateway, folder: Path, clock: Clock) -> int | None:
    """The counter of the boot that the broker last heard of; 0: none, or this disk knows its own; None: no answer."""
    if boot.last(folder) > 0:
        return 0
    return asyncio.run(_ask(office, gateway, clock))


async def _ask(office: Office, gateway: Gateway, clock: Clock) -> int | None:
    status = topics.gateway_status(office.site, gateway.id)
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def heard(message: Message) -> None:
        message.ack()
        if (counter := _counter(message)) and not found.done():
            found.set_result(counter)

    # a name of its own: a coordinator's session waits under the other
    link = Link(
        office.broker,
        client_id=f"hadir-{office.site}-{gateway.id}-boot",
        clock=clock,
        counters=Counters(),
        base=office.path(Path()),
    )
    link.subscribe(status, heard)
    try:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(link.run(), name="predecessor")
            try:
                async with asyncio.timeout(WAIT_S):
                    await link.connected()
                    await link.deliver(f"{status.rpartition('/')[0]}/canary", b"")
                    with suppress(TimeoutError):
                        return await asyncio.wait_for(found, GRACE_S)
                _log.info("gateway %s begins: the broker knows no earlier life of it", gateway.id)
                return 0
            except (TimeoutError, TransientError, PermanentError) as error:
                why = str(error) or f"no answer for {WAIT_S:g} s: {link.state.reason}"
                _log.info("gateway %s begins, without asking for an earlier life of it: %s", gateway.id, why)
            finally:
                running.cancel()
    except* HadirError as failed:  # its own link will say so, and what to do
        _log.debug("predecessor: %s", failed.exceptions)
    return None

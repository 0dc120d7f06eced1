"""What the broker remembers of an earlier life of this gateway: a box whose card was replaced goes on above it.

Only a gateway that begins on an empty disk asks, and only for a moment: a site's first start has nobody to ask, and a
box without its broker must work all the same. The archive's highest boot is not asked for: a retained status is kept
by any broker that persists, and is written again every 30 s.
"""

from __future__ import annotations

import asyncio
import logging
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


def boot_floor(office: Office, gateway: Gateway, folder: Path, clock: Clock) -> int:
    """The counter of the boot that the broker last heard of; 0: none, no answer, or this disk knows its own."""
    if boot.last(folder) > 0:
        return 0
    return asyncio.run(_ask(office, gateway, clock))


async def _ask(office: Office, gateway: Gateway, clock: Clock) -> int:
    status = topics.gateway_status(office.site, gateway.id)
    found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def heard(message: Message) -> None:
        message.ack()
        try:
            said = wire.parse(wire.GatewayStatus, message.payload)
        except PermanentError as error:
            _log.info("what the broker keeps as the status of %s cannot be read: %s", gateway.id, error)
            return
        if said is not None and not found.done():
            found.set_result(boot.counter(said["boot"]))

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
            except (TimeoutError, TransientError, PermanentError) as error:
                why = str(error) or f"no answer for {WAIT_S:g} s: {link.state.reason}"
                _log.info("gateway %s begins, without asking for an earlier life of it: %s", gateway.id, why)
            finally:
                running.cancel()
    except* HadirError as failed:  # its own link will say so, and what to do
        _log.debug("predecessor: %s", failed.exceptions)
    return 0

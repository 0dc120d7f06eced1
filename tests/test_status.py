"""What `hadir status` says hangs together, whatever is committed while it is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.outbox import Draft
from rules.api import Event
from tests.conftest import Mosquitto
from tests.coordination.world import C, opened


async def test_every_number_that_it_names_has_been_counted(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """Else whoever holds the archive against it calls an event lost that is on its way."""
    async with opened(tmp_path / "house", mosquitto) as house:
        await house.start(C)
        await house.drained(C)
        await house.stop("archive")  # from here on nothing is retired
        app = house.apps[C]
        status = app._questions().handlers()["status"]
        retired = app.outbox.last_sequence
        event = Event("gateway.started", app.place, house.clock.office(), {"version": "1", "config": "c"})
        for _ in range(20):
            asked = asyncio.create_task(status({}))
            await asyncio.sleep(0)
            app.outbox.submit([Draft(event, "", "good")], ())  # while it looks
            said = await asked
            assert retired + said["backlog"]["events"] >= said["last_sequence"]
        await house.start("archive")

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

from gateway.cli import main
from gateway.clock import ManualClock
from gateway.config.load import load
from gateway.web.serve import Serve
from tests.conftest import free_port
from tests.web.conftest import Web
from tests.web.reports.world import DAY, HOUR, MONDAY, World, plan

NOW = MONDAY + 10 * DAY + 10 * HOUR
"""Thursday, 12 November 2026, 10:00 in Makassar."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def office(tmp_path: Path, world: World) -> AsyncIterator[Web]:
    """The web application of `world`, ten days later."""
    assert main(["init", str(tmp_path), "--site", "ikn"]) == 0
    file = tmp_path / "office.yaml"
    calendar = {
        "holidays": {"add": [{"day": "2026-11-03", "name": "Hari <b>jadi</b>"}]},
        "notes": [{"first": "2026-11-05", "last": "2026-11-06", "text": "masa WFA"}],
    }
    file.write_text(
        yaml.safe_dump({**plan(**calendar), "web": {"port": free_port(), "secure": False}}), encoding="utf-8"
    )
    clock = ManualClock(NOW, 10**12)
    made = Web(Serve(load(file), file, clock, clock), clock)
    yield made
    for client in made.clients:
        await client.aclose()
    made.serve.close()

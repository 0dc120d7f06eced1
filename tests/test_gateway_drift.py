"""A gateway whose receiver has gone deaf by many dB: it is named to the operator, and the next life begins with it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("numpy")

from gateway.app import GatewayApp
from gateway.clock import SECOND, ManualClock
from gateway.config.load import load
from gateway.credentials import SiteKey
from gateway.decode import installed
from rules import locate
from rules.api import Sighting
from tests.conftest import Mosquitto
from tests.simulated_floor import T0, Floor, office, room_of

FLOOR = Floor()
TAGS = {f"p-00000000000000f{n}": at for n, at in enumerate([(2.0, 6.0), (10.0, 2.0), (6.0, 3.0), (10.5, 6.5)])}


@asynccontextmanager
async def running(folder: Path, clock: ManualClock) -> AsyncIterator[GatewayApp]:
    named = installed()
    found = load(folder / "office.yaml", drivers=named)
    app = GatewayApp(found, found.gateways[0], named, clock)
    task = asyncio.create_task(app.run())
    try:
        async with asyncio.timeout(30):
            while not app.leadership.begun:
                assert not task.done(), task
                await asyncio.sleep(0.01)
        yield app
    finally:
        task.cancel()
        await asyncio.wait((task,))


def offsets(app: GatewayApp) -> list[float]:
    return [round(float(one), 1) for one in app.engine.state(locate.NAME, "b").drifts.floors[0].offsets]


async def test_drift_is_named_and_survives_a_restart(tmp_path: Path, mosquitto: Mosquitto) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    SiteKey.create(tmp_path / "keys" / "site.key")
    devices = [
        f"{{id: fix-{n}, driver: ibeacon, place: b/f/{room_of(x, y)}, at: [{x}, {y}], address: {pid}}}"
        for n, (pid, (x, y)) in enumerate(TAGS.items())
    ]
    (tmp_path / "office.yaml").write_text(
        re.sub(r"type: ble, adapter: hci\d", "type: replay, path: air, follow: true", office(*devices, survey="s.csv"))
        + f"broker: {{port: {mosquitto.port}}}\n",
        encoding="utf-8",
    )
    (tmp_path / "air").touch()  # radios that work, and hear nothing by themselves
    rows = "".join(f"{s.at},{s.receiver},{s.rssi:.1f},{s.x},{s.y}\n" for s in FLOOR.survey(seconds=8))
    (tmp_path / "s.csv").write_text(f"t,receiver,rssi,x,y\n{rows}")
    clock, random, floor = ManualClock(T0, SECOND), Random(4), FLOOR.but(r2=-18.0)
    async with running(tmp_path, clock) as app:
        for step in range(1000):
            now = clock.office()
            for pid, (x, y) in TAGS.items():
                for name, rssi in floor.heard(x, y, random):
                    app.pipeline.intake.telemetry(Sighting(pid, name, rssi, now), now)
            clock.advance(5)
            while len(app.pipeline.intake):
                app.pipeline.step(clock.office())
            if step % 50 == 0:
                await asyncio.sleep(0)
        held = offsets(app)
        assert held[2] < -8
        async with asyncio.timeout(20):
            while app.equipment._alive.get("r2") != (False, "drifted"):  # noqa: ASYNC110 it is told behind the commit
                await asyncio.sleep(0.01)
        state = json.loads(app.equipment._state("r2", app.bound.all()["r2"]))
        assert (state["alive"], state["cause"]) == (False, "drifted")
        assert app.pipeline.explain(locate.NAME, "b", clock.office())["drift_db"]["r2"] < -8  # type: ignore[index]
        assert app.engine.keys("presence") == []
    async with running(tmp_path, clock) as app:
        assert offsets(app) == pytest.approx(held, abs=0.6)

"""Coming and going by command: candidates of a building are asked until one leads. Over a real broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.clock import SystemClock
from gateway.config.load import load
from gateway.contract import topics
from gateway.mqtt import Message
from gateway.web import workplace
from gateway.web.asking import Answer, Asker
from gateway.web.live import Live
from gateway.web.site import Site
from tests.conftest import Mosquitto
from tests.delivery.links import make_link
from tests.delivery.world import running

PID, HALL = "p-00000000000000a1", "kantor/utama/_/_/_"
OFFICE = """\
version: 1
site: kantor
buildings:
  - id: utama
    coordinators: [gw-1, gw-2]
    floors: [{id: l1, owner: gw-1, zones: [{id: timur, unit: panrb, spaces: [{id: d-1}]}]}]
  - id: kedua
    coordinator: gw-3
    floors: [{id: l1, owner: gw-3, zones: [{id: z, spaces: [{id: d-1}]}]}]
gateways: [{id: gw-1, place: utama/l1}, {id: gw-2, place: utama/l1}, {id: gw-3, place: kedua/l1}]
"""


class World:
    """Two gateways that answer as they are told, and whoever asks them."""

    def __init__(self, folder: Path, port: int) -> None:
        file = folder / "office.yaml"
        file.write_text(OFFICE)
        office = load(file)
        self.asking, self.answering = make_link(port, "web"), make_link(port, "gateways")
        self.live = Live(office, SystemClock())
        asker = Asker(self.asking, office, SystemClock(), "web")
        self.site = cast("Site", SimpleNamespace(office=office, live=self.live, asker=asker))
        self.says: dict[str, str | None] = {"gw-1": "", "gw-2": ""}
        """By gateway: why not; empty: done; None: no answer."""
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.answering.subscribe("hadir/v1/whocmd/kantor/#", self._heard)

    def _heard(self, message: Message) -> None:
        topic, asked = topics.parse(message.topic), json.loads(message.payload)
        message.ack()
        assert topic is not None
        self.heard.append((topic.gateway, asked))
        reason = self.says[topic.gateway]
        if reason is not None:
            body = {"id": asked["id"], "ok": not reason, "reason": reason or None, "at": asked["issued_at"]}
            answer = json.dumps({**body, "gw": topic.gateway, "events": []}).encode()
            self.answering.publish(topics.result(asked["client"], topic.type), answer)

    async def tell(self, **more: Any) -> Answer:
        how: dict[str, Any] = {"pid": PID, "unit": "panrb", "method": "phone", "actor": "a-1", **more}
        return await workplace.tell(self.site, "arrive", HALL, **how)

    @property
    def asked(self) -> list[str]:
        return [gateway for gateway, _ in self.heard]


@pytest.fixture
async def world(tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr("gateway.web.asking.ANSWER_S", 0.5)
    made = World(tmp_path, mosquitto.port)
    async with running(made.asking, made.answering):
        for link in (made.asking, made.answering):
            await link.connected()
            await link.deliver("t", b"")
        yield made


def there(live: Live, gateway: str, state: str = "ready") -> None:
    live.gateways[gateway] = {"state": state, "boot": "000001-abcd"}


async def test_the_first_candidate_is_asked_and_its_word_stands(world: World) -> None:
    answer = await world.tell(arrangement="other_office")
    assert (answer.ok, world.asked) == (True, ["gw-1"])
    asked = world.heard[0][1]
    assert (asked["place"], asked["pid"], asked["unit"], asked["role"]) == (HALL, PID, "panrb", "user")
    assert asked["args"] == {"method": "phone", "arrangement": "other_office"}
    world.says["gw-1"] = "no_change"
    assert (await world.tell()).reason == "no_change"
    assert world.asked == ["gw-1"] * 2


async def test_who_does_not_lead_is_passed_over_under_one_id(world: World) -> None:
    world.says["gw-1"] = "not_coordinator"
    assert (await world.tell()).ok
    assert world.asked == ["gw-1", "gw-2"]
    assert len({asked["id"] for _, asked in world.heard}) == 1
    world.says["gw-2"] = "not_coordinator"
    assert (await world.tell()).reason == "not_coordinator"


async def test_a_lost_candidate_is_asked_last_and_its_silence_is_not_hidden(world: World) -> None:
    there(world.live, "gw-2")
    there(world.live, "gw-1", "lost")
    assert (await world.tell()).ok
    assert world.asked == ["gw-2"]
    world.says |= {"gw-1": None, "gw-2": "not_coordinator"}
    answer = await world.tell()
    assert (answer.ok, answer.reason) == (False, "no_answer"), "it may have led"
    assert world.asked[1:] == ["gw-2", "gw-1", "gw-1"], "asked once more, under the same id"


async def test_without_a_broker_nothing_is_tried_twice(world: World, mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    async with asyncio.timeout(10):
        while world.asking.state.connected:  # noqa: ASYNC110 what is waited for has no event
            await asyncio.sleep(0.02)
    answer = await world.tell()
    assert (answer.ok, answer.reason, world.heard) == (False, "not_connected", [])
    mosquitto.start()


def test_as_what_somebody_comes(tmp_path: Path) -> None:
    site = World(tmp_path, 1).site
    assert workplace.arrangement_of(site, HALL, "panrb") == "home_unit"
    assert workplace.arrangement_of(site, HALL, "bkn") == "other_office"
    assert workplace.arrangement_of(site, HALL, "_") is None
    assert workplace.arrangement_of(site, "kantor/kedua/_/_/_", "panrb") is None, "nobody has said whose it is"

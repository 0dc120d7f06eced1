"""A box whose card was replaced goes on above the boot that the broker has seen of it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway import boot
from gateway.clock import SystemClock
from gateway.config.load import load
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.decode import installed
from gateway.predecessor import boot_floor
from tests.conftest import Mosquitto, free_port
from tests.delivery.links import frozen, linked, make_link
from tests.delivery.world import running
from tests.system.acl import guarded
from tests.system.site import Site
from tests.system.test_gateway import OFFICE

STATUS = topics.gateway_status("kantor", "gw-01")


@pytest.fixture
def site(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Site]:
    made = Site(tmp_path / "site", mosquitto, OFFICE, ("reader", "radar"))
    try:
        yield made
    finally:
        made.close()


def test_a_gateway_whose_card_was_replaced_does_not_begin_at_one(site: Site) -> None:
    folder = site.folder / "var" / "gw-01"
    for name in ("archive", "gw-01"):
        site.start(name)
    site.ready()
    site.kill("gw-01")
    site.start("gw-01")
    site.ready()
    assert boot.last(folder) == 2
    site.drained()
    site.kill("gw-01")
    shutil.rmtree(folder)
    site.start("gw-01")
    site.ready()
    assert boot.last(folder) == 3
    site.tap()
    site.until(lambda status: status["desks"] == {"taken": 1})
    site.drained()
    (taken,) = site.stored("desk.checkin.started")
    assert taken["source"].startswith("/kantor/gw/gw-01/000003-")


def asked(office_file: Path, folder: Path, port: int) -> int | None:
    office = load(office_file, drivers=installed())
    office = office.model_copy(update={"broker": office.broker.model_copy(update={"port": port})})
    return boot_floor(office, office.gateways[0], folder, SystemClock())


def tell(port: int, payload: bytes) -> None:
    """Leave `payload` on the broker as the status of gw-01."""

    async def told() -> None:
        link = make_link(port, "before")
        async with linked(link):
            await link.deliver(STATUS, payload, retain=True)

    asyncio.run(told())


def test_only_a_disk_that_knows_no_boot_asks(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tell(site.broker.port, wire.gateway_status("lost", boot="000041-b7f3", version="1", config="c", at=None))
    folder = tmp_path / "card"
    assert asked(site.file, folder, site.broker.port) == 41
    assert boot.counter(boot.next_boot(folder, 41)) == 42
    caplog.set_level(logging.INFO)
    assert asked(site.file, folder, free_port()) == 0
    assert caplog.records == [], "it has not even tried to reach a broker"
    (folder / "boot").write_bytes(b"")  # cut short by a power loss
    assert asked(site.file, folder, site.broker.port) == 41


def test_one_that_could_not_ask_begins_anew_above_what_it_hears_later(site: Site) -> None:
    """Taps that it has taken until then are kept, and nobody who compares boots passes it over."""
    tell(site.broker.port, wire.gateway_status("lost", boot="000041-b7f3", version="1", config="c", at=None))
    folder = site.folder / "var" / "gw-01"
    site.start("archive")
    with frozen(site.broker):
        site.start("gw-01")
        first = site.until(lambda status: status["boot"])["boot"]
        assert boot.counter(first) == 1
    site.until(lambda status: status["boot"] != first)
    assert boot.last(folder) == 42
    site.ready()
    site.drained()
    boots = {row["source"].rpartition("/")[2] for row in site.stored("gateway.started")}
    assert {boot.counter(one) for one in boots} == {1, 42}


def test_a_gateway_without_its_broker_begins_and_says_so(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway.predecessor")
    assert asked(site.file, tmp_path / "card", free_port()) is None
    assert "without asking for an earlier life" in caplog.text
    assert {record.levelno for record in caplog.records if record.name == "gateway.predecessor"} == {logging.INFO}


@pytest.mark.parametrize("payload", [b"", b"nonsense", b'{"state":"ready","boot":"x"}'])
def test_a_status_that_says_no_boot_is_no_floor(site: Site, tmp_path: Path, payload: bytes) -> None:
    tell(site.broker.port, payload)
    assert asked(site.file, tmp_path / "card", site.broker.port) == 0


def test_the_example_of_an_acl_lets_a_gateway_read_what_was_kept_of_itself(
    site: Site, tmp_path: Path, make_mosquitto: Callable[..., Mosquitto]
) -> None:
    broker, secret = guarded(make_mosquitto, tmp_path, ("gw-01", "gw-02"))
    office = load(site.file, drivers=installed())
    box = office.gateways[0].model_copy(update={"id": "gw-02"})  # no coordinator: those may read every status

    async def told() -> None:
        link = make_link(broker.port, "before", username="gw-02", password_file=secret)
        async with running(link):
            await link.connected()
            status = wire.gateway_status("ready", boot="000041-b7f3", version="1", config="c", at=None)
            await link.deliver(topics.gateway_status("kantor", "gw-02"), status, retain=True)

    asyncio.run(told())
    guest = office.broker.model_copy(update={"port": broker.port, "username": "gw-02", "password_file": secret})
    office = office.model_copy(update={"broker": guest})
    assert boot_floor(office, box, tmp_path / "card", SystemClock()) == 41

"""The whole process on a private D-Bus, heard by real bleak."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from dbus_fast.aio import MessageBus

from firmware_sim.bus import start_bus
from firmware_sim.office import make_office
from firmware_sim.truth import read

OFFICE = make_office(3)
CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
"""


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    daemon = shutil.which("dbus-daemon")
    if daemon is None:
        pytest.fail("dbus-daemon is not installed: run `make test`, or apt-get install dbus")
    socket = tmp_path / "bus.sock"
    (tmp_path / "bus.conf").write_text(CONFIGURATION.format(socket=socket))
    with subprocess.Popen([daemon, f"--config-file={tmp_path / 'bus.conf'}", "--nofork", "--nopidfile"]) as process:
        try:
            deadline = time.monotonic() + 10
            while not socket.exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            address = f"unix:path={socket}"
            monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
            yield address
        finally:
            process.terminate()


@pytest.mark.parametrize("name", ["plain", "x" * 120, "with a space, & more"])
async def test_a_bus_in_any_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    process, address = start_bus(folder)
    try:
        connection = await MessageBus(bus_address=address).connect()
        assert connection.unique_name is not None
        connection.disconnect()
    finally:
        process.terminate()
        process.wait()


async def test_tags_and_strangers_are_heard_by_bleak(tmp_path: Path, bus: str) -> None:
    enrolled = {person.tag.address for person in OFFICE.people if person.tag is not None}
    heard: dict[str, AdvertisementData] = {}
    enough = asyncio.Event()

    def callback(device: BLEDevice, advert: AdvertisementData) -> None:
        heard[device.address] = advert
        if len(enrolled & set(heard)) >= 3 and set(heard) - enrolled:
            enough.set()

    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "firmware_sim", "--folder", str(tmp_path), "--seed", "3", "--truth", str(tmp_path / "truth.jsonl")),
        *("--clock", f"2026-11-24T07:50:00+08:00@{time.monotonic_ns()}x240"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus},
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"ready\n"
        async with asyncio.timeout(30), BleakScanner(callback, bluez={"adapter": "hci0"}):
            await enough.wait()
    finally:
        process.terminate()
    async with asyncio.timeout(10):
        assert await process.wait() == 0
    for address in enrolled & set(heard):
        tag = next(person.tag for person in OFFICE.people if person.tag is not None and person.tag.address == address)
        advert = heard[address]
        assert advert.manufacturer_data == dict(tag.advert.manufacturer)
        assert advert.service_data == dict(tag.advert.bluez_service())
        assert -93 <= advert.rssi <= 0
    ledger = list(read(tmp_path / "truth.jsonl"))
    assert ledger[-1]["kind"] == "end"
    assert any(row["kind"] == "frame" and row["dev"] == "ble-timur" for row in ledger)

"""Recordings and packs through the whole path: replaying twice stores once."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import ledger
from gateway.cli import main
from gateway.counters import Counters
from gateway.errors import ConfigError
from gateway.packs import Pack
from gateway.recording import Recording
from tests.conftest import SHARED, Mosquitto
from tests.system.site import CARD, Site
from tests.system.test_gateway import OFFICE

SITE_JSON = {
    "name": "Tiny Pack!",
    "receivers": [{"id": "Rx 1", "x": 1, "y": 1, "z": 2}, {"id": "Rx 2", "x": 9, "y": 1, "z": 2}],
    "zones": [
        {"id": "West", "polygon": [[0, 0], [5, 0], [5, 5], [0, 5]]},
        {"id": "East", "polygon": [[5, 0], [10, 0], [10, 5], [5, 5]]},
    ],
}


def tiny_pack(folder: Path) -> Path:
    """A beacon that is near one receiver for two minutes, and then near the other."""
    folder.mkdir()
    (folder / "site.json").write_text(json.dumps(SITE_JSON))
    rows = ["t,beacon,receiver,rssi"]
    for second in range(240):
        near, far = ("Rx 1", "Rx 2") if second < 120 else ("Rx 2", "Rx 1")
        rows += [f"{1567783106 + second}.500,p001,{near},-50", f"{1567783106 + second}.600,p001,{far},-80"]
    rows.insert(7, "this is,not a packet")
    (folder / "sightings.csv").write_text("\n".join(rows) + "\n")
    return folder


def replayed(path: Path, into: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "replay", str(path), "--into", str(into), "--json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_pack_takes_the_whole_path_and_twice_stores_once(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "pack")
    first = replayed(pack, tmp_path / "archive")
    assert (first["inputs"], first["dropped"], first["lost"]) == (480, 1, 0)
    assert first["new"] == first["events"] > 0
    before = ledger.read(tmp_path / "archive" / "ledger.sqlite")
    second = replayed(pack, tmp_path / "archive")
    assert (second["new"], second["events"], second["boot"]) == (0, first["events"], first["boot"])
    assert ledger.read(tmp_path / "archive" / "ledger.sqlite") == before
    moved = [json.loads(row.body) for row in before if row.type == "presence.moved"]
    assert [event["data"]["zone"].split("/")[3] for event in moved] == ["east"]
    assert all(json.loads(row.body)["data"]["quality"] == "replayed" for row in before)


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the shared packs are not here")
def test_a_real_offices_packets_replay(tmp_path: Path) -> None:
    result = replayed(SHARED / "data" / "cnr-dev", tmp_path / "archive")
    assert result["inputs"] > 10_000
    assert result["lost"] == result["dropped"] == 0
    assert result["new"] == result["events"] > 0


@pytest.fixture
def site(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Site]:
    made = Site(tmp_path / "site", mosquitto, OFFICE, ("reader", "radar"))
    try:
        made.start("archive")
        made.start("gw-01")
        made.ready()
        yield made
    finally:
        made.close()


def test_what_a_gateway_recorded_replays_to_the_same_acts_without_a_card_number(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "recording.jsonl"
    recorder = threading.Thread(target=main, args=(["record", str(site.socket()), str(file), "--seconds", "4"],))
    recorder.start()
    time.sleep(1.0)
    site.tap()
    site.until(lambda status: status["desks"] == {"taken": 1})
    recorder.join()
    text = file.read_text()
    assert CARD.lower() not in text.lower()
    assert file.stat().st_mode & 0o777 == 0o600
    first, second = replayed(file, tmp_path / "archive"), replayed(file, tmp_path / "archive")
    assert first["inputs"] == 1
    assert (first["lost"], second["new"]) == (0, 0)
    rows = ledger.read(tmp_path / "archive" / "ledger.sqlite")
    assert [row.type for row in rows if row.cls == "who"] == ["desk.checkin.started"]


def test_what_is_no_recording_and_no_pack_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("{}\n")
    with pytest.raises(ConfigError, match="is not a recording"):
        Recording(tmp_path / "file")
    with pytest.raises(ConfigError, match="is not a zone pack"):
        Pack(tmp_path)
    assert main(["replay", str(tmp_path / "nothing"), "--into", str(tmp_path / "a")]) == 2


def test_a_receiver_outside_every_zone_belongs_to_the_nearest(tmp_path: Path) -> None:
    pack = Pack(tiny_pack(tmp_path / "pack"))
    counters = Counters()
    frames = list(pack.frames(counters))
    assert frames[0].received_at == 1567783106_500_000_000
    places = {device.id: device.place for device in pack.office().devices}
    assert places == {"rx-1": "rekaman/l01/west", "rx-2": "rekaman/l01/east"}

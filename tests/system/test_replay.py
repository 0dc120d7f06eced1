"""Recordings and packs through the whole path: replaying twice stores once."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import ledger
from gateway.cli import main
from gateway.clock import SECOND
from gateway.counters import Counters
from gateway.errors import ConfigError
from gateway.packs import Pack
from gateway.recording import Recording
from gateway.stores.embedded import EmbeddedStore
from tests.conftest import SHARED, Mosquitto, few
from tests.system.site import CARD, GUARD_S, Site
from tests.system.test_gateway import OFFICE

PACKS = sorted(path.parent for path in (SHARED / "data").glob("*/sightings.csv.gz"))
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


def replayed(path: Path, into: Path, *more: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "replay", str(path), "--into", str(into), "--json", *more],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def in_order(rows: list[ledger.Stored]) -> list[bytes]:
    return [row.body for row in sorted(rows, key=lambda row: row.sequence)]


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
    assert {(row.gateway, row.boot) for row in before} == {("replay", first["boot"])}
    assert re.fullmatch(r"000000-[0-9a-f]{4}", first["boot"])


def test_a_pack_reaches_the_store_and_an_event_is_recorded_when_it_fell_due(tmp_path: Path) -> None:
    first = replayed(tiny_pack(tmp_path / "pack"), tmp_path / "archive")
    rows = ledger.read(tmp_path / "archive" / "ledger.sqlite")
    assert first["types"] == dict(Counter(row.type for row in rows))
    counted = [row for row in rows if row.type == "occupancy.counted"]
    assert all(row.recorded - row.time < SECOND for row in counted)  # not when the next batch was full
    store = EmbeddedStore(tmp_path / "archive" / "points.sqlite")
    points = store.query("zone_people")
    store.close()
    assert len(points) == len(counted) == first["points"] > 0
    assert {dict(point.tags)["site"] for point in points} == {"tiny-pack"}


def test_the_same_pack_gives_the_same_bytes_at_any_speed(tmp_path: Path) -> None:
    pack = tiny_pack(tmp_path / "pack")
    replayed(pack, tmp_path / "fast")
    replayed(pack, tmp_path / "slow", "--speed", "120")
    fast, slow = (ledger.read(tmp_path / name / "ledger.sqlite") for name in ("fast", "slow"))
    # in the order of decision: what waits together leaves by class, and at another speed other events wait together
    assert in_order(fast) == in_order(slow)


def test_the_summary_says_what_was_read_dropped_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(tiny_pack(tmp_path / "pack")), "--into", str(tmp_path / "archive")]) == 0
    inputs, events, archive = capsys.readouterr().out.splitlines()
    assert inputs == "inputs   480 over 0 h 03 min 59 s; dropped: 1 bad_line"
    assert re.fullmatch(r"events   \d+: \d+ occupancy\.counted, 1 presence\.moved, 1 presence\.started", events)
    assert re.fullmatch(rf"archive  {tmp_path}/archive: \d+ new, 0 known; \d+ points written", archive)


@pytest.mark.skipif(not PACKS, reason="the shared packs are not here")
@pytest.mark.parametrize("folder", few(PACKS, 0, 3), ids=lambda path: path.name)
def test_a_real_offices_packets_replay_and_twice_store_once(tmp_path: Path, folder: Path) -> None:
    first, second = replayed(folder, tmp_path / "archive"), replayed(folder, tmp_path / "archive")
    assert first["inputs"] > 6_000
    assert first["lost"] == second["lost"] == 0
    assert first["dropped_by"].keys() <= {"rssi"}
    assert first["new"] == first["events"] > 0
    assert (second["new"], second["known"]) == (0, first["events"])


@pytest.fixture
def site(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Site]:
    made = Site(tmp_path / "site", mosquitto, OFFICE, ("reader", "radar"))
    try:
        made.start("archive")
        made.start("gw-01")
        made.ready()
        made.until(lambda status: not status["sources"])  # what is plugged in is told, and would be recorded
        yield made
    finally:
        made.close()


def recorded(site: Site, file: Path, act: Callable[[], None]) -> str:
    """What `hadir record` makes of one act: it is stopped by Ctrl-C when the act is in the file."""
    command = [sys.executable, "-m", "gateway.cli", "record", str(site.socket()), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as recorder:
        lines_of(file, 2, recorder)
        act()
        lines_of(file, 3, recorder)
        recorder.send_signal(signal.SIGINT)
        said, _ = recorder.communicate(timeout=GUARD_S)
    assert (said, recorder.returncode) == (f"recorded 1 inputs to {file}\n", 0)
    return file.read_text()


def lines_of(file: Path, number: int, recorder: subprocess.Popen[str]) -> None:
    """Return when the recorder has written so many lines."""
    deadline = time.monotonic() + GUARD_S
    while not (file.exists() and file.read_bytes().count(b"\n") >= number):
        assert recorder.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_a_gateway_recorded_replays_to_the_same_acts_without_a_card_number(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "recording.jsonl"
    text = recorded(site, file, site.tap)
    assert CARD.lower() not in text.lower()
    assert file.stat().st_mode & 0o777 == 0o600
    first, second = replayed(file, tmp_path / "archive"), replayed(file, tmp_path / "archive")
    assert [first[name] for name in ("inputs", "dropped", "new")] == [1, 0, first["events"]]
    assert (first["lost"], second["new"]) == (0, 0)
    rows = ledger.read(tmp_path / "archive" / "ledger.sqlite")
    assert [row.type for row in rows if row.cls == "who"] == ["desk.checkin.started"]


def test_a_recording_begins_with_what_was_known(site: Site, tmp_path: Path) -> None:
    """The desk was taken before: the recorded tap is the one that leaves it."""
    site.tap()
    site.until(lambda status: status["desks"] == {"taken": 1})
    time.sleep(1.6)  # a card that is held is one tap; the next is another
    file = tmp_path / "recording.jsonl"
    recorded(site, file, site.tap)
    result = replayed(file, tmp_path / "archive")
    assert (result["inputs"], result["lost"]) == (1, 0)
    rows = ledger.read(tmp_path / "archive" / "ledger.sqlite")
    assert [row.type for row in rows if row.cls == "who"] == ["desk.checkin.ended"]


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

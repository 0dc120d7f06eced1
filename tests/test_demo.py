"""The demo as a whole: real processes, a real broker, real protocols. Nothing is lost, and wrong rules are caught."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml
from rich.console import Console

from firmware_sim import truth
from gateway import ledger
from gateway.demo.report import _committed
from gateway.demo.table import View, draw
from gateway.outbox_store import Row, Table
from tests.run_demo import DEMO, demo


@pytest.mark.timeout(150)
def test_nothing_is_lost_unanswered_duplicated_or_wrong(tmp_path: Path) -> None:
    status, result, errors = demo(tmp_path / "demo", 10)
    assert status == 0, f"{result} {errors}"
    assert (result["lost"], result["unanswered"], result["duplicated"], result["desk_states_wrong"]) == (0, 0, 0, 0)
    assert result["stored"] == result["events"] > 100
    assert result["unprojected"] == 0
    assert result["taps"] > 30
    assert 0 < result["unknown_share"]["explained"] <= result["unknown_share"]["share"]
    assert result["unknown_share"]["share"] <= result["unknown_share"]["explained"] + 0.01
    assert (result["by_hand"], result["restarts"]) == (0, 0)
    assert result["rss_mb"]["web"] < 150
    assert result["latency_ms"]["samples"] > 50  # half of the day that a run of 20 s has to show 100 in
    for log in (tmp_path / "demo").glob("*.log"):  # nobody missed a device while everything ended
        assert log.read_text() == ""


@pytest.mark.timeout(150)
def test_bad_wires_and_dying_devices_change_nothing(tmp_path: Path) -> None:
    status, result, errors = demo(tmp_path / "demo", 14, "--faults")
    assert status == 0, f"{result} {errors}"
    told = list(truth.read(tmp_path / "demo" / "truth.jsonl"))
    silent = {row["dev"] for row in told if row["kind"] == "outage"}
    dying = {name for name in silent if name.startswith("seat")}
    assert len(silent) == 3
    events = [json.loads(row.body) for row in ledger.read(tmp_path / "demo" / "var" / "archive" / "ledger.sqlite")]
    devices = Counter((event["type"], event["data"]["dev"]) for event in events if ".device." in event["type"])
    assert [devices["hadir.device.battery_low.v1", name] for name in dying] == [1]
    assert {devices["hadir.device.offline.v1", name] for name in silent - dying} == {1}


@pytest.mark.timeout(150)
@pytest.mark.parametrize("wait_for", [b"starting", b"people present"])
def test_ctrl_c_in_a_terminal_ends_everything_soon(tmp_path: Path, wait_for: bytes) -> None:
    demo_pid, terminal = pty.fork()
    if demo_pid == 0:
        os.execvpe(DEMO[0], DEMO, {**os.environ, "TMPDIR": str(tmp_path)})
    try:
        until(terminal, wait_for)
        before = time.monotonic()
        os.write(terminal, b"\x03")
        shown = until(terminal, None)
        _, status = os.waitpid(demo_pid, 0)
        assert time.monotonic() - before < 2.0
    finally:
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, shown
    assert not relatives(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.timeout(150)
def test_without_a_bus_tags_come_by_the_replay_source_and_pages_open_with_the_codes_that_it_prints(
    tmp_path: Path,
) -> None:
    command = [*DEMO, "--seconds", "6", "--no-ble", "--seed", "2", "--folder", str(tmp_path / "demo")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "the office is open" not in said:
            said += process.stdout.readline()
            assert process.poll() is None, said
        address = re.search(r"in a browser: (http://127\.0\.0\.1:\d+)\n", said)
        codes = re.findall(r"[0-9A-Z]{5}-[0-9A-Z]{5}", said)
        assert address is not None
        assert len(codes) == 2
        for code in codes:
            with httpx.Client(base_url=address[1], headers={"accept": "text/html"}) as browser:
                inside = browser.post("/masuk", data={"kode": code})
                assert inside.status_code == 303
                # a secure cookie: browsers take it from this machine without TLS, this client does not
                browser.headers["cookie"] = inside.headers["set-cookie"].partition(";")[0]
                if code == codes[0]:
                    press_the_large_button(browser)
            with httpx.Client(base_url=address[1]) as browser:
                assert browser.post("/masuk", data={"kode": code}).status_code == 403
        said = process.stdout.read()
        assert re.search("[12] desks by hand", said), said  # two, where taking one has freed another
        assert "good" in said
    assert process.returncode == 0
    sources = yaml.safe_load((tmp_path / "demo" / "office.yaml").read_text())["gateways"]
    kinds = {source["type"] for gateway in sources for source in gateway["sources"]}
    assert "replay" in kinds
    assert "ble" not in kinds


def press_the_large_button(browser: httpx.Client) -> None:
    """Of the first page: takes a desk, or leaves the one that the simulated person has taken by now.

    Again where that came too late: at 60 times speed a command is old after half a second.
    """
    for _ in range(20):
        page = browser.get("/").text
        form = re.search(r'action="(/beranda/(?:ambil|lepas))">(.*?)</form>', page, re.DOTALL)
        assert form is not None, page
        done = browser.post(form[1], data=dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2])))
        assert done.status_code == 303
        if 'class="notice good"' in browser.get(done.headers["location"]).text:
            return
    raise AssertionError(page)


@pytest.mark.timeout(150)
def test_nothing_outlives_a_demo_that_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen([*DEMO, "--folder", str(tmp_path / "demo")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while b"the office is open" not in process.stdout.readline():
            assert process.poll() is None
        assert len(relatives(tmp_path)) >= 5
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while left := relatives(tmp_path):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def status(name: str, **more: Any) -> dict[str, Any]:
    return {
        "gateway": name,
        "coordinator": name == "gw-05",
        "link": {"connected": True, "reason": ""},
        "backlog": {"events": 3},
        "desks": {"taken": 9, "free": 3},
        "sensed": {"occupied": 10, "vacant": 3, "unknown": 1},
        "unknown": {"sensor_stale": 1},
        "people": {"present": 24},
        "events": 12_345,
        **more,
    }


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits(width: int) -> None:
    silent: dict[str, Any] = {}
    cut = status("gw-06", link={"connected": False, "reason": "refused"})
    for statuses in ([status("gw-05"), cut], [silent, status("gw-06")]):
        view = View(
            time=datetime(2026, 11, 25, 16, 30, tzinfo=ZoneInfo("Asia/Makassar")),
            speed=60.0,
            people=30,
            ble="the replay source (bleak is not installed)",
            names=["gw-05", "gw-06"],
            statuses=statuses,
            events_per_s=27.4,
            commands=[("subscribe:", "mosquitto_sub -h 127.0.0.1 -p 65535 -v -t 'hadir/v1/evt/#'")] * 3,
        )
        console = Console(width=width, file=io.StringIO())
        console.print(draw(view))
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        lines = shown.splitlines()
        assert len(lines) < 24
        assert {len(line) for line in lines} == {width}
        assert "…" not in shown
        for word in ("taken", "free", "away", "occupied", "vacant", "unknown", "events 27/s", "Wednesday 16:30 WITA"):
            assert word in shown
        assert "unknown at gw-06: 1 sensor_stale (its sensor is silent)" in shown
        assert ("gw-05 does not answer" in shown) == (statuses[0] is silent)
        assert ("present unknown" in shown) == (statuses[0] is silent)
        assert ("gw-06 has no broker: refused" in shown) == (statuses[1] is cut)


def test_what_a_boot_that_died_had_committed_is_accounted_for(tmp_path: Path) -> None:
    died, last = ("gw-05", "000001-aaaa"), ("gw-05", "000002-bbbb")
    (tmp_path / "trace").mkdir()
    traces = {
        "gw-05": [{"boot": died[1], "sequence": 5}, {"boot": last[1], "sequence": 6}],
        "archive": [{"gateway": "gw-05", "boot": died[1], "sequence": 6}],
    }
    for name, lines in traces.items():
        text = "".join(json.dumps(line) + "\n" for line in lines) + '{"boot": "0000'
        (tmp_path / "trace" / f"{name}.jsonl").write_text(text)
    table = Table(tmp_path / "var" / "gw-05" / "outbox.sqlite", tmp_path / "ballast", 0)
    with table.transaction():
        for boot, sequence in ((died[1], 8), (last[1], 5)):
            table.commit([Row(boot, sequence, "evt", "t", b"{}", 0, 0, "", "")], (), (0,))
    table.close()
    found = _committed(tmp_path, {died: 4, last: 4}, {last})
    assert found == {(*died, n) for n in range(1, 9)} | {(*last, n) for n in range(1, 5)}


def until(terminal: int, words: bytes | None) -> bytes:
    """Read a terminal until it shows `words`; None: until nobody holds its other end. What it showed."""
    shown = b""
    while words is None or words not in shown:
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # Linux says EIO at the end
            assert words is None, shown
            return shown
    return shown


def relatives(folder: Path) -> list[str]:
    """Processes that were started with this folder in their arguments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in words:
            found.append(words.replace(b"\0", b" ").decode())
    return found

"""A whole gateway and an archive as real processes: badge reader and radar on ptys, a real Mosquitto between them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from firmware_sim import ld2410, rdm6300
from gateway import ledger
from gateway.cli import main
from tests.conftest import Mosquitto
from tests.system.site import CARD, GUARD_S, Line, Site

DESK = "kantor/utama/l01/timur/d-001"

OFFICE = """\
site: kantor
buildings:
  - id: utama
    coordinator: gw-01
    floors:
      - id: l01
        owner: gw-01
        zones: [{{id: timur, spaces: [{{id: d-001}}]}}]
gateways:
  - id: gw-01
    place: utama/l01
    sources:
      - {{id: reader, type: serial, port: {folder}/tty-reader, device: rdr-1}}
      - {{id: radar, type: serial, port: {folder}/tty-radar, device: mmw-1}}
devices:
  - {{id: rdr-1, driver: rdm6300, place: utama/l01/timur/d-001}}
  - {{id: mmw-1, driver: ld2410, place: utama/l01/timur/d-001, expect_s: 2}}
broker: {{port: {port}}}
"""


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


def test_a_tap_takes_the_desk_and_the_same_card_leaves_it(site: Site) -> None:
    site.tap()
    site.until(lambda status: status["desks"] == {"taken": 1})
    time.sleep(1.6)  # a card that is held is one tap; this is another
    site.tap()
    site.until(lambda status: status["desks"] == {"free": 1})
    site.drained()
    (started,), (ended,) = site.stored("desk.checkin.started"), site.stored("desk.checkin.ended")
    assert started["subject"] == ended["subject"] == DESK
    assert started["data"]["evidence"][0]["dev"] == "rdr-1"
    assert ended["data"]["reason"] == "user"
    assert "pid" not in json.dumps(started)


def test_while_the_broker_is_down_the_backlog_grows_and_says_why(site: Site) -> None:
    site.broker.kill()
    site.until(lambda status: not status["link"]["connected"])
    site.tap()
    status = site.until(lambda status: status["desks"] == {"taken": 1})
    assert status["backlog"]["events"] > 0
    assert status["link"]["reason"] not in ("", "starting")
    site.broker.start()
    site.drained()
    assert len(site.stored("desk.checkin.started")) == 1


def test_a_gateway_that_was_killed_loses_nothing_and_keeps_its_checkin(site: Site) -> None:
    site.broker.kill()
    site.until(lambda status: not status["link"]["connected"])
    site.tap()
    before = site.until(lambda status: status["desks"] == {"taken": 1})
    site.kill("gw-01")
    site.broker.start()
    site.start("gw-01")
    after = site.until(lambda status: status["desks"] == {"taken": 1})
    assert after["boot"][:6] > before["boot"][:6]
    site.drained()
    assert len(site.stored("desk.checkin.started")) == 1


def test_an_archive_that_was_killed_stores_once(site: Site) -> None:
    for _ in range(3):
        site.kill("archive")
        site.tap()
        site.until(lambda status: status["backlog"]["events"])
        site.start("archive")
        site.drained()
        time.sleep(1.6)
    kinds = [len(site.stored(f"desk.checkin.{kind}")) for kind in ("started", "ended")]
    assert kinds == [2, 1]


def test_garbage_on_the_line_costs_no_tap(site: Site) -> None:
    frame = rdm6300.frame(bytes.fromhex(CARD))
    site.lines["reader"].write(os.urandom(300).replace(b"\x02", b"x") + frame[:7])
    time.sleep(0.2)
    site.lines["reader"].write(frame[7:])
    status = site.until(lambda status: status["desks"] == {"taken": 1})
    assert any(name.startswith("serial.dropped") for name in status["counters"])


def test_an_unplugged_reader_comes_back_under_its_name(site: Site) -> None:
    site.lines["reader"].unplug()
    site.until(lambda status: "reader" in status["sources"])
    site.lines["reader"] = Line(site.folder / "tty-reader")
    site.until(lambda status: "reader" not in status["sources"])
    site.tap()
    site.until(lambda status: status["desks"] == {"taken": 1})


def test_a_silent_radar_is_unknown_with_its_cause_and_never_vacant(site: Site) -> None:
    report = ld2410.basic(ld2410.NOBODY)
    site.lines["radar"].write(report)
    site.until(lambda status: status["sensed"] == {"vacant": 1})
    site.until(lambda status: status["unknown"] == {"sensor_stale": 1})


async def publish(port: int, messages: Iterable[tuple[str, bytes]]) -> None:
    async with asyncio.timeout(GUARD_S), aiomqtt.Client("127.0.0.1", port) as client:
        for topic, payload in messages:
            await client.publish(topic, payload, qos=1)


def test_bad_messages_are_counted_and_never_stop_it(site: Site) -> None:
    bad = [b"", b"\xff" * 10, b"{" * 10_000, b"[1,2,3]", b'{"boots":1}', b"x" * 70_000, b'{"id":"../../+/#"}']
    topics = ["ack/kantor/gw-01", "people/kantor/gw-01", "cmd/kantor/gw-01/checkin", "reading/kantor/gw-01/gw-02"]
    topics += ["evt/kantor/utama/l01/timur/d-001/occupancy.changed", "hist/kantor/gw-01", "who/kantor/gw-01/x"]
    asyncio.run(publish(site.broker.port, ((f"hadir/v1/{topic}", payload) for topic in topics for payload in bad)))
    site.tap()
    status = site.until(lambda status: status["desks"] == {"taken": 1})
    assert status["counters"]["people.refused{not_authentic}"] > 0
    site.drained()
    assert len(site.stored("desk.checkin.started")) == 1


def test_it_says_what_it_waits_for_and_why_and_what_is_not_there(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """What somebody who does not know hadir types next."""
    socket = str(site.socket())

    def ask(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([words[0], socket, *words[1:]])
        return code, *capsys.readouterr()

    site.drained()
    assert json.loads(ask("backlog")[1]) == {"events": 0, "bytes": 0, "oldest_at": None, "dead": 0, "waits_for": ""}
    site.kill("archive")
    site.tap()
    site.until(lambda status: status["desks"] == {"taken": 1})
    backlog = json.loads(ask("backlog")[1])
    assert backlog["events"] > 0
    assert backlog["oldest_at"].endswith("Z")
    assert backlog["waits_for"] == "the archive's word that it has committed them"
    site.broker.kill()
    site.until(lambda status: status["backlog"]["waits_for"].startswith("the broker: cannot connect to 127.0.0.1"))
    for place in (DESK, DESK.removeprefix("kantor/")):
        assert json.loads(ask("why", place, "--json")[1])["desk"]["life"] == "taken"
    code, _, error = ask("why", "utama/l01/timur/d-01")
    assert (code, error) == (1, f'hadir: no_place: there is no space "utama/l01/timur/d-01"; did you mean "{DESK}"?\n')
    assert ask("status")[0] == main(["status", str(site.socket().parent)]) == 0


def test_why_of_now_from_the_gateway_and_of_then_from_the_archive(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gateway knows what contests its rules and when they look again; the archive knows what was."""

    def ask(*words: str) -> tuple[str, dict[str, Any]]:
        capsys.readouterr()
        assert main(["why", *words]) == 0
        text = capsys.readouterr().out
        assert main(["why", *words, "--json"]) == 0
        return text, json.loads(capsys.readouterr().out)

    def sits() -> None:
        site.lines["radar"].write(ld2410.basic(ld2410.Seen(ld2410.Target.STILL, still_cm=80, still_energy=70)))

    sits()
    site.tap()
    site.until(lambda status: status["desks"] == {"taken": 1} and status["sensed"] == {"occupied": 1})
    site.drained()
    pid = next(event["data"]["pid"] for event in site.acts("desk.checkin.started"))
    for source in (str(site.socket()), str(site.file), str(site.folder)):
        sits()
        text, told = ask(source, DESK)
        assert (told["source"], told["occupancy"]["state"]) == ("gateway gw-01", "occupied")
        assert told["occupancy"]["rule"] == "occupancy/1"
        assert told["occupancy"]["next_due"].endswith("Z")
        assert {item.get("dev") or item["via"] for item in told["occupancy"]["evidence"]} <= {"mmw-1", "rdr-1"}
        assert told["desk"]["checkin"]["method"] == "badge"
        assert (told["desk"]["rule"], told["desk"]["owner_unit"]) == ("desk/1", None)
        assert told["desk"]["end_of_day_due"].endswith("Z")
        assert "its rule looks again at " in text
        assert "desk: taken since " in text
        assert pid not in text + json.dumps(told)
        text, told = ask(source, pid)
        assert (told["presence"]["state"], told["presence"]["method"]) == ("present", "desk")
        assert (told["desk"]["open"], told["desk"]["place"]) == (True, DESK)
        assert "left: only an act" in text
        assert ask(source, "timur")[1]["spaces"] == {DESK: told_of(ask(source, DESK)[1])}
    site.kill("gw-01")
    deadline = time.monotonic() + GUARD_S
    while (told := ask(str(site.file), DESK)[1])["occupancy"]["cause"] != "gateway_down":
        assert time.monotonic() < deadline, told
    last = told["occupancy"]["last_told"]
    assert (told["source"], last["state"], last["rule"]) == ("the archive", "occupied", "occupancy/1")
    assert told["desk"]["life"] == "taken"
    assert ask(str(site.file), pid)[1]["presence"]["last_told"]["state"] == "present"
    assert main(["why", str(site.socket()), DESK]) == 1
    assert "no daemon answers" in capsys.readouterr().err


def told_of(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer["occupancy"][name] for name in ("state", "cause", "since")}


def test_a_gateway_alone_keeps_everything_and_says_what_it_lacks(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """`hadir run` before there is a broker or an archive: nobody has told it who holds which card."""
    mosquitto.kill()
    site = Site(tmp_path / "site", mosquitto, OFFICE, ("reader",))
    try:
        site.start("gw-01")
        site.until(lambda status: status["link"]["reason"])
        site.tap()
        status = site.until(lambda status: status["counters"].get("badge.refused{unknown}"))
        assert status["backlog"]["events"] > 0
        assert "has not told yet who holds which card" in status["people_problem"]
        assert "is not there" in status["sources"]["radar"]
        assert status["sensed"] == {"unknown": 1}
        site.broker.start()
        site.start("archive")
        status = site.until(lambda status: status["people_version"])
        assert status["people_problem"] == ""
        site.drained()
        assert len(site.stored("badge.rejected")) == 1
    finally:
        site.close()


def test_sigterm_is_a_clean_goodbye(site: Site) -> None:
    assert site.kill("gw-01", signal.SIGTERM) == 0
    assert site.kill("archive", signal.SIGTERM) == 0
    stopped = ledger.read(site.folder / "var" / "archive" / "ledger.sqlite")
    assert [row.type for row in stopped][-1] == "gateway.stopped"


def test_a_second_daemon_on_one_outbox_is_refused(site: Site) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "run", str(site.file), "--gateway", "gw-01"],
        capture_output=True,
        text=True,
        timeout=GUARD_S,
        check=False,
    )
    assert done.returncode == 1
    assert "belongs to another" in done.stderr
    assert site.status()["link"]["connected"]


def test_who_is_erased_leaves_the_desk_and_the_archive(site: Site) -> None:
    site.tap()
    site.until(lambda status: status["desks"] == {"taken": 1})
    site.drained()
    (pid,) = {row.pid for row in _of_people(site)}
    assert main(["people", str(site.file), "erase", "--pid", pid]) == 0
    site.until(lambda status: status["desks"] == {"free": 1})
    site.drained()
    deadline = time.monotonic() + GUARD_S
    while _of_people(site) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _of_people(site) == []
    time.sleep(1.6)  # a card that is held is one tap; this is another
    site.tap()
    site.until(lambda status: status["counters"].get("badge.refused{unknown}"))


def _of_people(site: Site) -> list[ledger.Stored]:
    rows = ledger.read(site.folder / "var" / "archive" / "ledger.sqlite")
    return [row for row in rows if row.cls != "evt" and row.type != "privacy.erased"]

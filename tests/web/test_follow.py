"""`hadir tail` from afar and the examples, against a whole running site."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from gateway import follow
from gateway.clock import SystemClock
from gateway.config.load import load
from gateway.web.accounts import Accounts
from gateway.web.viewer import Role
from tests.conftest import free_port
from tests.system.site import GUARD_S
from tests.web.office import DESK, write_office
from tests.web.running import RunningWeb

EXAMPLES = Path(__file__).parents[2] / "examples" / "hadir-client"


@pytest.fixture(scope="module")
def token(running: RunningWeb) -> str:
    accounts = Accounts(running.office.path(running.office.web.data) / "web.sqlite", SystemClock())
    try:
        account = accounts.of_person(running.holder(), "bkn")
        accounts.grant(account, [Role.EMPLOYEE, Role.INTEGRATOR], ["*"])
        return accounts.new_token(account, "test")
    finally:
        accounts.close()


@pytest.fixture
def example() -> ModuleType:
    """The client, as a module of its own."""
    spec = importlib.util.spec_from_file_location("hadir_client", EXAMPLES / "hadir_client.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Program:
    """A child process and what it has written."""

    def __init__(self, out: Path, *command: str, **environment: str) -> None:
        self.out = out
        with out.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, *command], stdout=file, stderr=file, env={**os.environ, **environment}
            )

    def until(self, look: Callable[[str], bool]) -> str:
        deadline = time.monotonic() + GUARD_S
        while time.monotonic() < deadline:
            text = self.out.read_text()
            if look(text):
                return text
            assert self.process.poll() is None, text
            time.sleep(0.05)
        raise AssertionError(f"never: {self.out.read_text()}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=GUARD_S)


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    made: list[Program] = []
    yield made
    for program in made:
        if program.process.poll() is None:
            program.process.kill()
        program.process.wait()


def taps(running: RunningWeb, token: str) -> None:
    """The desk is taken and left: four events, two of them of a person."""
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=running.url, headers=headers, timeout=20) as client:
        made = client.post("/api/v1/checkins", json={"place": DESK})
        assert made.status_code == 201, made.text
        assert client.post(f"/api/v1/checkins/{made.json()['checkin_id']}/end").status_code == 200


def test_events_are_followed_over_mqtt_and_over_the_web(
    running: RunningWeb, token: str, tmp_path: Path, programs: list[Program]
) -> None:
    kind = "desk.checkin.ended"
    mqtt = Program(tmp_path / "mqtt", "-m", "gateway.cli", "tail", str(running.file), "--type", kind, "--place", DESK)
    web = Program(
        tmp_path / "web", "-m", "gateway.cli", "tail", running.url, "--type", kind, "--after", "0", HADIR_TOKEN=token
    )
    state = Program(tmp_path / "state", "-m", "gateway.cli", "tail", str(running.file), "--topic", "state/kantor/#")
    programs += [mqtt, web, state]
    state.until(lambda text: DESK in text)  # retained: it has subscribed
    time.sleep(1.0)
    taps(running, token)
    (line,) = mqtt.until(lambda text: kind in text).splitlines()
    assert '"pid"' not in line
    lines = web.until(lambda text: text.count("\n") == 2).splitlines()
    assert line in lines
    assert mqtt.stop() == 130


def test_the_example_keeps_every_event_once_over_restarts(
    running: RunningWeb, token: str, tmp_path: Path, programs: list[Program]
) -> None:
    broker = f"127.0.0.1:{running.office.broker.port}"

    def unhandled() -> int:
        with closing(sqlite3.connect(tmp_path / "e.sqlite")) as found:
            return int(found.execute("SELECT count(*) FROM event WHERE NOT handled").fetchone()[0])

    command = [str(EXAMPLES / "hadir_client.py"), "--database", str(tmp_path / "e.sqlite"), "--site", "kantor"]
    command += ["--broker", broker, "--web", running.url]
    taps(running, token)
    first = Program(tmp_path / "first", *command, HADIR_TOKEN=token)
    programs.append(first)
    before = first.until(lambda text: "desk.checkin.ended" in text and not unhandled())
    first.process.kill()  # what it was handling would be handled again
    first.process.wait()
    taps(running, token)  # while nobody listens
    second = Program(tmp_path / "second", *command, HADIR_TOKEN=token)
    programs.append(second)
    second.until(lambda text: text.count("desk.checkin.ended") == 2)
    taps(running, token)  # and now live
    after = second.until(lambda text: text.count("desk.checkin.ended") >= 3)
    assert not set(after.splitlines()) & set(before.splitlines())
    assert "Traceback" not in after


def test_the_example_forgets_who_was_erased(
    running: RunningWeb, token: str, tmp_path: Path, programs: list[Program]
) -> None:
    with running.people() as table:
        pid = table.enrol(unit="bkn", name="Akan Dilupakan")
    accounts = Accounts(running.office.path(running.office.web.data) / "web.sqlite", SystemClock())
    taps(running, accounts.new_token(accounts.of_person(pid, "bkn"), "test"))
    accounts.close()
    command = [str(EXAMPLES / "hadir_client.py"), "--database", str(tmp_path / "e.sqlite"), "--site", "kantor"]
    command += ["--broker", f"127.0.0.1:{running.office.broker.port}", "--web", running.url]

    def kept() -> int:
        with closing(sqlite3.connect(tmp_path / "e.sqlite")) as found:
            return sum(pid in body for (body,) in found.execute("SELECT body FROM event"))

    first = Program(tmp_path / "first", *command, HADIR_TOKEN=token)
    programs.append(first)
    first.until(lambda text: bool(text) and kept() >= 2)
    first.process.kill()
    first.process.wait()
    with running.people() as table:
        table.erase(pid)
    headers = {"authorization": f"Bearer {token}"}
    deadline = time.monotonic() + GUARD_S
    while pid not in httpx.get(f"{running.url}/api/v1/erased", headers=headers).text:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    second = Program(tmp_path / "second", *command, HADIR_TOKEN=token)
    programs.append(second)
    second.until(lambda _: kept() == 0)


def test_what_the_example_has_not_handled_is_handled_after_a_crash_and_erased_people_stay_away(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled: list[str] = []
    fails = {"2"}

    def handle(event: dict[str, Any]) -> None:
        if event["id"] in fails:
            fails.clear()
            raise RuntimeError("the power went")
        handled.append(event["id"])

    def event(identity: str, kind: str = "desk.checkin.started", **data: str) -> dict[str, Any]:
        return {"id": identity, "type": f"hadir.{kind}.v1", "data": data}

    monkeypatch.setattr(example, "handle", handle)
    forgotten: list[str] = []
    monkeypatch.setattr(example, "forget", forgotten.append)
    store = example.Store(tmp_path / "e.sqlite")
    with pytest.raises(RuntimeError):
        store.add([event("1"), event("2", pid="p-1"), event("3")], "17")
    again = example.Store(tmp_path / "e.sqlite")
    assert (again.cursor("events"), again.count()) == ("17", 3)
    again.work()
    again.add([event("1"), event("3")])
    assert handled == ["1", "2", "3"]

    again.erase(["p-1"], "4")
    again.add([event("2", pid="p-1"), event("4", pid="p-1"), event("5", "privacy.erased", pid="p-2")])
    again.add([event("3", "privacy.erased"), event("3", "privacy.erased")])  # its content is gone: told once
    assert (forgotten, again.cursor("erased"), again.count()) == (["p-1", "p-2"], "4", 2)
    assert handled == ["1", "2", "3", "3"]


async def test_the_example_signs_in_at_a_broker_with_tls(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["--site", "kantor", "--web", "https://w.example", "--user", "bkn", "--tls", "--unit", "bkn"]
    monkeypatch.setenv("HADIR_BROKER_PASSWORD", "rahasia")
    broker, topics = example.broker_of(example.arguments_of(given))
    assert (broker["username"], broker["password"], broker["port"]) == ("bkn", "rahasia", 1883)
    assert broker["tls_context"].check_hostname
    assert "hadir/v1/who/kantor/bkn/#" in topics
    assert example.broker_of(example.arguments_of(given[:4]))[0]["tls_context"] is None


def test_the_example_receiver_takes_what_is_signed_only(tmp_path: Path, programs: list[Program]) -> None:
    from gateway.web.signing import HEADER, sign

    port = free_port()
    program = Program(tmp_path / "hook", str(EXAMPLES / "hadir_webhook.py"), str(port), HADIR_HOOK_SECRET="geheim")
    programs.append(program)
    event = '{"id":"1","time":"2026-11-26T01:00:00Z","type":"hadir.occupancy.changed.v1","subject":"a/b/c/d/e"}'
    body = f'{{"hook":"x","cursor":"1","events":[{event},{event}]}}'.encode()
    now = int(time.time())
    deadline = time.monotonic() + GUARD_S
    while True:
        try:
            good = httpx.post(f"http://127.0.0.1:{port}/", content=body, headers={HEADER: sign(b"geheim", now, body)})
            break
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert good.status_code == 204
    for length in ("-1", "x", "9999999999"):  # asked by anybody: answered at once, whatever more they send
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
            assert b" 413 " in line.recv(100)
    for header in (sign(b"other", now, body), sign(b"geheim", now - 301, body), ""):
        assert httpx.post(f"http://127.0.0.1:{port}/", content=body, headers={HEADER: header}).status_code == 401
    program.until(lambda text: text.count("occupancy.changed") == 1)


def test_what_is_asked_for_wrongly_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gateway.cli import main

    assert main(["tail", "https://hadir.example"]) == 1
    assert "HADIR_TOKEN" in capsys.readouterr().err
    assert main(["tail", str(tmp_path / "none.yaml")]) == 2


def test_filters_are_below_our_prefix(tmp_path: Path) -> None:
    office = load(write_office(tmp_path, port=1))
    assert follow.filters(office, []) == ["hadir/v1/evt/kantor/#", "hadir/v1/hist/kantor/+"]
    assert follow.filters(office, ["state/#", "hadir/v1/agg/#"]) == ["hadir/v1/state/#", "hadir/v1/agg/#"]


def test_an_event_is_shown_once_and_a_broken_message_is_not() -> None:
    import json

    sample = json.loads((Path(__file__).parents[1] / "contract/golden/samples/occupancy.changed.json").read_text())
    topic, payload = sample["samples"][0]["topic"], json.dumps(sample["samples"][0]["payload"]).encode()
    chosen = follow.Chosen([], "")
    assert len(list(follow.lines(topic, payload, chosen))) == 1
    assert list(follow.lines(topic, payload, chosen)) == []
    assert list(follow.lines(topic, b"{", chosen)) == []
    assert list(follow.lines("other/topic", payload, chosen)) == []
    assert list(follow.lines(topic, payload, follow.Chosen(["badge.rejected"], ""))) == []
    assert list(follow.lines(topic, payload, follow.Chosen([], "ikn/elsewhere"))) == []

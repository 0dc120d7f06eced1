"""What runs beside the pages: how complete the record is, and what is wrong with other systems."""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import ManualClock
from gateway.config.load import load
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.times import written
from gateway.errors import ConfigError, TransientError
from gateway.ledger import Ledger
from gateway.tools import run as tools
from gateway.web.alarm_words import ALARMS
from gateway.web.alarms_board import Problem
from gateway.web.backend import Backend, alarms_of
from gateway.web.bookings.mirror import MirrorState
from gateway.web.records.complete import SETTLE_S
from gateway.web.records.rows import Rows
from gateway.web.serve import Serve
from gateway.web.watch import Watch
from tests.conftest import free_port
from tests.delivery.world import until
from tests.web.conftest import NOON, Web, locked
from tests.web.office import BOOT, GATEWAY, ready, write_office

HOOK = """
web:
  port: {port}
  hooks:
    - {{id: agency, url: "https://agency.example/hook", secret_file: keys/hook, types: [occupancy.changed]}}
"""


def health(clock: ManualClock) -> bytes:
    told: dict[str, Any] = {"boot": BOOT, "at": written(clock.office()), "clock": {"sync": "ntp"}}
    return wire.write(wire.GatewayHealth, told | {"backlog": {"count": 0, "bytes": 0, "oldest_s": None, "dead": 0}})


async def test_what_gateways_say_is_heard_once_and_what_is_proven_is_kept(web: Web, clock: ManualClock) -> None:
    backend = Backend(web.site)
    Ledger(web.site.reading.ledger).close()
    for _ in range(SETTLE_S // 10 + 2):
        clock.advance(10)
        web.site.live.take(topics.gateway_health("kantor", GATEWAY), health(clock))
        backend.hear()
        backend.hear()
    await backend.look()
    found = await web.site.reading.ask(lambda view: web.site.proofs.now(Rows.over(view)))
    assert found.until is not None
    assert found.standings[0].cause == "told"
    again = Backend(replace(web.site, proofs=type(web.site.proofs)(web.site.office, clock)))
    again.restore()
    assert again.site.proofs.proven == web.site.proofs.proven
    assert again.site.proofs.continuity.kept == web.site.proofs.continuity.kept


async def test_what_an_older_hadir_kept_is_understood_once(web: Web) -> None:
    backend = Backend(web.site)
    path = web.site.office.path(web.site.office.web.data) / "proven.json"
    path.write_text(json.dumps({GATEWAY: NOON}))
    backend.restore()
    assert web.site.proofs.proven == {GATEWAY: NOON}
    Ledger(web.site.reading.ledger).close()
    await backend.look()
    assert json.loads(path.read_text()) == {"proven": {GATEWAY: NOON}, "seen": ["0"], "replaced": []}


async def test_a_broken_file_of_what_was_proven_costs_a_while_and_nothing_else(web: Web) -> None:
    backend = Backend(web.site)
    path = web.site.office.path(web.site.office.web.data) / "proven.json"
    for content in (
        "",
        "[]",
        '{"gw-01": "x"}',
        "\x00",
        '{"proven": {}}',
        '{"proven": {}, "seen": ["x"], "replaced": []}',
    ):
        path.write_text(content)
        backend.restore()
        assert web.site.proofs.proven == {}


def office(folder: Path, text: str = HOOK) -> Path:
    file = write_office(folder, port=1)
    body = file.read_text().replace("web: {port: 8080}\n", text.format(port=free_port()))
    file.write_text(body)
    return file


def check(file: Path) -> str:
    try:
        tools(argparse.Namespace(command="check", file=file))
    except ConfigError as error:
        return str(error)
    return ""


def test_a_hooks_secret_has_to_be_there_and_private(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = office(tmp_path)
    assert "web.hooks.secret_file: there is no file" in check(file)
    (tmp_path / "keys" / "hook").write_text("geheim")
    (tmp_path / "keys" / "hook").chmod(0o644)
    assert "may be read by others" in check(file)
    (tmp_path / "keys" / "hook").chmod(0o600)
    assert "web.hooks" not in check(file)
    assert capsys.readouterr().out


def test_a_hooks_types_and_place_have_to_be_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = office(tmp_path)
    (tmp_path / "keys" / "hook").write_text("geheim")
    (tmp_path / "keys" / "hook").chmod(0o600)
    text = file.read_text()
    wrong = text.replace("[occupancy.changed]", "[occupancy.change, presence.moved], place: utama/l09")
    file.write_text(wrong)
    said = check(file)
    assert 'did you mean "occupancy.changed"' in said
    assert "told to no hook" in said
    assert 'no place "utama/l09"' in said
    assert f"{file}:" in said
    with pytest.raises(ConfigError, match=r"occupancy\.change"):
        Serve(load(file), file, ManualClock(NOON), ManualClock(NOON))
    file.write_text(text.replace("[occupancy.changed]", "[occupancy.changed], place: utama/l01"))
    assert "web.hooks" not in check(file)
    assert capsys.readouterr().out


async def test_other_systems_that_fail_are_alarms_with_words(tmp_path: Path) -> None:
    file = office(tmp_path)
    (tmp_path / "keys" / "hook").write_text("geheim")
    (tmp_path / "keys" / "hook").chmod(0o600)
    clock = ManualClock(NOON, 10**12)
    serve = Serve(load(file), file, clock, clock)
    try:
        ready(serve.site.live, NOON)
        hooks = serve.site.hooks
        assert list(alarms_of(hooks, None)) == []
        database = serve.site.accounts.connection
        database.execute("INSERT INTO hook (id, cursor, failing_since, why) VALUES ('agency', 1, 5, 'answered 500')")
        names = [(one.name, one.about, one.detail) for one in alarms_of(hooks, None)]
        database.execute("UPDATE hook SET dead = 1")
        names += [(one.name, one.about, one.detail) for one in alarms_of(hooks, None)]
        assert names == [("hook_fails", "agency", "answered 500"), ("hook_dead", "agency", "answered 500")]
        state = MirrorState(problem="Seatsurfing answered 503", unmapped_spaces=(("id", "Ruang 9"),), refused=2)

        found = list(alarms_of(hooks, state))
        assert [one.name for one in found] == ["hook_dead", "bookings_fail", "bookings_unmapped", "bookings_refused"]
        assert {one.name for one in found} | {"hook_fails"} <= set(ALARMS)
    finally:
        serve.close()


async def test_a_database_that_fails_ends_neither_the_site_nor_its_board(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.web.serve.ERASED_S", 0.01)
    monkeypatch.setattr("gateway.web.serve.LOOK_S", 0.01)
    monkeypatch.setattr("gateway.web.watch.LOOK_S", 0.01)
    pid = web.person()
    account = web.site.accounts.of_person(pid, "panrb")
    web.site.people.erase(pid)
    looks: list[int] = []

    def others() -> list[Problem]:
        looks.append(1)
        raise TransientError("the disk: unreadable")

    watch = Watch(web.site.office, web.site.live, web.clock, web.clock, others)
    monkeypatch.setattr("gateway.web.watch.GRACE_S", 0)
    with locked(web) as waiting:
        tasks = [asyncio.create_task(running) for running in (web.serve._watch(), watch.run())]
        await asyncio.sleep(0.2)
        assert [task.done() for task in tasks] == [False, False]
        assert len(looks) > 1
        assert web.site.accounts.known(account) is not None
        waiting.close()
        await until(lambda: web.site.accounts.known(account) is None)
    for task in tasks:
        task.cancel()


async def test_a_request_meanwhile_is_to_be_asked_again(web: Web) -> None:
    client = web.employee()
    with locked(web):
        answer = await client.get("/bahasa/en")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")

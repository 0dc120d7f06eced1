"""An office all of whose names are payloads: people, floors, zones, desks, rooms, providers, notes, reasons."""

from __future__ import annotations

import json
from itertools import cycle
from pathlib import Path
from typing import Any

import yaml

from gateway.clock import SECOND
from gateway.config.load import load
from gateway.config.model import Office
from gateway.web.accounts import Accounts
from gateway.web.mine.problems import KINDS as PROBLEMS
from gateway.web.mine.problems import Problems
from gateway.web.mine.requests import Requests
from gateway.web.viewer import Role
from tests.web.conftest import NOON, Web
from tests.web.mine.book import HOUR, MINUTE, Book
from tests.web.office import FLOOR, write_office
from tests.web.payloads import payloads

NAMES = payloads()


def write_hostile(folder: Path, *, port: int, web_port: int, desks: int = len(NAMES)) -> Path:
    """office.yaml of that office; its first desks are those of tests/web/office.py."""
    file = write_office(folder, port=port, web_port=web_port)
    office: dict[str, Any] = yaml.safe_load(file.read_text())
    names = cycle(NAMES)
    office["name"] = next(names)
    building = office["buildings"][0]
    building["name"] = next(names)
    floor = building["floors"][0]
    floor["name"] = next(names)
    for zone in floor["zones"]:
        zone["name"] = next(names)
        for space in zone.get("spaces", ()):
            space["name"] = next(names)
    spaces = floor["zones"][0]["spaces"]
    kinds = cycle(("desk", "desk", "desk", "room", "booth"))
    spaces += [{"id": f"x-{n:03}", "kind": next(kinds), "name": name} for n, name in enumerate(NAMES[:desks])]
    office["web"]["issuers"] = [
        {"id": f"i-{n}", "name": name, "url": "https://sso.example", "client_id": "x", "unit": "panrb"}
        for n, name in enumerate(NAMES[:30])
    ]
    office["web"]["display"] = "public"
    file.write_text(json.dumps(office), encoding="utf-8")  # YAML reads JSON
    return file


def fill(web: Web, people: int = len(NAMES)) -> dict[str, str]:
    """People, their record, requests, problems and look-ups with such names; accounts by role."""
    accounts, table = web.site.accounts, web.site.people
    place = f"{FLOOR}/timur/_"
    made = {
        role.value: accounts.create(roles=[role], units=["*"], place=place, label=NAMES[0])
        for role in Role
        if role != Role.EMPLOYEE
    }
    pids = [table.enrol(unit="panrb", name=name, visibility="unit") for name in NAMES[:people]]
    made[Role.EMPLOYEE.value] = accounts.of_person(pids[0], "panrb")
    book = Book(web)
    for n, pid in enumerate(pids[:40]):
        at = NOON - 2 * HOUR + n * SECOND
        book.took(pid, at, place=f"{FLOOR}/timur/x-{n:03}", unit="panrb")
        if n:
            continue
        key = book.took(pid, at - HOUR, place=f"{FLOOR}/timur/x-100", unit="panrb")
        book.left(pid, key, at - HOUR, at - MINUTE, place=f"{FLOOR}/timur/x-100", unit="panrb")
    book.close()
    requests, problems = Requests(accounts.connection), Problems(accounts.connection)
    operator = accounts.sign_in(made["operator"])
    assert operator is not None
    for n, (pid, name) in enumerate(zip(pids[:60], NAMES, strict=False)):
        requests.ask(
            pid=pid, unit="panrb", at=NOON - HOUR, kind="lupa_tap", field="note", target="", old="", new="2026-11-26",
            note=name,
        )  # fmt: skip
        problems.report(f"{FLOOR}/timur/x-{n:03}", next(iter(PROBLEMS)), name, NOON)
        accounts.note_lookup(operator.viewer, pids[0], "panrb", name[:60], name + " alasan")
    return made


def hostile(folder: Path, port: int, web_port: int) -> tuple[Path, Office]:
    """The file, and what it says."""
    file = write_hostile(folder, port=port, web_port=web_port)
    return file, load(file)


__all__ = ["NAMES", "Accounts", "fill", "hostile", "write_hostile"]

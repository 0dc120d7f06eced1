"""The subcommands that run once and end: check, init, schema, decode, devices, people, and questions to a daemon."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import packages_distributions
from typing import Any

from gateway.errors import ConfigError, HadirError, Problem

OURS = ("gateway", "drivers", "rules", "firmware_sim")


def _out(text: str) -> None:
    sys.stdout.write(text)


def run(arguments: argparse.Namespace) -> int:
    """Run one of them; its exit status."""
    handlers: Mapping[str, Callable[[argparse.Namespace], int]] = {
        "check": _check,
        "init": _init,
        "schema": _schema,
        "decode": _decode,
        "devices": _devices,
        "people": _people,
        "why": _ask,
        "status": _ask,
        "backlog": _ask,
        "dead-letters": _ask,
        "tail": _tail,
    }
    return handlers[arguments.command](arguments)


def _check(arguments: argparse.Namespace) -> int:
    from gateway.config.load import load
    from gateway.decode import installed

    foreign()
    office = load(arguments.file, drivers=installed())
    spaces = sum(len(zone.spaces) for b in office.buildings for f in b.floors for zone in f.zones)
    _out(f"{arguments.file}: good: {spaces} places, {len(office.devices)} devices, {len(office.gateways)} gateways\n")
    return 0


def foreign(owners: Mapping[str, list[str]] | None = None) -> None:
    """Refuse to go on where another distribution owns one of our import names. Raises ConfigError.

    PyPI has a `rules`: installed beside hadir it overwrites our files, and pip says nothing.
    """
    found = packages_distributions() if owners is None else owners
    problems = []
    for name in OURS:
        others = sorted(set(found.get(name, [])) - {"hadir"})
        if others:
            text = (
                f'the package "{name}" also belongs to {", ".join(others)}; give hadir a virtual environment of its own'
            )
            problems.append(Problem(file="installation", line=None, text=text))
    if problems:
        raise ConfigError(*problems)


def _init(arguments: argparse.Namespace) -> int:
    from gateway.site import init

    for path in init(arguments.folder, arguments.site):
        _out(f"made {path}\n")
    office = arguments.folder / "office.yaml"
    _out(f"next: edit {office}, then  hadir check {office}  and  hadir up {office}\n")
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    from gateway.contract import schema

    schema.write(arguments.folder)
    _out(f"wrote the contract to {arguments.folder}\n")
    return 0


def _decode(arguments: argparse.Namespace) -> int:
    from gateway.decode import installed
    from gateway.decode_cli import run as decode_lines

    if arguments.file is None:
        return decode_lines(sys.stdin, sys.stdout, installed())
    try:
        with arguments.file.open(encoding="utf-8") as lines:
            return decode_lines(lines, sys.stdout, installed())
    except OSError as error:
        raise HadirError(f"{arguments.file}: {error.strerror}") from error


def _devices(_arguments: argparse.Namespace) -> int:
    from gateway.decode import installed

    _out(f"{'driver':<12} {'medium':<24} {'modality':<12} interval\n")
    for driver in sorted(installed().values(), key=lambda driver: (driver.modality, driver.name)):
        interval = "silent by design" if driver.expect_s is None else f"{driver.expect_s:g} s"
        _out(f"{driver.name:<12} {', '.join(driver.media):<24} {driver.modality:<12} {interval}\n")
    return 0


def _people(arguments: argparse.Namespace) -> int:
    from gateway.config.load import load
    from gateway.people import PeopleTable, SiteKey

    office = load(arguments.file)
    if arguments.action in ("disable", "erase") and not arguments.pid:
        raise HadirError(f"{arguments.action} whom? give --pid")
    with PeopleTable(office.path(office.people.table), SiteKey.load(office.path(office.people.site_key))) as table:
        match arguments.action:
            case "enrol":
                realm = arguments.realm or office.site
                credentials = [(value, realm) for value in arguments.credential]
                _out(f"{table.enrol(unit=arguments.unit, credentials=credentials)}\n")
            case "list":
                for pid, unit, count in table.people():
                    _out(f"{pid} {unit} {count} credentials\n")
            case "disable":
                _out(f"{table.disable(arguments.pid)} credentials disabled\n")
            case _:
                erased = table.erase(arguments.pid)
                _out("erased\n" if erased else "nobody has that pid\n")
                return 0 if erased else 1
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from gateway.control import call

    args = {"place": arguments.place} if arguments.command == "why" else {}
    _out(json.dumps(asyncio.run(call(arguments.socket, arguments.command, args)), indent=2) + "\n")
    return 0


def _tail(arguments: argparse.Namespace) -> int:
    """Events of the gateway as they are committed, until Ctrl-C."""
    from gateway.control import call

    async def follow() -> None:
        cursor: Any = None
        while True:
            answer = await call(arguments.socket, "tail", {"after": cursor})
            cursor = answer["cursor"]
            for event in answer["events"]:
                _out(json.dumps(event, separators=(",", ":")) + "\n")
            sys.stdout.flush()
            await asyncio.sleep(0.5)

    asyncio.run(follow())
    return 0

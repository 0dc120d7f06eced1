"""The subcommands that run once and end: check, init, schema, decode, devices, people, and questions to a daemon."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError, HadirError, Problem

OURS = ("gateway", "drivers", "rules", "firmware_sim")
REMEDY = "give hadir a virtual environment of its own"
TAIL_S = 0.5


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
        "why": _why,
        "status": _ask,
        "backlog": _ask,
        "dead-letters": _ask,
        "tail": _tail,
    }
    return handlers[arguments.command](arguments)


def _check(arguments: argparse.Namespace) -> int:
    from gateway import calendars, radio, timekeeping
    from gateway.clock import SystemClock
    from gateway.config import plan_check, surroundings, web_bookings, web_files
    from gateway.config.document import Document
    from gateway.config.load import load
    from gateway.credentials import SiteKey
    from gateway.decode import installed
    from gateway.kernel_clock import Linux
    from gateway.web import hook_check

    foreign()
    drivers = installed()
    office = load(arguments.file, drivers=drivers)
    document = Document.read(arguments.file)
    mistakes, noted = surroundings.missing(office, document)
    mistakes += surroundings.keys(office, drivers)
    mistakes += plan_check.problems(office, document)
    mistakes += web_files.mistakes(office, document)
    other = (*web_bookings.problems(office), *hook_check.problems(office))
    mistakes += [document.problem(where, text) for where, text in other]
    key = office.path(office.people.site_key)
    if key.is_file():
        try:
            SiteKey.load(key)
        except ConfigError as error:
            mistakes += error.problems
    here = ("calendar", "holidays")
    mistakes += [document.problem((*here, *at), text) for at, text in calendars.problems(office.calendar.holidays)]
    if mistakes:
        raise ConfigError(*mistakes)
    dated = [document.problem(("calendar", *at), text) for at, text in calendars.notes(office, SystemClock().office())]
    clock = timekeeping.note(Linux(), "always" if office.simulated else office.clock.trust)
    for note in (
        *filter(None, (clock,)),
        *noted,
        *dated,
        *surroundings.notes(office, document),
        *radio.notes(office, document),
    ):
        _out(f"note: {note}\n")
    spaces = sum(len(zone.spaces) for b in office.buildings for f in b.floors for zone in f.zones)
    counted = (_counted(spaces, "place"), _counted(len(office.devices), "device"))
    _out(f"{arguments.file}: good: {', '.join(counted)}, {_counted(len(office.gateways), 'gateway')}\n")
    return 0


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def foreign(owners: Mapping[str, list[str]] | None = None) -> None:
    """Refuse to go on where another distribution owns one of our import names. Raises ConfigError.

    PyPI has a `rules`: installed beside hadir it overwrites our files, and pip says nothing. `owners`: distributions by
    import name; default: those of this Python.
    """
    found = packages_distributions() if owners is None else owners
    problems = []
    for name in OURS:
        others = sorted(set(found.get(name, [])) - {"hadir"})
        if others:
            text = f'the package "{name}" also belongs to {", ".join(others)}'
            problems.append(Problem(file="installation", line=None, text=f"{text}; {REMEDY}"))
        elif (place := _place(name)) != _place("gateway"):
            text = f'the package "{name}" is read from {place}, not from {_place("gateway")}'
            problems.append(Problem(file="installation", line=None, text=f"{text}; {REMEDY}"))
    if problems:
        raise ConfigError(*problems)


def _place(package: str) -> str:
    """The folder in which Python finds a package."""
    found = find_spec(package)
    return "" if found is None or found.origin is None else str(Path(found.origin).parent.parent)


def _init(arguments: argparse.Namespace) -> int:
    from gateway.site import init

    for path in init(arguments.folder, arguments.site):
        _out(f"made {path}\n")
    office = arguments.folder / "office.yaml"
    _out(f"next: edit {office}, then\n  hadir check {office}\n")
    _out(f"  hadir people {office} enrol --unit UNIT --credential em4100:0F0368568B\n  hadir up {office}\n")
    return 0


def _schema(arguments: argparse.Namespace) -> int:
    from gateway.contract import schema

    try:
        schema.write(arguments.folder)
    except OSError as error:
        raise HadirError(f"{error.filename or arguments.folder}: {error.strerror}") from error
    _out(f"wrote the contract to {arguments.folder}\n")
    return 0


def _decode(arguments: argparse.Namespace) -> int:
    from gateway.decode import installed
    from gateway.decode_cli import run as decode_lines

    if arguments.file is None:
        return decode_lines(sys.stdin, sys.stdout, installed(), live=True)
    try:
        lines = arguments.file.open(encoding="utf-8")
    except OSError as error:
        raise HadirError(f"{arguments.file}: {error.strerror}") from error
    with lines:
        return decode_lines(lines, sys.stdout, installed())


def _devices(arguments: argparse.Namespace) -> int:
    from gateway.decode import built_in, installed, supported

    if arguments.guide is not None:
        from gateway.devices_guide import guide

        try:
            arguments.guide.write_text(guide({driver.name: driver for _, driver in built_in()}), encoding="utf-8")
        except OSError as error:
            raise HadirError(f"{arguments.guide}: {error.strerror}") from error
        return 0
    rows = supported(installed())
    if arguments.json:
        for row in rows:
            _out(json.dumps(row._asdict()) + "\n")
        return 0
    heads = ("driver", "modality", "medium", "interval", "needs", "vectors", "kinds")
    shown = [heads, *((r.driver, r.modality, _first(r.media), r.interval, r.needs, r.checked, r.kinds) for r in rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for cells in shown:
        _out("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n")
    return 0


def _first(listed: str) -> str:
    """Of a list that a table has no room for."""
    first, _, more = listed.partition(", ")
    return f"{first}, ..." if more else first


def _people(arguments: argparse.Namespace) -> int:
    from gateway.config.load import load
    from gateway.people import PeopleTable, SiteKey

    office = load(arguments.file)
    if arguments.action in ("add", "disable", "quiet", "unquiet", "erase") and not arguments.pid:
        raise HadirError(f"{arguments.action} whom? give --pid")
    known = arguments.name or arguments.staff_number  # who signs in and has no card
    if (
        arguments.action in ("enrol", "add")
        and not arguments.credential
        and not (known and arguments.action == "enrol")
    ):
        text = "with which card or tag? give --credential, for example em4100:0F0368568B"
        raise HadirError(f"{arguments.action} {text}")
    realm = arguments.realm or office.site
    credentials = [(value, realm) for value in arguments.credential]
    with PeopleTable(office.path(office.people.table), SiteKey.load(office.path(office.people.site_key))) as table:
        match arguments.action:
            case "enrol":
                pid = table.enrol(
                    unit=arguments.unit,
                    credentials=credentials,
                    name=arguments.name,
                    staff_number=arguments.staff_number,
                )
                _out(f"{pid}\n")
            case "list":
                for pid, unit, count in table.people():
                    _out(f"{pid} {unit} {_counted(count, 'credential')}\n")
            case "disable":
                disabled = table.disable(arguments.pid)
                if not disabled:
                    raise HadirError(f"{arguments.pid} has no credential that works")
                _out(f"{_counted(disabled, 'credential')} disabled\n")
            case "add":
                table.add(arguments.pid, credentials)
                _out(f"{_counted(len(credentials), 'credential')} added\n")
            case "quiet" | "unquiet":
                if not table.set_quiet(arguments.pid, arguments.action == "quiet"):
                    raise HadirError("nobody has that pid")
                _out("not sensed any more\n" if arguments.action == "quiet" else "sensed again\n")
            case _:
                if not table.erase(arguments.pid):
                    raise HadirError("nobody has that pid")
                _out("erased here; the archive and each gateway follow as soon as they hear of it\n")
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from gateway.control import call

    _out(json.dumps(asyncio.run(call(arguments.socket, arguments.command)), indent=2) + "\n")
    return 0


def _why(arguments: argparse.Namespace) -> int:
    from gateway.why.ask import why

    return why(arguments)


def _tail(arguments: argparse.Namespace) -> int:
    """Events as they come, until Ctrl-C: of a gateway's socket, of the broker, or of the web's stream."""
    source = Path(arguments.source)
    if arguments.source.startswith(("http://", "https://")) or source.suffix in (".yaml", ".yml"):
        from gateway.follow import follow as afar

        return afar(arguments)
    from gateway.control import call

    async def follow() -> None:
        cursor: Any = None
        while True:
            answer = await call(source, "tail", {"after": cursor})
            if cursor is not None and answer["cursor"] < cursor:  # the gateway was started anew
                answer = await call(source, "tail", {"after": 0})
            cursor = answer["cursor"]
            for event in answer["events"]:
                _out(json.dumps(event, separators=(",", ":")) + "\n")
            sys.stdout.flush()
            await asyncio.sleep(TAIL_S)

    asyncio.run(follow())
    return 0

"""`hadir survey FLOOR --office office.yaml`: a guided calibration walk; `--check`: what is wrong with a survey."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import HadirError

if TYPE_CHECKING:
    from gateway.config.model import Building, Floor, Office
    from gateway.survey.feed import Feed
    from gateway.survey.ground import Ground
    from gateway.survey.store import Store

STAND_S = 20.0
_PID = re.compile(r"p-[0-9a-f]{16}")


def add(make: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the subcommand. `make(name, text)` makes one."""
    made = make("survey", "Walk a floor with a tag, so that its radio map can be learned; resumes where it was left.")
    made.add_argument("floor", metavar="FLOOR", help="building/floor, or the floor alone where one building has it")
    made.add_argument("--office", type=Path, default=Path("office.yaml"), metavar="office.yaml")
    made.add_argument("--tag", default="", help="what is carried: a pid, a credential (ibeacon:...), a device's id")
    made.add_argument(
        "--from", dest="tape", type=Path, metavar="FILE", help="a table t,beacon,receiver,rssi or a recording"
    )
    made.add_argument("--socket", type=Path, action="append", default=[], help="control socket of a gateway")
    made.add_argument("--mqtt", action="store_true", help="listen by way of the broker of office.yaml, from anywhere")
    made.add_argument("--user", help="with --mqtt: the broker account of who walks; default: that of office.yaml")
    made.add_argument("--password-file", type=Path, metavar="FILE", help="with --user: its password")
    made.add_argument("--seconds", type=_seconds, default=STAND_S, help="how long to stand at a spot (20)")
    made.add_argument("--out", type=Path, metavar="FILE", help="the survey; default: that of office.yaml, or a new one")
    made.add_argument("--check", action="store_true", help="say what is wrong with the survey that is there; 1 if any")


def _seconds(text: str) -> float:
    if not 1 <= (seconds := float(text)) <= 3600:
        raise argparse.ArgumentTypeError("1 to 3600")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """The command."""
    from gateway.config.load import load
    from gateway.decode import installed
    from gateway.survey.floor import file_of, ground_of
    from gateway.survey.store import Store
    from gateway.survey.walk import Walk

    office = load(arguments.office, drivers=installed())
    building, floor = _floor(office, arguments.floor)
    path: Path = arguments.out or file_of(office, building, floor)
    ground = ground_of(office, building, floor)
    if arguments.check:
        if not path.is_file():
            raise HadirError(f"{path}: there is no such file; make one with hadir survey")
        return 1 if _doubts(office, building, floor, path) else 0
    feed = _remote(arguments, office, building, floor) if arguments.mqtt else _feed(arguments, office)
    store = Store(path)
    if store.repaired:
        _out(f"{path}: its end was torn, and is cut off: the last spot may lack packets\n")
    if store.visits:
        _out(f"{path}: goes on after {len(store.visits)} spots\n")
    try:
        Walk(ground, store, feed, arguments.seconds, sys.stdin, sys.stdout, tty=sys.stdout.isatty()).run()
    except KeyboardInterrupt:
        _out("\n")
    _summary(office, building, floor, ground, store)
    return 0


def _out(text: str) -> None:
    sys.stdout.write(text)


def _floor(office: Office, word: str) -> tuple[Building, Floor]:
    every = [(building, floor) for building in office.buildings for floor in building.floors]
    found = [(b, f) for b, f in every if word in (f.id, f"{b.id}/{f.id}")]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{b.id}/{f.id}" for b, f in found or every)
    raise HadirError(f"{'which' if found else 'there is no'} floor {word[:60]}{'?' if found else ''}: {names}")


def _feed(arguments: argparse.Namespace, office: Office) -> Feed:
    from gateway.clock import SystemClock
    from gateway.control import SOCKET
    from gateway.survey.feed import Live, tape

    if arguments.tape is not None:
        table = arguments.tape.name.endswith((".csv", ".csv.gz"))
        return tape(arguments.tape, arguments.tag if table or not arguments.tag else _person(office, arguments.tag))
    if not arguments.tag:
        raise HadirError("which tag do you carry? give --tag: a pid, a credential or the id of a fixed tag")
    folders = (office.data_folder(gateway) for gateway in office.gateways)
    sockets = arguments.socket or [folder / SOCKET for folder in folders if (folder / SOCKET).exists()]
    live = Live(sockets, _person(office, arguments.tag), SystemClock())
    _out(f"listening by way of {', '.join(live.open())}\n")
    return live


def _remote(arguments: argparse.Namespace, office: Office, building: Building, floor: Floor) -> Feed:
    from gateway.clock import SystemClock
    from gateway.credentials import SiteKey
    from gateway.survey.floor import hanging
    from gateway.survey.remote import Remote

    if arguments.tape is not None or not arguments.tag:
        raise HadirError(
            "--mqtt listens now: it needs --tag (a pid, a credential or the id of a fixed tag), and no --from"
        )
    broker = office.broker
    if arguments.user:
        secret: Path | None = arguments.password_file
        named = {"username": arguments.user, "password_file": secret and secret.absolute()}
        broker = broker.model_copy(update=named)
    remote = Remote(
        broker,
        office.path(Path()),
        f"{office.site}/{building.id}",
        hanging(office, building, floor),
        person=_person(office, arguments.tag),
        key=SiteKey.load(office.path(office.people.site_key)),
        clock=SystemClock(),
    )
    _out(f"listening to what gateways tell {remote.open()}\n")
    return remote


def _person(office: Office, tag: str) -> str:
    """The pid of a tag. Raises HadirError; no credential is repeated in it."""
    from gateway.config import fixed_tags
    from gateway.credentials import SiteKey, checked
    from gateway.directory import Directory

    if _PID.fullmatch(tag):
        return tag
    for device in office.devices:
        if device.id == tag and fixed_tags.is_fixed(device):
            return str(device.address)
    if ":" not in tag:
        raise HadirError(f"{tag[:40]} is neither a pid, nor a credential, nor the id of a fixed tag")
    key = SiteKey.load(office.path(office.people.site_key))
    index = key.index(checked(tag), office.site)
    for gateway in office.gateways:
        entry = Directory(office.data_folder(gateway) / "people", key, gateway.id).lookup(index)
        if entry is not None and entry.pid and entry.active:
            return entry.pid
    raise HadirError("no gateway of this machine knows that tag: enrol it (hadir people), or give its pid")


def _summary(office: Office, building: Building, floor: Floor, ground: Ground, store: Store) -> None:
    from gateway.survey import picture

    if not store.visits:
        _out("nothing was surveyed\n")
        return
    packets = sum(len(visit.heard) for visit in store.visits)
    _out(f"{store.path}: {len(store.visits)} spots, {packets} packets\n")
    for line in picture.zones(ground, ground.states(store.visits), {}):
        _out(f"{line}\n")
    _doubts(office, building, floor, store.path)
    base = office.path(Path())
    shown = store.path.absolute()
    name = shown.relative_to(base.absolute()) if shown.is_relative_to(base.absolute()) else shown
    if floor.survey is not None and office.path(floor.survey) == store.path:
        _out("office.yaml names it already; gateways learn it when they start\n")
    else:
        _out(f'in office.yaml, at floor "{floor.id}":\n')
        _out(f"survey: {name}\n")


def _doubts(office: Office, building: Building, floor: Floor, path: Path) -> int:
    """Say what is wrong with a survey; how much that is."""
    from importlib.util import find_spec

    from gateway import radio

    if find_spec("numpy") is None:
        _out("numpy is missing, without which no survey is judged or used: install hadir[locate]\n")
        return 1
    where = {"survey": path.absolute()}
    found = radio.doubtful(office, building, floor, radio.survey(office, floor.model_copy(update=where)))
    for doubt in found:
        _out(f"{doubt.kind}: {doubt.what}; {doubt.remedy}\n")
    if not found:
        _out("nothing is wrong with it\n")
    return len(found)

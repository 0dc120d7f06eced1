"""What `hadir run`, `hadir ingest` and `hadir up` start. Each imports only its own role."""

from __future__ import annotations

import argparse
import logging
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from gateway.clock import Clock
from gateway.config.load import load
from gateway.config.model import Office
from gateway.daemon import clock_of, run_until_stopped
from gateway.decode import installed
from gateway.errors import ConfigError, Problem
from gateway.kernel_clock import Linux
from gateway.timekeeping import OfficeClock, following
from gateway.trace import Trace

_log = logging.getLogger(__name__)


def daemon(arguments: argparse.Namespace) -> int:
    """`hadir run` and `hadir ingest`, until they are stopped; the exit status."""
    trace = None if arguments.trace is None else Trace(arguments.trace)
    try:
        return (_ingest if arguments.command == "ingest" else _run)(arguments, trace)
    finally:
        if trace is not None:
            trace.close()


def _clock(arguments: argparse.Namespace, office: Office, folder: Path) -> Clock:
    """The clock that `--clock` asks for, or the office clock of this box, which keeps what it knows in `folder`.

    Raises ConfigError.
    """
    if arguments.clock is not None:
        return clock_of(arguments.clock)
    return OfficeClock(Linux(), folder / "clock", "always" if office.simulated else office.clock.trust)


def _ingest(arguments: argparse.Namespace, trace: Trace | None) -> int:
    from gateway.archive import Archive

    office = load(arguments.file, drivers=installed())
    clock = _clock(arguments, office, office.path(office.archive.ledger).parent)
    archive = Archive(office, clock, trace)
    return run_until_stopped(lambda: following(archive.run, clock), arguments)


def _run(arguments: argparse.Namespace, trace: Trace | None) -> int:
    from gateway import predecessor
    from gateway.app import GatewayApp
    from gateway.boot import counter
    from gateway.contract import topics

    named = installed()
    office = load(arguments.file, drivers=named)
    box = next((gateway for gateway in office.gateways if gateway.id == arguments.gateway), None)
    if box is None:
        names = ", ".join(gateway.id for gateway in office.gateways)
        text = f'there is no gateway "{arguments.gateway}"; there are: {names}'
        raise ConfigError(Problem(file=str(arguments.file), line=None, text=text))
    if trace is not None and not office.simulated:
        text = "names frames, and from a frame's name the number of a card can be told; it is for simulated offices"
        raise ConfigError(Problem(file="--trace", line=None, text=text))
    clock = _clock(arguments, office, office.data_folder(box))
    floor = predecessor.boot_floor(office, box, office.data_folder(box), clock)
    while True:
        app = GatewayApp(office, box, named, clock, trace, control=arguments.control, floor=floor or 0)
        if floor is not None:
            return run_until_stopped(app.run, arguments)
        status, own = topics.gateway_status(office.site, box.id), counter(app.origin.boot)
        listening = partial(predecessor.listening, app.run, app.link, status, own)
        try:
            return run_until_stopped(listening, arguments)
        except* predecessor.Outrun as outrun:
            floor = max(one.counter for one in outrun.exceptions if isinstance(one, predecessor.Outrun))
            _log.warning("%s", outrun.exceptions[0])


def up(arguments: argparse.Namespace) -> int:
    """`hadir up`, until it is stopped; the exit status."""
    from gateway.broker import EmbeddedBroker
    from gateway.up import Children, roles

    office = load(arguments.file, drivers=installed())
    extra = () if arguments.clock is None else ("--clock", arguments.clock)
    web = not arguments.no_web and is_installed()
    children = Children(roles(office, arguments.file, extra=extra, web=web), log=arguments.log_folder)
    broker = EmbeddedBroker(office.broker.port, office.path(Path("var/broker"))) if office.broker.embedded else None
    if broker is not None:
        broker.start()
    _welcome(office, arguments.file, web=web)
    try:
        return run_until_stopped(children.run, arguments)
    finally:
        if broker is not None:
            broker.stop()


def is_installed() -> bool:
    """Whether this installation has what the web application needs; a gateway's box need not."""
    return all(find_spec(name) is not None for name in ("fastapi", "jinja2", "uvicorn"))


def _welcome(office: Office, file: Path, *, web: bool) -> None:
    """What runs, and where to look."""
    broker = office.broker
    older = f", MQTT 3.1.1 on {broker.port + 1}" if broker.embedded else ""
    lines = [f"hadir up: {office.site}; Ctrl-C ends it", f"  broker   {broker.host}:{broker.port}{older}"]
    lines += [f"  {gateway.id:8} hadir status {office.data_folder(gateway)}" for gateway in office.gateways]
    lines.append(f"  archive  {office.path(office.archive.ledger)}")
    if web:
        lines += [f"  web      {office.web.address}", f"           hadir accounts {file} code --role operator"]
    elif not is_installed():
        lines.append("  web      not installed: pip install 'hadir[web]'")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()

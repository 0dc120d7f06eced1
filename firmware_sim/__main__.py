"""`python -m firmware_sim`: the devices of a simulated office, on pseudo-terminals and a simulated BlueZ.

It says `ready` when its devices speak, `open` when people begin to come, `silent` when its devices have stopped. With
--led whoever started it leads by its standard input: a first line lets people come, a second one stops the devices
before their time, and its end ends everything. The lines stay open until then, so that nobody who reads them takes the
end of the day for broken cables.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from firmware_sim.air import Recordings
from firmware_sim.clock import Clock
from firmware_sim.faults import NONE, SOME
from firmware_sim.office import Office, make_office
from firmware_sim.simulator import Lead, Settings, Simulator

BUS = "DBUS_SYSTEM_BUS_ADDRESS"
LINGER_S = 0.2
"""Without --led, lines are hung up so long after the last byte: a hang-up throws away what the host has not read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 when the time was up or it was told to stop, 2 when it was started wrongly."""
    parser = _parser()
    args = parser.parse_args(arguments)
    bus = "" if args.no_ble else os.environ.get(BUS, "")
    if not args.no_ble and not bus:
        parser.error(f"{BUS} is not set: start a private dbus-daemon, or give --no-ble to record the adverts")
    settings = Settings(
        folder=args.folder,
        seed=args.seed,
        clock=args.clock,
        seconds=args.seconds,
        truth=args.truth,
        outages=args.outages,
        broker=args.broker,
        faults=SOME if args.faults else NONE,
    )
    try:
        asyncio.run(_run(settings, bus, led=args.led))
    except asyncio.CancelledError:  # told to stop: that is success
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m firmware_sim", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where tty/ and ble/ appear")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clock", type=_clock, required=True, metavar="START@ANCHORxSPEED")
    parser.add_argument("--seconds", type=float, default=0.0, help="machine seconds of office life; 0: until stopped")
    parser.add_argument(
        "--no-ble", action="store_true", help="record adverts under ble/ instead of the simulated BlueZ"
    )
    parser.add_argument("--truth", type=Path, help="write the ledger of the truth there")
    parser.add_argument("--outages", action=argparse.BooleanOptionalAction, default=True, help="one radar falls silent")
    parser.add_argument("--broker", type=int, default=0, help="port of the MQTT broker; 0: there is none")
    parser.add_argument(
        "--faults", action="store_true", help="frames are lost, doubled, late and damaged; a line and a battery fail"
    )
    parser.add_argument("--led", action="store_true", help="let standard input lead: begin, stop, end")
    return parser


def _clock(text: str) -> Clock:
    try:
        return Clock.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


async def _run(settings: Settings, bus: str, *, led: bool) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        raise RuntimeError("not in a task")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    lead = Lead()
    if led:
        loop.add_reader(sys.stdin.fileno(), _hear, lead, task)
    else:
        lead.begin.set()
    office = make_office(settings.seed)
    if bus:
        await _over_bus(settings, office, bus, lead, led=led)
        return
    with Recordings(settings.folder / "ble", office, settings.clock) as recordings:
        await _simulate(Simulator(settings, office, recordings), lead, led=led)


def _hear(lead: Lead, task: asyncio.Task[None]) -> None:
    """Each line is the next word; the end of the file, also by the death of its writer, is the last."""
    data = os.read(sys.stdin.fileno(), 4096)
    if not data:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        task.cancel()
    for _ in range(data.count(b"\n")):
        (lead.end if lead.begin.is_set() else lead.begin).set()


async def _over_bus(settings: Settings, office: Office, bus: str, lead: Lead, *, led: bool) -> None:
    from firmware_sim.bluez import SimulatedBluez  # dbus-fast is needed here only

    bluez = SimulatedBluez(bus, [receiver.adapter for receiver in office.receivers])
    async with asyncio.TaskGroup() as group:
        server = group.create_task(bluez.run(), name="bluez")
        await bluez.ready.wait()
        await _simulate(Simulator(settings, office, bluez), lead, led=led)
        server.cancel()


async def _simulate(simulator: Simulator, lead: Lead, *, led: bool) -> None:
    simulator.open()
    try:
        _say("ready")
        await simulator.run(lead, lambda: _say("open"))
        _say("silent")
        if led:
            await asyncio.Event().wait()  # until we are cancelled: the lines stay open
        await asyncio.sleep(LINGER_S)
    finally:
        simulator.close()


def _say(word: str) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more: our standard input tells us what to do
        sys.stdout.write(f"{word}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

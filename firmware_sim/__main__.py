"""`python -m firmware_sim`: the devices of a simulated office, on pseudo-terminals and a simulated BlueZ."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from firmware_sim.air import Recordings
from firmware_sim.clock import Clock
from firmware_sim.office import Office, make_office
from firmware_sim.simulator import Settings, Simulator

BUS = "DBUS_SYSTEM_BUS_ADDRESS"


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
    )
    try:
        asyncio.run(_run(settings, bus, with_parent=args.with_parent))
    except asyncio.CancelledError:  # told to stop: that is success
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m firmware_sim", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where tty/ and ble/ appear")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clock", type=_clock, required=True, metavar="START@ANCHORxSPEED")
    parser.add_argument("--seconds", type=float, default=0.0, help="machine seconds from START; 0: until stopped")
    parser.add_argument(
        "--no-ble", action="store_true", help="record adverts under ble/ instead of the simulated BlueZ"
    )
    parser.add_argument("--truth", type=Path, help="write the ledger of the truth there")
    parser.add_argument("--outages", action=argparse.BooleanOptionalAction, default=True, help="one radar falls silent")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    return parser


def _clock(text: str) -> Clock:
    try:
        return Clock.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


async def _run(settings: Settings, bus: str, *, with_parent: bool) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        raise RuntimeError("not in a task")
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    if with_parent:
        loop.add_reader(sys.stdin.fileno(), lambda: os.read(sys.stdin.fileno(), 4096) or task.cancel())
    office = make_office(settings.seed)
    if bus:
        await _over_bus(settings, office, bus)
        return
    with Recordings(settings.folder / "ble", office, settings.clock) as recordings:
        await _simulate(Simulator(settings, office, recordings))


async def _over_bus(settings: Settings, office: Office, bus: str) -> None:
    from firmware_sim.bluez import SimulatedBluez  # dbus-fast is needed here only

    bluez = SimulatedBluez(bus, [receiver.adapter for receiver in office.receivers])
    async with asyncio.TaskGroup() as group:
        server = group.create_task(bluez.run(), name="bluez")
        await bluez.ready.wait()
        await _simulate(Simulator(settings, office, bluez))
        server.cancel()


async def _simulate(simulator: Simulator) -> None:
    simulator.open()
    try:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await simulator.run()
    finally:
        simulator.close()


if __name__ == "__main__":
    sys.exit(main())

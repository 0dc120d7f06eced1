"""A gateway goes deaf, in every way that we know of; nobody has left because of that.

The real daemon scans a simulated BlueZ with real bleak. Five people with tags and a sensor at a desk are there all the
time, so whatever says that somebody left, that the desk is vacant, or names another cause than the radio, is wrong.
Back is the first advert that the gateway counts after the fault is over.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from faults.api import Fault, Outcome, Scene
from faults.bluetooth import ADDRESS, SENSOR, TAGS, Bluetooth, credential
from faults.floor import ZONE, Floor, at_work
from faults.listener import Listener
from faults.table import quantile
from gateway import ledger

DESK = f"{ZONE}/d-001"
WATCHDOG_S, BUSY_S = 15.0, 5.0
"""By default, and what becomes of it where somebody advertises all the time."""
LONG = 20
"""Cycles of a run that has time for the default watchdog, and for what takes minutes."""
WARM_UP_S = 200.0
"""After so long a gateway knows how busy the air is."""
BACK_S = 11.0
"""A radio that hears nothing after so long is given up."""
SIGNALLED_S, SILENT_S = 2.0, 10.0
"""The two promises."""
DEATH = "Bluetooth daemon killed"
CONNECTIONS = 2
"""To the bus: bleak's and our own."""
ALONE = ("radio_deaf", "starting")


class Stage(NamedTuple):
    """What a cycle works with."""

    floor: Floor
    air: Bluetooth
    listener: Listener
    chance: random.Random
    watchdog_s: float
    """Of the configuration."""
    longest_s: float
    """That a daemon is away."""


Kind = Callable[[Stage, Outcome], None]


def radio_deaf(scene: Scene) -> Outcome:
    """A kind of deafness a cycle, in turn."""
    outcome = Outcome()
    signalled: list[float] = []
    silent: list[float] = []
    with _stage(scene, outcome) as stage:
        for kind in _plan(scene):
            before = len(outcome.recovery_s)
            kind(stage, outcome)
            (signalled if kind in SIGNALLED else silent).extend(outcome.recovery_s[before:])
            _leaks(stage, outcome, kind.__name__)
            time.sleep(stage.chance.uniform(0.2, 1.0))
        if scene.cycles >= LONG:
            _a_long_time(stage, outcome)
        status = stage.floor.site.status()
        counted = {name: value for name, value in status["counters"].items() if name.startswith(("ble.", "super"))}
        outcome.notes["counters"] = counted
    signalled.sort()
    outcome.notes["signalled p99"] = round(quantile(signalled, 0.99), 2)
    silent.sort()  # by themselves: most of a long run is deaths, which are signalled
    outcome.notes["not signalled, p99"] = round(quantile(silent, 0.99), 2)
    if quantile(signalled, 0.99) > SIGNALLED_S:
        outcome.misses.append(f"signalled, and back after {quantile(signalled, 0.99):.2f} s (p99)")
    outcome.wrong = lies(stage.floor.ledger, outcome)
    return outcome


def _plan(scene: Scene) -> list[Kind]:
    """Kinds in turn, but mute ones last: a silence that ends by itself is no other than that of an office where nobody
    moved for a while, and teaches the gateway to be patient for some minutes."""
    if scene.broken:
        return [_forgotten] * scene.cycles
    kinds = [TURN[cycle % len(TURN)] for cycle in range(scene.cycles)]
    return sorted(kinds, key=lambda kind: kind is _mute)


@contextmanager
def _stage(scene: Scene, outcome: Outcome) -> Iterator[Stage]:
    floor, air = Floor(scene, outcome), Bluetooth(scene.folder / "bus")
    long = scene.cycles >= LONG
    watchdog_s = WATCHDOG_S if long else BUSY_S + 1
    mode = "active" if scene.seed % 2 else "passive"
    radio: dict[str, Any] = {
        "id": "ble",
        "type": "ble",
        "adapter": "hci0",
        "mode": mode,
        "device": "rcv",
        "devices": ["seat"],
    }
    radio |= {"mode": mode, "watchdog_s": watchdog_s}
    devices = [
        {"id": "rcv", "driver": "receiver", "place": "utama/l01/timur"},
        {"id": "seat", "driver": "bthome", "modality": "radar", "address": SENSOR, "place": "utama/l01/timur/d-001"},
    ]
    floor.furnish(["d-001"], [radio], devices, {"rules": {"presence": {"idle_after_s": 75}}})
    floor.enrol(credential(tag) for tag in range(TAGS))
    before = os.environ.get(ADDRESS)
    os.environ[ADDRESS] = air.address
    listener = Listener(floor.broker.port, f"hadir/v1/state/{DESK}")
    stage = Stage(floor, air, listener, scene.chance, watchdog_s, 20.0 if long else 1.0)
    try:
        air.start()
        with at_work(floor, *(("faults.mortal", "no-watchdog", "0") if scene.broken else ())):
            floor.site.until(lambda status: status["people"]["present"] == TAGS and status["sensed"] == {"occupied": 1})
            if long:
                time.sleep(WARM_UP_S)
            yield stage
    finally:
        listener.close()
        air.close()
        os.environ.pop(ADDRESS)
        if before is not None:
            os.environ[ADDRESS] = before


# --- kinds of deafness ----------------------------------------------------------------------------------------------


def _killed(stage: Stage, outcome: Outcome) -> None:
    """The daemon is killed and comes back; its adapters a moment later."""
    stage.air.die()
    outcome.applies(DEATH)
    _noticed(stage, outcome, SIGNALLED_S)
    long = stage.chance.random() < 0.1
    time.sleep(stage.longest_s if long else stage.chance.choice((0.0, stage.chance.uniform(0.0, 4.0))))
    late = stage.chance.choice((0.0, 0.5))
    stage.air.bluez.late_s = late
    stage.air.begin()
    time.sleep(late)
    _back(stage, outcome)
    stage.air.bluez.late_s = 0.0


def _mute(stage: Stage, outcome: Outcome) -> None:
    """The daemon lives and says nothing."""
    stage.air.call(stage.air.bluez.mute)
    outcome.applies("daemon alive, but mute")
    _noticed(stage, outcome, stage.watchdog_s + 5)
    time.sleep(stage.chance.uniform(0.0, 8.0))
    stage.air.call(lambda: stage.air.bluez.mute(False))
    _back(stage, outcome)


def _forgotten(stage: Stage, outcome: Outcome) -> None:
    """The daemon forgets that anybody scans."""
    stage.air.call(stage.air.bluez.stop_discovery_silently)
    outcome.applies("scan forgotten")
    _back(stage, outcome)


def _moved(stage: Stage, outcome: Outcome) -> None:
    """The adapter is pulled out and comes back under another index."""
    air, old = stage.air, stage.air.adapter
    address = air.bluez.address(old)
    air.call(lambda: air.bluez.unplug(old))
    _noticed(stage, outcome, SIGNALLED_S)
    time.sleep(stage.chance.uniform(0.0, 3.0))
    air.adapter = stage.chance.choice([name for name in ("hci0", "hci1", "hci2") if name != old])
    air.call(lambda: air.bluez.plug(air.adapter, address))
    outcome.applies("adapter back under another index")
    _back(stage, outcome)


def _off(stage: Stage, outcome: Outcome) -> None:
    """The adapter is switched off and on."""
    air = stage.air
    air.call(lambda: air.bluez.power(air.adapter, on=False))
    outcome.applies("adapter switched off")
    _noticed(stage, outcome, SIGNALLED_S)
    time.sleep(stage.chance.uniform(0.0, 3.0))
    air.call(lambda: air.bluez.power(air.adapter, on=True))
    _back(stage, outcome)


def _refused(stage: Stage, outcome: Outcome) -> None:
    """After its restart the daemon refuses to scan for a while."""
    air = stage.air
    air.die()
    error = stage.chance.choice(("InProgress", "NotReady", "Failed"))
    for member in ("StartDiscovery", "RegisterMonitor"):
        air.bluez.refuse(member, f"org.bluez.Error.{error}")
    air.begin()
    outcome.applies(f"scan refused: {error}")
    _noticed(stage, outcome, SIGNALLED_S)
    time.sleep(stage.chance.uniform(0.5, 6.0))
    for member in ("StartDiscovery", "RegisterMonitor"):
        air.bluez.refuse(member, "")
    _back(stage, outcome)


def _slow(stage: Stage, outcome: Outcome) -> None:
    """After its restart the daemon answers late, or never for a while."""
    air = stage.air
    air.die()
    seconds = stage.chance.choice((1.0, 3.0, math.inf))
    for member in ("StartDiscovery", "RegisterMonitor"):
        air.bluez.slow(member, seconds)
    air.begin()
    outcome.applies("scan never answered" if seconds == math.inf else "scan answered late")
    _noticed(stage, outcome, SIGNALLED_S)
    time.sleep(stage.chance.uniform(0.5, 6.0))
    for member in ("StartDiscovery", "RegisterMonitor"):
        air.bluez.slow(member, 0.0)
    _back(stage, outcome)


def _bus(stage: Stage, outcome: Outcome) -> None:
    """The dbus-daemon dies, and the Bluetooth daemon with it."""
    stage.air.lose_bus()
    outcome.applies("dbus-daemon killed")
    _noticed(stage, outcome, SIGNALLED_S)
    time.sleep(stage.chance.uniform(0.0, 4.0))
    stage.air.new_bus()
    _back(stage, outcome)


def _hung(stage: Stage, outcome: Outcome) -> None:
    """The controller hangs until its power goes off and on: nobody does that, but the gateway itself."""
    stage.air.call(lambda: stage.air.bluez.hang(stage.air.adapter))
    outcome.applies("controller hung")
    _back(stage, outcome)


KINDS: tuple[Kind, ...] = (_killed, _moved, _off, _forgotten, _bus, _refused, _mute, _slow, _hung)
TURN: tuple[Kind, ...] = (*KINDS, *[_killed] * 19)
"""Each kind once, and then the daemon's death, which is over within seconds."""
SIGNALLED: tuple[Kind, ...] = (_killed, _moved, _off)


def _a_long_time(stage: Stage, outcome: Outcome) -> None:
    """Deaf until people would be idle: they are unknown because of the radio."""
    stage.air.die()
    outcome.applies("daemon away for 80 s")
    time.sleep(80)
    stage.air.begin()
    _back(stage, outcome)


# --- what must come of it -------------------------------------------------------------------------------------------


def _noticed(stage: Stage, outcome: Outcome, seconds: float) -> None:
    """Wait until subscribers are told that the desk is unknown, and why; and nobody is located any more."""
    deadline = time.monotonic() + seconds + 1
    begun = time.monotonic()
    told: dict[str, Any] = {}
    while time.monotonic() < deadline:
        told = next(iter(stage.listener.retained.values()), {}) or {}
        if told.get("state") == "unknown" and told.get("cause") == "radio_deaf":
            outcome.notes["told_s"] = max(outcome.notes.get("told_s", 0.0), round(time.monotonic() - begun, 2))
            return
        time.sleep(0.02)
    outcome.misses.append(f"deaf for {seconds:.0f} s, and the desk is {told.get('state')}({told.get('cause')})")


def _back(stage: Stage, outcome: Outcome) -> None:
    """Note how long it takes until adverts come through."""
    begun, already = time.monotonic(), stage.floor.site.status().get("frames", 0)
    while time.monotonic() - begun < BACK_S:
        if stage.floor.site.status().get("frames", 0) > already:
            outcome.recovery_s.append(time.monotonic() - begun)
            return
        time.sleep(0.02)
    outcome.misses.append(f"{list(outcome.applied)[-1]}: no advert within {BACK_S:.0f} s; {_says(stage)}")


def _says(stage: Stage) -> Any:
    return stage.floor.site.status().get("sources")


def _leaks(stage: Stage, outcome: Outcome, kind: str) -> None:
    found = stage.air.connections(stage.floor.pid)
    if found > CONNECTIONS:
        outcome.misses.append(f"{kind}: {found} connections to the bus")
    outcome.notes["connections"] = max(outcome.notes.get("connections", 0), found)


def lies(store: Path, outcome: Outcome) -> int:
    """Events that say what was never true: who is here has left, the desk is vacant, the radio is not to blame."""
    wrong = 0
    for row in ledger.read(store):
        said = json.loads(row.body)["data"]
        if row.type == "occupancy.changed" or row.type.startswith("presence."):
            outcome.stored += 1
            state, cause = said.get("state"), said.get("cause")
            lie = state in ("left", "vacant", "absent") or (cause is not None and cause not in ALONE)
            wrong += lie
            name = f"{row.type} {state or '-'}({cause or ''})"
            seen = outcome.notes.setdefault("said", {})
            seen[name] = seen.get(name, 0) + 1
    outcome.offered = outcome.accepted = outcome.stored
    return wrong


RADIO = Fault(
    name="radio-deaf",
    title="Bluetooth daemon dies, goes mute or refuses; adapter vanishes or hangs; bus dies",
    promise="adverts again at most 10 s after it is over (p99), 2 s where that is signalled; no leaked connection to"
    " the bus; everybody is unknown(radio_deaf), nobody has left",
    defect="no watchdog on adverts",
    run=radio_deaf,
    quick=4,
    long=280,
    control=1,
    part=140,
    limits={"p99_s": SILENT_S},
    least={DEATH: 200},
)

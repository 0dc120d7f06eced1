"""USB adapters are pulled out and put back under another number, while people hold their cards to the readers.

A tap is offered when its whole frame is written to the line. It is accepted when the running gateway says that the act
is committed (`tail`). A line that is being read, and that is not pulled within a second, owes the acceptance: a tap
that it swallowed is lost. A frame of which a part was written, or whose line is pulled at that moment, owes nothing;
the person taps again.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple

from faults.api import Fault, Outcome, Scene
from faults.book import Action, Book, read
from faults.floor import ZONE, Floor, at_work
from faults.judge import out_of_turn
from faults.office import GATEWAY, MS
from faults.plugs import Plug
from firmware_sim import ld2410, rdm6300
from gateway import ledger
from gateway.clock import SECOND
from gateway.control import call
from gateway.errors import HadirError
from gateway.ledger import Stored
from gateway.sources.serial import SILENT_S

READERS = 6
LONG = 50
"""Cycles of a run that has time for what takes half a minute."""
ACTS = ("desk.checkin.started", "desk.checkin.ended")
BACK_S = 4.0
"""A line that is not read again after so long is given up."""
OWED_S = 1.0
SPAN_S = 1.9
"""A card is held, and its line comes back, within this time."""
APART_S = 2.0
"""Between two taps of one card: closer ones are one tap."""


class Kept(NamedTuple):
    """What the gateway said that it has committed: one act, told to everybody."""

    place: str
    boot: str
    sequence: int


class Desk:
    """A desk with a reader, and the one person who taps there."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number = number
        self.place = f"{ZONE}/d-{number:03d}"
        self.plug = Plug(folder / f"usb-reader-{number}")
        self.frame = rdm6300.frame(_card(number))
        self.last = 0.0

    def rest(self) -> None:
        """The same card again is another tap after a while only."""
        time.sleep(max(0.0, self.last + APART_S - time.monotonic()))


class Taps:
    """What people do, in the book."""

    def __init__(self, floor: Floor, book: Book) -> None:
        self._socket = floor.site.socket()
        self._book = book
        self._number = 0
        self.owed: set[int] = set()
        """Taps on lines that were read and stayed plugged in."""
        self.kept: dict[int, Kept] = {}
        self._cursor = self._tail(None)[0]

    def tap(self, *desks: Desk, meanwhile: Callable[[], None] | None = None) -> None:
        """Cards are held to the readers; lines that are pulled `meanwhile` owe nothing."""
        actions = {}
        for desk in desks:
            desk.rest()
        for desk in desks:
            desk.last = time.monotonic()
            self._number += 1
            actions[desk.place] = action = Action(self._number, desk.number, time.time_ns() // MS * MS)
            self._book.offer([action])
            if meanwhile is None:
                self.owed.add(action.number)
                desk.plug.write(desk.frame)
        if meanwhile is not None:
            meanwhile()
            for desk in desks:
                desk.last = time.monotonic()
        self._until_accepted(actions)

    def _until_accepted(self, waiting: dict[str, Action]) -> None:
        deadline = time.monotonic() + OWED_S
        while waiting and time.monotonic() < deadline:
            self._cursor, kept = self._tail(self._cursor)
            for one in kept:
                if one.place in waiting:
                    action = waiting.pop(one.place)
                    self._book.accept([action])
                    self.kept[action.number] = one
            time.sleep(0.01)

    def _tail(self, after: int | None) -> tuple[int, list[Kept]]:
        try:
            said = asyncio.run(call(self._socket, "tail", {} if after is None else {"after": after}))
        except HadirError:
            return after or 0, []
        kept = [
            Kept(event["subject"], event["source"].rpartition("/")[2], int(event["sequence"]))
            for event in said["events"]
            if "checkin" in event["type"] and "pid" not in json.dumps(event["data"])
        ]
        return int(said["cursor"]), kept


def usb_replugged(scene: Scene) -> Outcome:
    """Each cycle pulls one adapter, or two together."""
    outcome, chance = Outcome(), scene.chance
    floor = Floor(scene, outcome)
    by_id = floor.folder.resolve() / "dev" / "by-id"
    by_id.mkdir(parents=True)
    desks = [Desk(number, by_id) for number in range(READERS)]
    sources = [
        {"id": f"line-{desk.number}", "type": "serial", "port": str(desk.plug.name), "device": f"reader-{desk.number}"}
        for desk in desks
    ]
    devices = [
        {"id": f"reader-{desk.number}", "driver": "rdm6300", "place": f"utama/l01/timur/d-{desk.number:03d}"}
        for desk in desks
    ]
    radar = Plug(by_id / "usb-radar") if scene.cycles >= LONG else None
    if radar is not None:
        sources.append({"id": "radar", "type": "serial", "port": str(radar.name), "device": "mmw"})
        devices.append({"id": "mmw", "driver": "ld2410", "place": "utama/l01/timur/room"})
    spaces = ["room", *(f"d-{desk.number:03d}" for desk in desks)]
    floor.furnish(spaces, sources, devices, {"rules": {"desk": {"end_of_day": "23:59"}}})
    people = floor.enrol(f"em4100:{_card(desk.number).hex().upper()}" for desk in desks)
    book = Book(scene.folder / "book")
    try:
        with at_work(floor, *(("faults.mortal", "opens-by-number", "0") if scene.broken else ())):
            taps = Taps(floor, book)
            if not all(until_read(desks).values()):
                raise RuntimeError(f"not all lines are read; {floor.site.log()}")
            for cycle in range(scene.cycles):
                pair = [desks[(2 * cycle) % READERS], desks[(2 * cycle + 1) % READERS]]
                KINDS[cycle % len(KINDS)](outcome, taps, pair, chance)
            if radar is not None:
                _silent(outcome, floor, radar)
            taps.tap(*desks)
            outcome.notes["counters"] = {
                name: value for name, value in floor.site.status()["counters"].items() if name.startswith("serial.")
            }
    finally:
        for plug in [desk.plug for desk in desks] + ([radar] if radar is not None else []):
            plug.close()
        book.close()
    judge(outcome, scene.folder / "book", floor.ledger, people, taps.kept, taps.owed)
    return outcome


# --- kinds of unplugging --------------------------------------------------------------------------------------------


def _replugged(outcome: Outcome, taps: Taps, pair: Sequence[Desk], chance: random.Random) -> None:
    """Behind a tap."""
    desk, old = pair[0], pair[0].plug.number
    taps.tap(desk)
    desk.plug.pull()
    time.sleep(chance.uniform(0.0, 0.5))
    desk.plug.plug(other_than=old)
    outcome.applies("back under another number")
    _back(outcome, desk)


def _mid_frame(outcome: Outcome, taps: Taps, pair: Sequence[Desk], chance: random.Random) -> None:
    """In the middle of a frame; the rest of it never comes, and the next one is whole."""
    desk = pair[0]
    desk.plug.write(desk.frame[: chance.randrange(1, len(desk.frame))])
    time.sleep(chance.choice((0.0, 0.01, 0.05)))
    desk.plug.pull()
    time.sleep(chance.uniform(0.0, 0.3))
    desk.plug.plug()
    outcome.applies("pulled in the middle of a frame")
    _back(outcome, desk)
    taps.tap(desk)


def _at_the_last_byte(outcome: Outcome, taps: Taps, pair: Sequence[Desk], chance: random.Random) -> None:
    """At once behind a whole frame."""
    desk = pair[0]

    def cut() -> None:
        desk.plug.write(desk.frame)
        time.sleep(chance.choice((0.0, 0.0005, 0.002)))
        desk.plug.pull()

    taps.tap(desk, meanwhile=cut)
    desk.plug.plug()
    outcome.applies("pulled at the last byte of a frame")
    _back(outcome, desk)


def _swapped(outcome: Outcome, taps: Taps, pair: Sequence[Desk], chance: random.Random) -> None:
    """Two at once while cards are held to both; each gets the other's number, and for a moment the other's name."""
    one, two = (desk.plug for desk in pair)
    before = one.number, two.number

    def swap() -> None:
        one.pull(named=True)
        two.pull(named=True)
        time.sleep(0.03)  # the gateway lets the numbers go
        one.plug(named=False, number=before[1])
        two.plug(named=False, number=before[0])
        _held(pair, chance.uniform(0.0, 0.25))
        one.unname()
        two.unname()
        _held(pair, chance.uniform(0.0, 0.05))
        one.call()
        two.call()
        _back(outcome, *pair)

    taps.tap(*pair, meanwhile=swap)
    outcome.applies("two came back with each other's numbers")
    taps.tap(*pair)


def _held(pair: Sequence[Desk], seconds: float) -> None:
    """The readers repeat what they read."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for desk in pair:
            desk.plug.write(desk.frame)
        time.sleep(min(rdm6300.REPEAT_S, max(0.0, until - time.monotonic())))


def _silent(outcome: Outcome, floor: Floor, radar: Plug) -> None:
    """A radar is plugged in again and says nothing, until it is told to be down; then it speaks."""
    report, site = ld2410.basic(ld2410.NOBODY), floor.site
    for _ in range(20):
        radar.write(report)
        time.sleep(0.1)
    radar.pull()
    time.sleep(0.2)
    radar.plug()
    outcome.applies("device silent after its return")
    deadline = time.monotonic() + SILENT_S + 10
    while "no frame for" not in site.status().get("sources", {}).get("radar", ""):
        if time.monotonic() > deadline:
            outcome.misses.append("a radar that said nothing after its return was never missed")
            return
        time.sleep(0.1)
    begun, already = time.monotonic(), site.status()["frames"]
    while site.status()["frames"] == already:
        if time.monotonic() > begun + BACK_S:
            outcome.misses.append(f"radar: not read within {BACK_S:.0f} s of its first word")
            return
        radar.write(report)
        time.sleep(0.05)
    outcome.recovery_s.append(time.monotonic() - begun)


KINDS = (_replugged, _swapped, _mid_frame, _at_the_last_byte)


def _back(outcome: Outcome, *desks: Desk) -> None:
    """From the moment when the names are there again until the lines are read."""
    for desk, at in until_read(desks).items():
        if at:
            outcome.recovery_s.append(at - desk.plug.named_at)
        else:
            outcome.misses.append(f"reader {desk.number}: not read within {BACK_S:.0f} s of its return")


def until_read(desks: Sequence[Desk]) -> dict[Desk, float]:
    """time.monotonic() of when each line was read; 0: it never was.

    Opening a line throws away what waits, and that is no reading: so noise must be taken some times in a row.
    """
    deadline = time.monotonic() + BACK_S
    in_a_row = dict.fromkeys(desks, 0)
    found = dict.fromkeys(desks, 0.0)
    while time.monotonic() < deadline and not all(found.values()):
        for desk in (desk for desk in desks if not found[desk]):
            in_a_row[desk] = in_a_row[desk] + 1 if desk.plug.is_read() else 0
            if in_a_row[desk] == 3:
                found[desk] = time.monotonic()
        time.sleep(0.005)
    return found


# --- the verdict ----------------------------------------------------------------------------------------------------


def judge(
    outcome: Outcome, written: Path, store: Path, people: Sequence[str], kept: Mapping[int, Kept], owed: Set[int]
) -> None:
    """Each act in the store is that of one tap, by its desk and its time. `kept`: by tap; `owed`: see Taps."""
    offered, accepted = read(written)
    rows = list(ledger.read(store))
    acts = [row for row in rows if row.type in ACTS]
    numbers = Counter((row.gateway, row.boot, row.sequence) for row in rows)
    outcome.offered, outcome.accepted = len(offered), len(accepted)
    outcome.duplicated = sum(many - 1 for many in numbers.values())
    known: set[int] = set()
    for action in offered:
        place, until = f"{ZONE}/d-{action.card:03d}", action.at + int(SPAN_S * SECOND)
        mine = [row for row in acts if row.subject == place and action.at <= row.time < until]
        known |= {row.id for row in mine}
        outcome.wrong += sum(not _right(row, action, people) for row in mine)
        told, named = ([row for row in mine if row.cls == cls] for cls in ("evt", "who"))
        outcome.duplicated += sum(max(0, len(some) - 1) for some in (told, named))
        stored = bool(told and named)
        if action.number in accepted:
            one = kept[action.number]
            stored &= numbers[GATEWAY, one.boot, one.sequence] == 1
            outcome.stored += stored
        if not stored and (action.number in accepted or action.number in owed):
            outcome.lost += 1
        elif stored and action.number not in accepted:
            outcome.misses.append(f"tap {action.number} took more than {OWED_S:.0f} s")
    outcome.wrong += sum(row.id not in known for row in acts) + out_of_turn(acts)
    outcome.notes["owed nothing, not accepted"] = len(offered) - len(accepted | set(owed))


def _right(row: Stored, action: Action, people: Sequence[str]) -> bool:
    """An act of the person whose card it was, at the reader that the card was held to."""
    said = json.loads(row.body)
    devices = {one.get("dev") for one in said["data"].get("evidence", ())}
    person = people[action.card] if row.cls == "who" else ""
    return row.pid == person and devices == {f"reader-{action.card}"}


def _card(number: int) -> bytes:
    return bytes((0x0F, 3, 0, 1, number))


USB = Fault(
    name="usb-replugged",
    title="USB adapter unplugged, replugged under another number",
    promise="the line is read again at most 2 s after its name is there (p99); no frame is taken for another reader's",
    defect="a line is opened by its number and not by its stable name",
    run=usb_replugged,
    quick=4,
    long=500,
    control=2,
    limits={"p99_s": 2.0},
)

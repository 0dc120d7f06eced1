"""An outbox whose file is damaged: bits, sectors, pages, its end, its log; then the gateway starts all the same."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faults.api import Fault, Outcome, Scene
from faults.office import GATEWAY
from faults.work import at_work
from gateway import boot, salvage
from gateway.carve import Image
from gateway.counters import Counters
from gateway.errors import HadirError
from gateway.outbox import Outbox
from gateway.outbox_file import highest_boot
from gateway.outbox_store import Row
from gateway.write_ahead import FRAME, HEAD, PAGE
from rules.api import Fact
from tests.delivery.world import act, make_outbox, running, sense, telemetry

EVENTS, FACTS = 400, 60
START_S = 5.0
DAEMON_FROM = 60
"""Cycles of a run from which on a whole gateway is started as well, three times."""
UNTOLD = ("the log cut short", "one bit of the log", "a zeroed frame of the log")
"""Damage to the end of a log looks like the end of the power: nothing can tell them apart."""
Kept = dict[tuple[str, int], bytes]


def corrupted(scene: Scene) -> Outcome:
    """Each cycle damages a copy of an outbox with known content, and starts on it."""
    outcome, chance = Outcome(), scene.chance
    if scene.broken:
        _trusts_every_row()
    made = scene.folder / "made"
    content, retired, facts = asyncio.run(_make(made))
    stands = _where(made / "outbox.sqlite")
    kinds = list(DAMAGES)
    saved_share: list[float] = []
    for cycle in range(scene.cycles):
        folder = scene.folder / "start"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)
        kind = kinds[cycle % len(kinds)]
        touched = DAMAGES[kind](folder / "outbox.sqlite", chance)
        if touched is None:
            continue
        outcome.applies(kind)
        whole = _untouched(stands, made, folder) & set(content)
        begun = time.monotonic()
        try:
            highest = highest_boot(folder / "outbox.sqlite")
            sent, dead, known, counters, saved = asyncio.run(_start(folder))
        except (HadirError, ValueError) as error:
            outcome.misses.append(f"{kind}, cycle {cycle}: it does not start: {error}")
            continue
        outcome.recovery_s.append(time.monotonic() - begun)
        outcome.offered += len(content)
        outcome.accepted += len(content)
        outcome.stored += len(sent)
        saved_share.append(len(sent) / len(content))
        in_log = "log" in kind  # its end may be gone: then what was known before is right
        right = retired | content if in_log else content  # what the lost end had deleted is sent once more
        outcome.wrong += sum(right.get(key) != body for key, body in sent.items())
        outcome.wrong += sum(value not in (facts[key] if in_log else facts[key][-1:]) for key, value in known.items())
        missing = whole - set(sent)
        outcome.lost += len(missing)
        if missing:
            outcome.misses.append(
                f"{kind}, cycle {cycle}: {len(missing)} untouched rows are gone, {sorted(missing)[:3]}"
            )
        if highest not in ("", "000002-abcd") and not in_log:
            outcome.misses.append(f"{kind}, cycle {cycle}: the highest boot is said to be {highest}")
        if counters["set aside"] != len(list(folder.glob("*.damaged-?"))):
            outcome.misses.append(f"{kind}, cycle {cycle}: what was set aside is not told")
        outcome.notes["rescues whose count was compared"] = (saved is not None) + outcome.notes.get(
            "rescues whose count was compared", 0
        )
        if saved is not None and saved != {"events": len(sent), "facts": len(known)}:
            outcome.misses.append(
                f"{kind}, cycle {cycle}: it says it saved {saved}: {len(sent)} and {len(known)} went on"
            )
        told = counters["set aside"] or counters["log"] or dead or set(sent) == set(content)
        if not told and kind not in UNTOLD:
            outcome.misses.append(f"{kind}, cycle {cycle}: rows are gone and nothing says so")
    if scene.cycles >= DAEMON_FROM and not scene.broken:
        _daemons(scene, outcome, 3)
    if outcome.recovery_s and max(outcome.recovery_s) > START_S:
        outcome.misses.append(f"a start took {max(outcome.recovery_s):.1f} s")
    outcome.notes["share of rows that went on, least"] = round(min(saved_share, default=1.0), 3)
    outcome.notes["share of rows that went on, mean"] = round(sum(saved_share) / max(1, len(saved_share)), 4)
    return outcome


def _daemons(scene: Scene, outcome: Outcome, times: int) -> None:
    """Real gateways, all of whose files are damaged: each starts, says so, and what comes then is stored."""
    inner, chance = Outcome(), scene.chance
    # what stood on pages that are gone, who had a desk, nobody knows: it is not compared with what is stored
    with at_work(scene, inner, settled=False) as work:
        work.restart()
        work.office.ready()
        folder = work.office.folder / "var" / GATEWAY
        work.taps.start()
        time.sleep(1.0)
        work.taps.stop()
        for _ in range(times):
            work.office.drained()
            work.office.kill(GATEWAY)
            before = boot.last(folder)
            for name in ("boot", "people", "retained.json"):
                (folder / name).write_bytes(chance.choice((b"", chance.randbytes(500))))
            (folder / "outbox.sqlite").write_bytes(b"")
            begun = time.monotonic()
            work.office.launch(GATEWAY, "gateway.cli")
            status = work.office.until(lambda status: status["boot"])
            outcome.recovery_s.append(time.monotonic() - begun)
            work.office.ready()
            outcome.applies("every file of a gateway")
            if boot.last(folder) <= before:
                outcome.misses.append(f"boot {boot.last(folder)} after {before}: it went back")
            if not status["set_aside"] or "outbox_damaged" not in {alarm["name"] for alarm in status["alarms"]}:
                outcome.misses.append("neither status nor alarms say that the outbox was damaged")
    outcome.misses += inner.misses
    outcome.lost += inner.lost
    outcome.duplicated += inner.duplicated
    outcome.rss_mb = inner.rss_mb


async def _make(folder: Path) -> tuple[Kept, Kept, dict[str, list[Any]]]:
    """Two lives; the second is killed, so that there is a log. Some were retired, some refused."""
    content: Kept = {}
    retired: Kept = {}
    facts: dict[str, list[Any]] = {}

    def take(rows: list[Row]) -> None:
        content.update({(row.boot, row.sequence): row.body for row in rows})

    def drafts(n: int) -> list[Any]:
        return [telemetry(n, padding=n % 9), act(n), sense(n)]

    first = make_outbox(folder / "life", boot="000001-abcd")
    first.subscribe(take)
    async with running(first):
        for n in range(0, EVENTS, 3):
            facts.setdefault(f"k{n % FACTS}", []).append({"old": n})
            await first.append(drafts(n), [Fact("desk", f"k{n % FACTS}", {"old": n})])
        for n in range(1, EVENTS, 40):
            await first.retire("000001-abcd", [(n, n + 9)])
            for k in range(n, n + 10):
                if (body := content.pop(("000001-abcd", k), None)) is not None:
                    retired["000001-abcd", k] = body
        await first.refuse("000001-abcd", 15, "invalid")
        retired["000001-abcd", 15] = content.pop(("000001-abcd", 15))
    second = make_outbox(folder / "life", boot="000002-abcd")
    second.subscribe(take)
    async with running(second):
        for n in range(FACTS):
            fact = {"n": n, "text": "x" * (n * 7 % 300)}
            facts.setdefault(f"k{n}", []).append(fact)
            await second.append(drafts(n), [Fact("desk", f"k{n}", fact)])
        for name in ("outbox.sqlite", "outbox.sqlite-wal", "outbox.sqlite.open"):
            shutil.copy(folder / "life" / name, folder / name)  # as a kill leaves it
    shutil.rmtree(folder / "life")
    return content, retired, facts


Saved = dict[str, int] | None
"""What a rescue before the first read says that it saved; None: there was none, or another one later."""


async def _start(folder: Path) -> tuple[Kept, int, dict[str, Any], dict[str, int], Saved]:
    counters = Counters()
    outbox = make_outbox(folder, boot="000003-abcd", counters=counters)
    run = asyncio.create_task(outbox.run())
    use = asyncio.create_task(_use(outbox))
    await asyncio.wait((run, use), return_when=asyncio.FIRST_COMPLETED)  # its committer must not die of what it reads
    run.cancel()
    await asyncio.wait((run,))
    if not run.cancelled() and (error := run.exception()) is not None:
        use.cancel()
        raise HadirError(f"its committer died: {error!r}") from error
    sent, dead, known, aside, saved = await use
    return sent, dead, known, {"set aside": aside, "log": counters.get("outbox.salvaged", "log_missing")}, saved


async def _use(outbox: Outbox) -> tuple[Kept, int, dict[str, Any], int, Saved]:
    at_once = await outbox.facts(salvage.SALVAGE)
    known = dict(await outbox.facts("desk"))
    sent: Kept = {}
    after = None
    while rows := await outbox.pending(after=after):
        sent.update({(row.boot, row.sequence): row.body for row in rows})
        after = rows[-1].boot, rows[-1].sequence
    await outbox.append([act()], [Fact("desk", "new", {})])
    dead = sum(reason == "damaged" for _, _, reason, _, _ in await outbox.dead_letters())
    aside = await outbox.set_aside()
    saved = None
    if len(at_once) == len(aside) == 1:
        (told,) = at_once.values()
        saved = {name: int(told[name]) for name in ("events", "facts")}
    return sent, dead, known, len(aside), saved


Where = dict[tuple[str, int], set[tuple[str, int, int]]]
"""By key: (file, first byte, end) of all that the row needs: its whole page, its frame of the log, its overflow."""


def _where(path: Path) -> Where:
    """Of a sound file."""
    found: Where = {}
    image = Image(path)
    read: set[tuple[str, int, int]] = set()
    page = image.page

    def noted(number: int) -> bytes:
        at = image.log.pages.get(number)
        read.add(("", (number - 1) * PAGE, number * PAGE) if at is None else ("-wal", at - 24, at + PAGE))
        return page(number)

    image.page = noted  # type: ignore[method-assign]
    for number in range(3, image.pages + 1):
        read.clear()
        content = noted(number)
        rows = list(image._rows(content)) if content[0] in (2, 10) else []
        for row in rows:
            if row is not None and len(row) >= 9:
                found.setdefault((row[0], row[1]), set()).update(read)
    image.close()
    return found


def _untouched(stands: Where, made: Path, damaged: Path) -> set[tuple[str, int]]:
    """Rows that stand where nothing was changed. A log's last transaction counts as changed: a power cut may end so."""
    files = {tail: (_bytes(made, tail), _bytes(damaged, tail)) for tail in ("", "-wal")}
    before, after = files["-wal"]
    end = len(before)
    if before != after:
        first = next((k for k, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(after))
        commits = [at for at in range(HEAD, len(before), FRAME) if any(before[at + 4 : at + 8])]
        begins = max((at + FRAME for at in commits if at + FRAME <= first), default=HEAD)
        if len(after) < len(before) or begins > commits[-2]:
            end = begins
    return {
        key
        for key, places in stands.items()
        if all(files[tail][0][a:b] == files[tail][1][a:b] and (tail == "" or b <= end) for tail, a, b in places)
    }


def _bytes(folder: Path, tail: str) -> bytes:
    path = folder / f"outbox.sqlite{tail}"
    return path.read_bytes() if path.exists() else b""


# --- damage ---------------------------------------------------------------------------------------------------------


def _change(path: Path, at: int, data: bytes) -> int:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)
    return at


def _bit(path: Path, chance: random.Random) -> int | None:
    data = path.read_bytes()
    at = chance.randrange(len(data))
    return _change(path, at, bytes([data[at] ^ 1 << chance.randrange(8)]))


def _head_bit(path: Path, chance: random.Random) -> int | None:
    data = path.read_bytes()
    at = chance.randrange(100)
    return _change(path, at, bytes([data[at] ^ 1 << chance.randrange(8)]))


def _schema(path: Path, chance: random.Random) -> int | None:
    data = path.read_bytes()
    at = chance.randrange(100, PAGE)
    return _change(path, at, bytes([data[at] ^ 0x41]))


def _zero_page(path: Path, chance: random.Random) -> int | None:
    return _change(path, chance.randrange(path.stat().st_size // PAGE) * PAGE, bytes(PAGE))


def _noise(path: Path, chance: random.Random) -> int | None:
    return _change(path, chance.randrange(path.stat().st_size // 512) * 512, chance.randbytes(512))


def _truncated(path: Path, chance: random.Random) -> int | None:
    size = chance.randrange(path.stat().st_size)
    with path.open("r+b") as file:
        file.truncate(size)
    return size


def _no_database(path: Path, chance: random.Random) -> int | None:
    return _change(path, 0, chance.randbytes(PAGE))


def _empty(path: Path, chance: random.Random) -> int | None:
    path.write_bytes(b"")
    return 0


def _of_log(damage: Callable[[Path, random.Random], int | None]) -> Callable[[Path, random.Random], int | None]:
    def harm(path: Path, chance: random.Random) -> int | None:
        return damage(Path(f"{path}-wal"), chance)

    return harm


def _log_frame(path: Path, chance: random.Random) -> int | None:
    log = Path(f"{path}-wal")
    frames = (log.stat().st_size - HEAD) // FRAME
    return _change(log, HEAD + chance.randrange(frames) * FRAME + 24, bytes(PAGE))


def _no_log(path: Path, chance: random.Random) -> int | None:
    Path(f"{path}-wal").unlink()
    return 0


DAMAGES: dict[str, Callable[[Path, random.Random], int | None]] = {
    "one bit": _bit,
    "a zeroed page": _zero_page,
    "one bit of the log": _of_log(_bit),
    "a sector of noise": _noise,
    "cut short": _truncated,
    "one bit of its head": _head_bit,
    "its schema": _schema,
    "a zeroed frame of the log": _log_frame,
    "the log cut short": _of_log(_truncated),
    "no database": _no_database,
    "the log deleted": _no_log,
    "emptied": _empty,
}


def _trusts_every_row() -> None:
    """What was read of a damaged page is sent as it is."""
    from gateway import outbox_store

    outbox_store.is_event = lambda *_: True  # type: ignore[attr-defined] # as that module calls it
    original = salvage.sound

    def trusting(row: Any) -> Any:
        return original(row) or (*row[:9], None)

    salvage.sound = trusting


CORRUPT = Fault(
    name="store-corrupt",
    title="the outbox's file damaged: bits, sectors, pages, its end, its schema, its log",
    promise="each start succeeds within 5 s; nothing damaged is sent; what the damage did not touch goes on; the"
    " damaged file is kept aside and told",
    defect="what is read of a damaged page is sent unchecked",
    run=corrupted,
    quick=60,
    long=1000,
    control=60,
    part=250,
    limits={"p99_s": 5.0},
)

"""The account of a demo: what the simulator wrote down, held against what the archive stored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from firmware_sim import judge
from firmware_sim.office import Office
from firmware_sim.story import Story, story
from firmware_sim.tolerance import UNEXPLAINED_SHARE
from firmware_sim.truth import read as read_truth
from gateway import ledger, sqlite
from gateway.clock import SECOND, parse_rfc3339
from gateway.demo import by_hand, world
from gateway.ledger import Stored
from gateway.stores.embedded import query
from gateway.stores.points import points_of

FEWEST_SAMPLES = 100
"""Of latency, in a run of at least ENOUGH_S of office life: 20 s at 60 times speed."""
ENOUGH_S = 1190.0
FIRST_TAPS_S = 240.0
"""By then somebody has tapped, whatever the seed."""

Boot = tuple[str, str]
"""(gateway, boot)."""
Number = tuple[str, str, int]
"""(gateway, boot, sequence)."""


class Archive(NamedTuple):
    """What could be read back at the end."""

    statuses: Sequence[Mapping[str, Any]]
    """The gateways' last ones; an empty one for a gateway that does not answer."""
    rows: Sequence[Stored]
    """The ledger."""
    unprojected: int
    """Points that the time-series store should have, and does not."""


class Read(NamedTuple):
    """A traced frame that caused an event."""

    event: Number
    written: int
    """Machine time at which the device wrote it ..."""
    read: int
    """... and at which the gateway had it."""


def read_back(folder: Path, statuses: Sequence[Mapping[str, Any]]) -> Archive:
    """Ask the ledger and the store. Raises HadirError."""
    rows = ledger.read(folder / "var" / "archive" / "ledger.sqlite")
    points = (points_of(row, json.loads(row.body)["data"], lambda _place: "") for row in rows)
    wanted = Counter(point.measurement for point in points if point is not None)
    store = sqlite.read_only(folder / "var" / "archive" / "points.sqlite")
    try:
        missing = sum(max(0, count - len(query(store, measurement))) for measurement, count in wanted.items())
    finally:
        store.close()
    return Archive(statuses, rows, missing)


def account(folder: Path, office: Office, last: Mapping[Boot, int], archive: Archive) -> dict[str, Any]:
    """The JSON object of `hadir demo --json`, except for what processes cost. For when all gateways have ended.

    `last`: (gateway, boot) -> the highest sequence that a status told of.
    """
    told = story(read_truth(folder / "truth.jsonl"))
    rows, statuses = archive.rows, [status for status in archive.statuses if status]
    bodies = {(row.gateway, row.boot, row.sequence): json.loads(row.body) for row in rows}
    events = list(bodies.values())
    stored_at = {_number(line): int(line["stored"]) for line in _lines(folder / "trace" / "archive.jsonl")}
    reads = list(_reads(folder, office, told))
    unknown = judge.unknown_share(told, events)
    hands = by_hand.touched(events)
    judged, mine = by_hand.without(told, hands), [event for event in events if event["subject"] not in hands]
    by_id = {event["id"]: stored_at[number] for number, event in bodies.items() if number in stored_at}
    unanswered = judge.unanswered(judged, mine, by_id)
    wrong = judge.desk_states_wrong(judged, mine, _at_real_speed(told, reads, bodies))
    misjudged = judge.misjudged(judged, mine)
    committed = _committed(folder, last, {(status["gateway"], status["boot"]) for status in statuses})
    begin = told.machine_at(told.begin)
    latencies = [
        stored_at[read.event] - read.written for read in reads if read.event in stored_at and read.written >= begin
    ]
    result: dict[str, Any] = {
        "frames": sum(status["frames"] for status in statuses),
        "readings": sum(status["readings"] for status in statuses),
        "events": len(committed),
        "published": sum(status["published"] for status in statuses),
        "stored": len(committed & bodies.keys()),
        "taps": len(told.taps),
        "lost": len(committed - bodies.keys()),
        "unanswered": len(unanswered),
        "duplicated": len(judge.duplicated(events)),
        "desk_states_wrong": len(wrong),
        "misjudged": len(misjudged),
        "unprojected": archive.unprojected,
        "by_hand": len(hands),
        "unknown_share": {
            "share": round(unknown.share, 5),
            "explained": round(unknown.explained, 5),
            "causes": {cause: round(share, 5) for cause, share in sorted(unknown.causes.items())},
        },
        "latency_ms": _percentiles(latencies),
        "read_after_ms": _percentiles([read.read - read.written for read in reads if read.written >= begin]),
    }
    lived_s = (told.end - told.begin) / SECOND
    bad = {
        **{name: result[name] for name in _NONE_ALLOWED},
        "unknown_share": unknown.unexplained > UNEXPLAINED_SHARE,
        "outage_unnoticed": unknown.unnoticed,
        "no_taps": lived_s >= FIRST_TAPS_S and not told.taps,
        "latency_samples": lived_s >= ENOUGH_S and len(latencies) < FEWEST_SAMPLES,
        "no_answer": len(statuses) < len(archive.statuses),
    }
    result["failures"] = [name for name, found in bad.items() if found]
    result["ok"] = not result["failures"]
    if details := [f"{item}" for found in (unanswered, wrong, misjudged) for item in found[:5]]:
        result["details"] = details
    return result


_NONE_ALLOWED = ("lost", "unanswered", "duplicated", "desk_states_wrong", "misjudged", "unprojected")


def words(result: Mapping[str, Any]) -> str:
    """The same for people."""
    latency, unknown = result["latency_ms"], result["unknown_share"]
    lines = [
        f"{result['events']} events, {result['stored']} stored: {result['lost']} lost, {result['duplicated']} twice",
        f"{result['taps']} taps, {result['unanswered']} unanswered, {result['misjudged']} misjudged; "
        f"{result['desk_states_wrong']} desk states wrong",
        *([f"{result['by_hand']} desks by hand, in a browser, which are not judged"] if result["by_hand"] else ()),
        f"unknown {unknown['share']:.2%} of the time; injected outages explain {unknown['explained']:.2%}",
        f"from the wire to the archive p50 {latency['p50']} ms, p99 {latency['p99']} ms, {latency['samples']} samples",
        "good" if result["ok"] else f"FAILED: {', '.join(result['failures'])}",
        *result.get("details", ()),
    ]
    return "\n".join(lines)


def _committed(folder: Path, last: Mapping[Boot, int], final: Container[Boot]) -> set[Number]:
    """All events that the gateways' outboxes took until their last statuses, in all their boots.

    A boot's sequences have no hole, so that the highest one that is known tells of all. A `final` boot told it with
    its last status; what it said afterwards, its goodbye, is not accounted for. An earlier boot may have died with
    more than it told: then the traces of its commits and of the archive's, and what its outbox still holds, say so.
    """
    highest = dict(last)
    traced = (
        (line.get("gateway", path.stem), line["boot"], line["sequence"])
        for path in sorted((folder / "trace").glob("*.jsonl"))
        for line in _lines(path)
    )
    for gateway, boot, sequence in (*traced, *_left(folder)):
        if (gateway, boot) not in final:
            highest[gateway, boot] = max(highest.get((gateway, boot), 0), sequence)
    return {(gateway, boot, n) for (gateway, boot), end in highest.items() for n in range(1, end + 1)}


def _left(folder: Path) -> Iterator[Number]:
    """What waits in the outboxes of gateways that have ended."""
    for path in sorted((folder / "var").glob("*/outbox.sqlite")):
        connection = sqlite.connect(path)
        try:
            for boot, sequence in connection.execute("SELECT boot, sequence FROM event"):
                yield path.parent.name, str(boot), int(sequence)
        finally:
            connection.close()


def _number(line: Mapping[str, Any]) -> Number:
    return line["gateway"], line["boot"], line["sequence"]


def _reads(folder: Path, office: Office, told: Story) -> Iterator[Read]:
    devices = world.devices_of_sources(office)
    for gateway in office.gateways:
        for line in _lines(folder / "trace" / f"{gateway.id}.jsonl"):
            written = told.written_before(devices[line["source"]], line["frame"], line["received"])
            if written is not None:
                yield Read((gateway.id, line["boot"], line["sequence"]), written, line["received"])


def _at_real_speed(told: Story, reads: Iterable[Read], bodies: Mapping[Number, Mapping[str, Any]]) -> dict[int, int]:
    """Event time -> the same without the machine's delay in reading, hurried by the office's clock.

    A tap's time stands in all its events, also in that of the desk that it ends at the other gateway.
    """
    times: dict[int, int] = {}
    for read in reads:
        if (body := bodies.get(read.event)) is not None:
            at = parse_rfc3339(body["time"])
            times[at] = min(at, told.at_real_speed(read.written, read.read))
    return times


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open(encoding="ascii") as lines:
            for line in lines:
                if line.endswith("\n"):  # the last one of a process that was killed may be cut
                    yield json.loads(line)


def _percentiles(values: Sequence[int]) -> dict[str, Any]:
    """Of times in ns, in ms."""
    if not values:
        return {"p50": None, "p99": None, "samples": 0}
    ranked = sorted(values)
    return {
        "p50": round(ranked[len(ranked) // 2] / 1e6, 2),
        "p99": round(ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)] / 1e6, 2),
        "samples": len(ranked),
    }

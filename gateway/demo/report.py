"""The account of a demo: what the simulator wrote down, held against what the archive stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from firmware_sim import judge
from firmware_sim.story import Story, story
from firmware_sim.tolerance import UNEXPLAINED_SHARE
from firmware_sim.truth import read as read_truth
from gateway import ledger
from gateway.ledger import Stored

FEWEST_SAMPLES = 100
NOTED_LATE_NS = 5_000_000


def account(folder: Path, statuses: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON object of `hadir demo --json`, except for what processes cost. `statuses`: the gateways' last ones."""
    told = story(read_truth(folder / "truth.jsonl"))
    rows = ledger.read(folder / "var" / "archive" / "ledger.sqlite")
    events = [json.loads(row.body) for row in rows]
    stored_at = _stored_at(folder / "trace" / "archive.jsonl")
    by_id = {
        event["id"]: stored_at[row.gateway, row.boot, row.sequence]
        for row, event in zip(rows, events, strict=True)
        if (row.gateway, row.boot, row.sequence) in stored_at
    }
    unknown = judge.unknown_share(told, events)
    unanswered = judge.unanswered(told, events, by_id)
    wrong = judge.desk_states_wrong(told, events)
    committed = {status["gateway"]: status["counters"].get("outbox.committed", 0) for status in statuses}
    latencies = _latencies(folder / "trace", told, stored_at)
    result: dict[str, Any] = {
        "frames": sum(status["frames"] for status in statuses),
        "readings": sum(status["readings"] for status in statuses),
        "events": sum(committed.values()),
        "published": sum(status["published"] for status in statuses),
        "stored": len(rows),
        "taps": len(told.taps),
        "lost": _lost(rows, statuses),
        "unanswered": len(unanswered),
        "duplicated": len(judge.duplicated(events)),
        "desk_states_wrong": len(wrong),
        "misjudged": len(judge.misjudged(told, events)),
        "unknown_share": {
            "share": round(unknown.share, 5),
            "explained": round(unknown.explained, 5),
            "causes": {cause: round(share, 5) for cause, share in sorted(unknown.causes.items())},
        },
        "latency_ms": _percentiles(latencies),
    }
    failures = [name for name in ("lost", "unanswered", "duplicated", "desk_states_wrong", "misjudged") if result[name]]
    if unknown.unexplained > UNEXPLAINED_SHARE:
        failures.append("unknown_share")
    if unknown.unnoticed:
        failures.append("outage_unnoticed")
    if not told.taps:
        failures.append("no_taps")
    result["ok"] = not failures
    result["failures"] = failures
    details = [f"{item}" for item in (*unanswered[:5], *wrong[:5], *judge.misjudged(told, events)[:5])]
    if details:
        result["details"] = details
    return result


def _lost(rows: Iterable[Stored], statuses: Sequence[Mapping[str, Any]]) -> int:
    """Sequences that the gateways' outboxes gave until their last status, and that the archive does not have."""
    stored = {(row.gateway, row.boot, row.sequence) for row in rows}
    return sum(
        (status["gateway"], status["boot"], number) not in stored
        for status in statuses
        for number in range(1, status["last_sequence"] + 1)
    )


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    if path.exists():
        with path.open(encoding="ascii") as lines:
            for line in lines:
                yield json.loads(line)


def _stored_at(path: Path) -> dict[tuple[str, str, int], int]:
    """(gateway, boot, sequence) -> machine time of the ledger's commit."""
    return {(line["gateway"], line["boot"], line["sequence"]): line["stored"] for line in _lines(path)}


def _latencies(folder: Path, told: Story, stored_at: Mapping[tuple[str, str, int], int]) -> list[float]:
    """Milliseconds from the write that completed a frame to the ledger's commit of the event that it caused.

    Frames from before the office's day are not counted: daemons were still starting.
    """
    begin = told.machine_at(told.begin)
    made: list[float] = []
    for path in sorted(folder.glob("gw-*.jsonl")):
        for line in _lines(path):
            # a reader may have the bytes before the writer's call has returned and was noted
            written = told.written_before(line["frame"], line["received"] + NOTED_LATE_NS)
            stored = stored_at.get((path.stem, line["boot"], line["sequence"]))
            if written is not None and written >= begin and stored is not None:
                made.append((stored - min(written, line["received"])) / 1e6)
    return sorted(made)


def _percentiles(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return {"p50": None, "p99": None, "samples": 0}
    return {
        "p50": round(values[len(values) // 2], 2),
        "p99": round(values[min(len(values) - 1, len(values) * 99 // 100)], 2),
        "samples": len(values),
        "enough": len(values) >= FEWEST_SAMPLES,
    }

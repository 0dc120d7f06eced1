"""What waits in the outbox when office time is set: events that were not sent move with it, and so do facts.

What is not as it was written is left so: who reads it notices.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import apsw
from pydantic_core import to_json

from gateway.outbox_schema import FACT, ROWS, event_sum, fact_sum, is_event, is_fact
from gateway.rebase import Move


def retime(
    connection: apsw.Connection,
    boots: Sequence[str],
    numbers: Iterable[int],
    move: Move,
    change: Callable[[bytes], bytes],
) -> int:
    """In the running transaction; the bytes that the bodies have grown by.

    Facts move, and when `boots` have recorded what they recorded since (its age, by which it is given up); the bodies
    of the events `numbers` of the last boot are changed.
    """
    grown = _events(connection, boots, frozenset(numbers), move, change)
    facts: list[tuple[Any, ...]] = connection.execute("SELECT rule, key, body, crc FROM fact").fetchall()
    for rule, key, text, crc in facts:
        if not is_fact(rule, key, text, crc):
            continue
        body = json.loads(text)
        moved = move.of(body)
        if moved != body:
            after = to_json(moved).decode()
            connection.execute(f"{FACT} VALUES (?, ?, ?, ?)", (rule, key, after, fact_sum(rule, key, after)))
    return grown


def _events(
    connection: apsw.Connection,
    boots: Sequence[str],
    numbers: frozenset[int],
    move: Move,
    change: Callable[[bytes], bytes],
) -> int:
    grown = 0
    for boot in boots:
        rows: list[tuple[Any, ...]] = connection.execute(f"{ROWS} WHERE boot = ?", (boot,)).fetchall()
        for *columns, crc in rows:
            _, number, cls, topic, body, recorded, *rest = columns
            changes = boot == boots[-1] and number in numbers
            if not is_event(tuple(columns), crc) or not (changes or recorded >= move.since):
                continue
            new = change(bytes(body)) if changes else body
            later = recorded + move.by if recorded >= move.since else recorded
            grown += len(new) - len(body)
            connection.execute(
                "UPDATE event SET body = ?, recorded = ?, crc = ? WHERE boot = ? AND sequence = ?",
                (new, later, event_sum(boot, number, cls, topic, new, later, *rest), boot, number),
            )
    return grown

"""What is shown when a fault is over: retained states, the gateway's word, health and alarms, what it calls lost."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from faults.api import Outcome
from faults.judge import ACTS
from faults.listener import Listener
from faults.office import GATEWAY, PLACE, RealOffice
from gateway import sqlite
from gateway.clock import rfc3339
from gateway.heartbeat import HEALTH_S

WITHIN_S = 5.0
TAKEN = ("taken", "away")


def shown(office: RealOffice, port: int, outcome: Outcome) -> dict[str, str]:
    """Within 5 s the broker keeps what the gateway holds, its status is `ready`, and no alarm is left.

    Returns the life of each place as a plain subscriber hears it.
    """
    listener = Listener(port, f"hadir/v1/state/{PLACE}/#", f"hadir/v1/gw/kantor/{GATEWAY}/status")
    try:
        deadline = time.monotonic() + WITHIN_S
        while True:
            lives, wrong = _compared(listener, office.status())
            if not wrong:
                return lives
            if time.monotonic() > deadline:
                outcome.misses.append(f"{WITHIN_S:.0f} s after all is over: {wrong}")
                return lives
            time.sleep(0.1)
    finally:
        listener.close()


def _compared(listener: Listener, status: dict[str, Any]) -> tuple[dict[str, str], str]:
    states = listener.states()
    lives = {topic.partition("/state/")[2]: said["desk"]["life"] for topic, said in states.items() if said.get("desk")}
    counts = {life: list(lives.values()).count(life) for life in set(lives.values())}
    if not status:
        return lives, "the gateway does not answer"
    if counts != status["desks"]:
        return lives, f"retained {counts} and held {status['desks']} differ"
    if {said["boot"] for said in states.values()} != {status["boot"]}:
        return lives, "a state of an earlier boot is retained"
    own = listener.retained.get(f"hadir/v1/gw/kantor/{GATEWAY}/status") or {}
    if (own.get("state"), own.get("boot")) != ("ready", status["boot"]):
        return lives, f"its retained status is {own}"
    if status["alarms"]:
        return lives, f"alarms that nothing is the cause of: {status['alarms']}"
    return lives, ""


def healthy(port: int, outcome: Outcome) -> None:
    """The gateway's next health message, which is what a site's own watch sees: nothing waits long or was given up.

    No suite of this office fills a queue to its bound, so whatever is counted as dropped or set aside is a lie or a
    loss. A message comes every 10 s: for runs that are long enough to wait for one.
    """
    now, listener = rfc3339(time.time_ns()), Listener(port, topic := f"hadir/v1/gw/kantor/{GATEWAY}/health")
    try:
        deadline = time.monotonic() + HEALTH_S + WITHIN_S
        while (said := listener.retained.get(topic) or {"at": ""})["at"] < now:
            if time.monotonic() > deadline:
                outcome.misses.append("the gateway says nothing of its health")
                return
            time.sleep(0.1)
    finally:
        listener.close()
    given_up = {name: n for name, n in said["counters"].items() if name.startswith(("outbox.dropped", "outbox.dead"))}
    waits_s = said["backlog"]["oldest_s"] or 0.0  # what was committed a moment ago is on its way
    if given_up or waits_s > WITHIN_S or said["backlog"]["dead"] or said["alarms"]:
        outcome.misses.append(f"its health: {given_up}, {said['backlog']}, {said['alarms']}")


def recorded(ledger: Path, lives: dict[str, str], outcome: Outcome) -> None:
    """What was retained is what the archive's last word of each desk is; no gap is declared; each boot has begun."""
    connection = sqlite.read_only(ledger)
    try:
        last: dict[str, tuple[int, str]] = {}
        rows = connection.execute(
            "SELECT subject, time, type FROM event WHERE type IN (?, ?) ORDER BY source, sequence", ACTS
        )
        for place, at, kind in rows:
            if at >= last.get(place, (0, ""))[0]:
                last[place] = at, kind
        wrong = [place for place, (_, kind) in last.items() if (kind == ACTS[0]) != (lives.get(place) in TAKEN)]
        if wrong:
            outcome.misses.append(f"{len(wrong)} desks are shown otherwise than they are stored: {wrong[:3]}")
        gaps = [json.loads(body) for (body,) in connection.execute("SELECT body FROM event WHERE type = 'gateway.gap'")]
        if gaps:
            outcome.misses.append(f"lost events were declared, and none was: {[gap['data'] for gap in gaps[:3]]}")
        silent = connection.execute(
            "SELECT gateway, boot FROM source WHERE gateway = ? AND id IN (SELECT source FROM span)"
            " AND id NOT IN (SELECT source FROM event WHERE type = 'gateway.started')",
            (GATEWAY,),
        ).fetchall()
        if silent:
            outcome.misses.append(f"boots that never said that they began: {silent[:5]}")
    finally:
        connection.close()

"""One message in a hundred is poison: unparsable, oversized, of an unknown kind, of somebody else."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException

from faults.api import Fault, Outcome, Scene
from faults.office import GATEWAY, PLACE, TOKEN, RealOffice
from faults.redelivery import Post
from faults.work import Work, at_work
from gateway import archive_health
from gateway.clock import SystemClock

SHARE = 100
"""Good actions for each poisoned message."""
TOPIC = f"hadir/v1/evt/{PLACE}/d-001/occupancy.changed"
ENVELOPE = {
    "specversion": "1.0",
    "type": "hadir.occupancy.changed.v1",
    "source": "/kantor/gw/gw-01/000001-abcd",
    "id": "00000000-0000-5000-8000-000000000000",
    "sequence": "000000000001",
    "subject": f"{PLACE}/d-001",
    "time": "2026-11-24T01:30:02.117Z",
    "data": {},
}
KINDS: dict[str, tuple[str, bytes]] = {
    "not JSON": (TOPIC, b"\xff\xfe\x00"),
    "half of it": (TOPIC, json.dumps(ENVELOPE).encode()[:80]),
    "oversized": (TOPIC, json.dumps(ENVELOPE | {"data": {"pad": "x" * 100_000}}).encode()),
    "deep": (TOPIC, b"[" * 60_000),
    "unknown schema": (TOPIC, json.dumps(ENVELOPE | {"type": "hadir.mood.changed.v9"}).encode()),
    "a number that is none": (TOPIC, json.dumps(ENVELOPE | {"sequence": "NaN"}).encode()),
    "somebody else's place": ("hadir/v1/evt/kantor/lain/l09/_/_/occupancy.changed", json.dumps(ENVELOPE).encode()),
    "a batch of rubbish": ("hadir/v1/hist/kantor/gw-01", b'[1,null,{"a":2},"x"]'),
    "an acknowledgement of all": (
        "hadir/v1/ack/kantor/gw-01",
        b'{"worker":"x","boots":[{"boot":"nonsense","committed":[[1,99999999999999999999]]}]}',
    ),
    "a command": ("hadir/v1/cmd/kantor/gw-01/checkin", b'{"id": []}'),
    "an empty will": ("hadir/v1/gw/kantor/gw-01/status", b"{"),
}
POSTS: dict[str, bytes] = {
    "posted rubbish": b"\x00\x01",
    "posted list of nothing": b"[[],{},null]",
    "posted unknown reader": b'{"time":"2026-11-24T01:30:02Z","door":{"reader":"none"},"card":{"number":"1"}}',
}


COUNTED: dict[str, tuple[str, ...]] = {
    "an acknowledgement of all": ("publisher.bad_ack{invalid}",),
    "a command": ("commands.refused{invalid}",),
    "posted rubbish": ("door.dropped{not_json}",),
    "posted list of nothing": ("door.dropped{no_reader}", "door.dropped{not_event}", "door.dropped{not_event}"),
    "posted unknown reader": ("door.dropped{unbound}",),
}
"""By the gateway; the archive refuses the others, and says how many."""
REFUSED = {"a batch of rubbish": 4}
"""Events of one message."""
POISON_COUNTERS = ("publisher.bad_ack", "commands.refused", "door.dropped", "decode.dropped", "mqtt.refused")
WORD_S = 15.0
"""The archive says how it is every 10 s."""


def poison(scene: Scene) -> Outcome:
    """`cycles`: poisoned messages."""
    outcome = Outcome()
    module = ("faults.mortal", "trips-over-poison", "0") if scene.broken else ("gateway.cli",)
    with at_work(scene, outcome, archive=module, drain_s=15.0 if scene.broken else 60.0) as work:
        work.restart()
        outcome.recovery_s.clear()
        work.office.ready()
        work.taps.start()
        post = Post(work.broker.port)
        kinds = [*KINDS, *POSTS]
        given: Counter[str] = Counter()
        stop = threading.Event()
        for cycle in range(scene.cycles):
            goal = work.taps.accepted + SHARE
            kind = kinds[cycle % len(kinds)]
            if kind in KINDS:
                post.publish(*KINDS[kind])
                post.settle()
            elif _posted(work.office, POSTS[kind]) not in (202, 400, 422):  # 202: it is counted as no tap of ours
                outcome.misses.append(f"{kind}: not answered")
            outcome.applies(kind)
            given[kind] += 1
            for _ in range(200):
                if work.taps.accepted >= goal or scene.broken:
                    break
                stop.wait(0.1)
            else:
                outcome.misses.append(f"{kind}: it stalls")
        work.memory(GATEWAY)
        post.close()
        if not scene.broken:
            _counted(work, given)
    return outcome


def _counted(work: Work, given: Counter[str]) -> None:
    """Each one is counted, under what it was, by whom it came to."""
    wanted: Counter[str] = Counter()
    for kind, many in given.items():
        for name in COUNTED.get(kind, ()):
            wanted[name] += many
    counters = work.office.status()["counters"]
    found = {name: n for name, n in counters.items() if name in wanted or name.startswith(POISON_COUNTERS)}
    if found != wanted:
        work.outcome.misses.append(f"the gateway has counted {found}, and was given {dict(wanted)}")
    refused = sum(many * REFUSED.get(kind, 1) for kind, many in given.items() if kind not in COUNTED)
    deadline = time.monotonic() + WORD_S
    while (said := _refused(work)) != refused and time.monotonic() < deadline:
        time.sleep(0.2)
    work.outcome.notes["refused by the archive"] = said
    if said != refused:
        work.outcome.misses.append(f"the archive has refused {said}, and was given {refused}")


def _refused(work: Work) -> int:
    word = archive_health.read(work.office.ledger, SystemClock())
    return int(word.body["refused"]) if word is not None else 0


def give(work: Work, kind: str) -> int:
    """One message of a kind, on a connection of its own; the status of the answer, where it is posted (0: none)."""
    if kind in POSTS:
        return _posted(work.office, POSTS[kind])
    post = Post(work.broker.port)
    try:
        post.publish(*KINDS[kind])
        post.settle()
    finally:
        post.close()
    return 0


def _posted(office: RealOffice, body: bytes) -> int:
    client = HTTPConnection("127.0.0.1", office.port, timeout=8)
    try:
        client.request("POST", "/", body, {"Authorization": f"Bearer {TOKEN}"})
        return int(client.getresponse().status)
    except (OSError, HTTPException):
        return 0
    finally:
        client.close()


POISON = Fault(
    name="poison",
    title="poison: one message in a hundred is unparsable, oversized, unknown or somebody else's",
    promise="nothing stalls; each is counted, by the gateway under what it was, by the archive among what it refused",
    defect="the archive ends at what it cannot parse",
    run=poison,
    quick=7,
    long=500,
    control=2,
)

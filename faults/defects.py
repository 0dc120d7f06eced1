"""What is broken on purpose: each suite must notice its defect, or what it says of the product is void."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gateway import ledger_schema, predecessor
from gateway.acknowledge import Name
from gateway.ingest import Ingest
from gateway.mqtt import Message
from gateway.outbox import Outbox, _Work
from gateway.outbox_store import Row
from gateway.projection import Projection
from gateway.publisher import Publisher
from gateway.roll import Roll
from gateway.sources.ble import BleSource
from gateway.sources.serial import SerialSource
from gateway.spans import Spans
from gateway.truth import Canary


def answers_before_the_commit() -> None:
    """A tap is answered when it waits for the disk, not when it is there; and the disk is slow."""
    submit, write = Outbox.submit, Outbox._write

    def slowly(self: Outbox, batch: Any) -> Any:
        time.sleep(0.2)
        return write(self, batch)

    def early(self: Outbox, drafts: Any, facts: Any, done: Any = None) -> None:
        first = self._next
        submit(self, drafts, facts)
        if done is not None:
            rows = [
                Row(self._origin.boot, first + n, d.event.cls, "x", b"", 0, 0, "", "") for n, d in enumerate(drafts)
            ]
            done(rows)

    Outbox.submit = early  # type: ignore[method-assign, assignment]
    Outbox._write = slowly  # type: ignore[method-assign]


def retires_on_puback() -> None:
    """The broker's word is taken for the archive's."""
    puback = Publisher._puback

    def trusting(self: Publisher, row: Row, result: Any) -> None:
        puback(self, row, result)
        if not isinstance(result, Exception):
            self._outbox._put(_retire(self._outbox, row))

    Publisher._puback = trusting  # type: ignore[method-assign]


def _retire(outbox: Outbox, row: Row) -> Any:
    return _Work([], [], [], partial(_leave, boot=row.boot, number=row.sequence), lambda *_: None, True)


def _leave(table: Any, *, boot: str, number: int) -> int:
    gone: int = table.retire(boot, [(number, number)])
    return gone


def acknowledges_before_the_commit() -> None:
    """The archive acknowledges what it has received; it commits when there is time for it."""
    receive, write = Ingest.receive, Ingest._write

    async def late(self: Ingest, *what: Any, **how: Any) -> Any:
        await asyncio.sleep(0.3)
        return await write(self, *what, **how)

    def early(self: Ingest, message: Message) -> None:
        receive(self, message)
        if self._queue and self._queue[-1].message is message:
            for event in self._queue[-1].events:
                self._acks.commit(Name(event.gateway, event.boot, event.sequence))
            message.ack()
            self._acks.send()

    Ingest.receive = early  # type: ignore[method-assign]
    Ingest._write = late  # type: ignore[method-assign]


def live_waits_behind_the_past() -> None:
    """One lane: what was committed just now goes out when all that is older has gone out."""

    def queue(self: Publisher, _rows: list[Row]) -> None:
        self._fall_behind()

    Publisher._committed = queue  # type: ignore[method-assign, assignment]


def cursor_follows_the_answer() -> None:
    """What a store has answered for is taken to be in it: no probe, no proof, no margin behind the cursor."""

    async def believe(self: Projection) -> None:
        pass

    Projection._probe = believe  # type: ignore[method-assign]
    Projection._heal = lambda self: None  # type: ignore[method-assign]


def forgets_what_is_committed() -> None:
    """No dedupe: every delivery is new."""
    add = Spans.add

    def always(self: Spans, number: int) -> bool:
        add(self, number)
        return True

    Spans.add = always  # type: ignore[method-assign]
    steps = tuple(step.replace(", UNIQUE (source, sequence)", "") for step in ledger_schema.SCHEMA)
    ledger_schema.SCHEMA = steps  # type: ignore[assignment] # as many steps as before


def trips_over_poison() -> None:
    """What cannot be parsed is an error of the daemon."""
    refuse = Ingest._refuse

    def strict(self: Ingest, *what: Any) -> None:
        refuse(self, *what)
        raise ValueError("cannot be parsed")

    Ingest._refuse = strict  # type: ignore[method-assign, assignment]


def opens_by_number() -> None:
    """Of a serial line the number is remembered that its name led to at the start."""
    begin = SerialSource.__init__

    def numbered(self: SerialSource, source_id: str, port: str, *what: Any, **how: Any) -> None:
        begin(self, source_id, os.readlink(port), *what, **how)

    SerialSource.__init__ = numbered  # type: ignore[method-assign]


def no_watchdog() -> None:
    """A radio that says nothing has nothing to say."""
    begin = BleSource.__init__

    def trusting(self: BleSource, *what: Any, **how: Any) -> None:
        begin(self, *what, **how | {"watchdog_s": 86_400.0})

    BleSource.__init__ = trusting  # type: ignore[method-assign]


def forgets_earlier_lives() -> None:
    """A gateway on an empty disk asks nobody which boots there were."""
    predecessor.boot_floor = lambda *_: 0


def hears_one_box_only() -> None:
    """The archive does not notice that two boxes say that they are one gateway."""
    Roll.beside = lambda *_: ""  # type: ignore[method-assign]


def trusts_the_broker() -> None:
    """A canary that the broker has taken is held to have arrived."""
    Canary.silent_s = property(lambda _self: 0.0)  # type: ignore[assignment]


DEFECTS: dict[str, Callable[[], None]] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (
        answers_before_the_commit,
        retires_on_puback,
        acknowledges_before_the_commit,
        live_waits_behind_the_past,
        cursor_follows_the_answer,
        forgets_what_is_committed,
        trips_over_poison,
        trusts_the_broker,
        opens_by_number,
        no_watchdog,
        forgets_earlier_lives,
        hears_one_box_only,
    )
}

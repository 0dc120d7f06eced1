"""What the delivery tests share: events that the contract takes, an open outbox, components that run for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.clock import Clock, SystemClock
from gateway.config import model
from gateway.contract.envelope import Encoded, Origin, encode
from gateway.counters import Counters
from gateway.outbox import Draft, Outbox
from rules.api import SECOND, Event

T0 = 1_795_484_000 * SECOND
PLACE = "ikn/kk2/l05/timur/d-017"
PERSON = "p-00000000000000a1"
OTHER = "p-00000000000000b2"
VISIT = "5b0c5c8e-1111-5222-8333-444455556666"
BOOT = "000001-abcd"


def origin(boot: str = BOOT) -> Origin:
    return Origin(site="ikn", building="kk2", gateway="gw-1", boot=boot)


def telemetry(n: int = 0, *, padding: int = 0) -> Draft:
    """Nobody's: the first to be given up."""
    item = {"modality": "radar", "kind": "occupied", "value": True, "age_s": 0.5, "weight": 0.9}
    evidence = [{"dev": f"mmw-{k:04d}", **item} for k in range(padding)]
    data = {"state": "occupied", "prev": "vacant", "cause": None, "since": T0, "confidence": 0.9, "evidence": evidence}
    return Draft(Event("occupancy.changed", PLACE, T0 + n * SECOND, data), rule="occupancy/1")


def act(n: int = 0, person: str = PERSON, unit: str = "bkn") -> Draft:
    """What a person did on purpose: the last to be given up."""
    data = {"checkin_id": VISIT, "method": "badge", "assurance": "claimed"}
    return Draft(Event("desk.checkin.started", PLACE, T0 + n * SECOND, data, "who", person, unit), rule="desk/1")


def sense(n: int = 0, person: str = PERSON) -> Draft:
    """What was inferred about a person."""
    data = {"visit_id": VISIT, "zone": "ikn/kk2/l05/timur/_", "method": "tag"}
    return Draft(Event("presence.moved", PLACE, T0 + n * SECOND, data, "sense", person), rule="presence/1")


def invalid() -> Draft:
    """What the contract does not take."""
    return Draft(Event("occupancy.changed", PLACE, T0, {"state": "perhaps"}))


def encoder(made_by: Origin) -> Callable[[Draft, int, int], Encoded]:
    def encoded(draft: Draft, sequence: int, recorded_at: int) -> Encoded:
        return encode(draft.event, made_by, sequence=sequence, recorded_at=recorded_at, rule=draft.rule)

    return encoded


def make_outbox(
    folder: Path,
    *,
    boot: str = BOOT,
    clock: Clock | None = None,
    counters: Counters | None = None,
    vfs: str | None = None,
    **settings: Any,
) -> Outbox:
    made_by = origin(boot)
    settings = {"ballast_bytes": 0, **settings}
    return Outbox(
        folder / "outbox.sqlite",
        made_by,
        clock or SystemClock(),
        counters or Counters(),
        model.Outbox.model_construct(**settings),
        encode=encoder(made_by),
        vfs=vfs,
    )


@asynccontextmanager
async def running(*components: Any) -> AsyncIterator[None]:
    """Run them; cancel them in reverse order at the end, and raise what one of them raised."""
    tasks = [asyncio.create_task(component.run()) for component in components]
    try:
        yield
    finally:
        for task in reversed(tasks):
            task.cancel()
            await asyncio.wait((task,))
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


async def until(wanted: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `wanted` answers once it is true; the time is only a guard."""
    async with asyncio.timeout(seconds):
        while not (found := wanted()):  # noqa: ASYNC110 what is waited for has no event
            await asyncio.sleep(0.01)
        return found


def sequences(rows: list[Any]) -> list[int]:
    return [row.sequence for row in rows]

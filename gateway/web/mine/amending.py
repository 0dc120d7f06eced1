"""An approved correction, told to the building's coordinator, so that it stands in the ledger as an event."""

from __future__ import annotations

from uuid import UUID, uuid5

from gateway.config.owners import Owners
from gateway.web.asking import Answer
from gateway.web.mine.requests import Request
from gateway.web.site import Site
from gateway.web.workplace import NOT_LEADING

LONGEST = 200
"""Of a text of the contract."""


async def amend(site: Site, asked: Request, place: str, actor: str, reason: str) -> Answer:
    """Say it at `place`, where the check-in was, with the operator's reason. Asked again, it is the same event.

    What is not told (no coordinator is there) is not lost: approved requests stand beside the record all the same.
    """
    identity = str(uuid5(UUID(asked.id), "amend"))
    args: dict[str, bool | int | float | str | None] = {
        "target_id": asked.target,
        "field": asked.field,
        "old": asked.old,
        "new": asked.new,
        "reason": "".join(letter for letter in " ".join(reason.split()) if letter.isprintable())[:LONGEST],
    }
    answer = Answer(ok=False, reason=NOT_LEADING)
    for gateway in sorted(Owners(site.office).candidates(place), key=site.live.gone):
        answer = await site.asker.ask(
            "amend",
            place,
            actor=actor,
            role="operator",
            pid=asked.pid,
            unit=asked.unit,
            args=args,
            gateway=gateway,
            identity=identity,
        )
        if answer.reason != NOT_LEADING:
            break
    return answer

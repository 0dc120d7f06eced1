"""Commands to gateways, and their answers: `cmd` and `whocmd`, answered on `res/<client>/<name>`.

A command that is not answered is asked once more under the same id: the gateway answers again and does not act again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from gateway.clock import Clock
from gateway.config.model import Office
from gateway.config.owners import Owners
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.exchange import CommandMessage, CommandResult
from gateway.contract.times import written
from gateway.contract.topics import PREFIX
from gateway.errors import PermanentError
from gateway.mqtt import Link, Message

ANSWER_S = 3.0
"""How long an answer is waited for, twice."""
NO_ANSWER, NOT_SENT = "no_answer", "not_connected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a command."""

    ok: bool
    reason: str = ""
    """Why not: the gateway's word, or no_answer, not_connected, no_place."""
    events: tuple[str, ...] = ()
    """Ids of what it caused."""
    card: str = ""
    """Of `enrol`: the new card's keyed index ..."""
    strangers: tuple[tuple[str, str, str], ...] = ()
    """... and devices that are in no configuration: (source, medium, address)."""


class Asker:
    """Asks gateways. One for the web application."""

    def __init__(self, link: Link, office: Office, clock: Clock, client: str) -> None:
        """`client`: an identifier; answers go to `res/<client>/...`."""
        self._link = link
        self._site = office.site
        self._owners = Owners(office)
        self._clock = clock
        self._client = client
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        link.subscribe(f"{PREFIX}/res/{client}/+", self._answered)

    async def ask(
        self,
        name: str,
        place: str,
        *,
        actor: str,
        role: str,
        pid: str = "",
        unit: str = "_",
        args: Mapping[str, bool | int | float | str | None] | None = None,
        gateway: str = "",
        identity: str = "",
    ) -> Answer:
        """Ask the place's owner, or `gateway`. `role`: user, operator, kiosk, system. `identity`: of a repetition.

        Never raises for what a gateway or the network does: that is in the answer.
        """
        to = gateway or self._owners.owner(place)
        if not to:
            return Answer(ok=False, reason="no_place")
        key = identity or str(uuid4())
        body = {
            "id": key,
            "issued_at": written(self._clock.office()),
            "actor": actor,
            "role": role,
            "client": self._client,
            "unit": unit,
            "args": dict(args or {}),
            **({"place": place} if place else {}),
            **({"pid": pid} if pid else {}),
        }
        topic = topics.command(self._site, to, name, person=bool(pid))
        found: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[key] = found
        try:
            payload = wire.write(CommandMessage, body)
            for _ in range(2):
                if not self._link.publish(topic, payload, expiry_s=30):
                    return Answer(ok=False, reason=NOT_SENT)
                done, _pending = await asyncio.wait((found,), timeout=ANSWER_S)
                if done:
                    return found.result()
            return Answer(ok=False, reason=NO_ANSWER)
        except PermanentError as error:
            return Answer(ok=False, reason=error.reason)
        finally:
            del self._waiting[key]

    def _answered(self, message: Message) -> None:
        try:
            result = wire.parse(CommandResult, message.payload)
        finally:
            message.ack()
        if result is None:
            return
        waiting = self._waiting.get(result["id"])
        if waiting is not None and not waiting.done():
            waiting.set_result(
                Answer(
                    ok=result["ok"],
                    reason=result.get("reason") or "",
                    events=tuple(result.get("events") or ()),
                    card=str(result.get("index") or ""),
                    strangers=tuple(
                        (one["source"], one["medium"], one["address"]) for one in result.get("strangers") or ()
                    ),
                )
            )

"""Commands that reach a gateway by MQTT: carried out once, answered again when they are repeated.

cmd/<site>/<gw>/<name>, whocmd/... (with a pid)  ->  res/<client>/<name>
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from gateway.clock import Clock
from gateway.config.places import Places
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.exchange import CommandMessage, CommandResult, expired
from gateway.contract.times import parsed, written
from gateway.contract.topics import PREFIX
from gateway.counters import Counters
from gateway.errors import PermanentError
from gateway.intake import Asked, Intake
from gateway.mqtt import Link, Message
from gateway.outbox_store import Row
from rules.api import Command

MOST_REMEMBERED = 10_000
KNOWN = frozenset(
    {"checkin", "checkout", "move", "reserve", "cancel", "release", "correct", "extend", "out_of_order", "quiet"}
)
METHODS = frozenset({"badge", "qr", "nfc", "web", "kiosk", "operator", "tag"})


class Commands:
    """The receiving side of one gateway."""

    def __init__(
        self, link: Link, origin: Origin, places: Places, intake: Intake, clock: Clock, counters: Counters
    ) -> None:
        self._link = link
        self._origin = origin
        self._places = places
        self._intake = intake
        self._clock = clock
        self._counters = counters
        self._answers: OrderedDict[str, bytes | None] = OrderedDict()
        for cls in ("cmd", "whocmd"):
            link.subscribe(f"{PREFIX}/{cls}/{origin.site}/{origin.gateway}/+", self._received)

    def _received(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        try:
            command = wire.parse(CommandMessage, message.payload)
        except PermanentError as error:
            self._counters.add("commands.refused", error.reason)
            command = None
        if topic is not None and command is not None:
            self._take(topic.type, command, may_name=topic.cls == "whocmd")
        message.ack()

    def _take(self, name: str, command: dict[str, Any], *, may_name: bool) -> None:
        identity = command["id"]
        if identity in self._answers:
            known = self._answers[identity]
            if known is not None:  # else it is being carried out
                self._send(command, name, known)
            return
        reason = self._refusal(name, command, may_name=may_name)
        if reason:
            self._counters.add("commands.refused", reason)
            self._finish(command, name, self._result(command, ok=False, reason=reason, rows=()))
            return
        self._remember(identity, None)
        args = dict(command.get("args") or {})
        asked = Command(
            name=name,
            place=command.get("place") or "",
            at=parsed(command["at"]) if command.get("at") else self._clock.office(),
            person=command.get("pid") or "",
            unit=command.get("unit") or "_",
            actor=command["role"],
            args=args,
        )

        def answer(rows: Sequence[Row]) -> None:
            self._finish(command, name, self._result(command, ok=True, reason=None, rows=rows))

        self._intake.act(Asked(asked, answer), asked.at)

    def _refusal(self, name: str, command: dict[str, Any], *, may_name: bool) -> str:
        if name not in KNOWN:
            return "unknown_command"
        if expired(command, self._clock.office()):
            return "expired"
        if dict(command.get("args") or {}).get("method", "web") not in METHODS:
            return "invalid"
        if command.get("pid") and not may_name:
            return "forbidden"
        if name != "quiet" and self._places.owner(command.get("place") or "") != self._origin.gateway:
            return "not_owner"
        return ""

    def _result(self, command: dict[str, Any], *, ok: bool, reason: str | None, rows: Sequence[Row]) -> bytes:
        return wire.write(
            CommandResult,
            {
                "id": command["id"],
                "ok": ok,
                "reason": reason,
                "at": written(self._clock.office()),
                "gw": self._origin.gateway,
                "events": [json.loads(row.body)["id"] for row in rows][:16],
            },
        )

    def _finish(self, command: dict[str, Any], name: str, answer: bytes) -> None:
        self._remember(command["id"], answer)
        self._send(command, name, answer)

    def _remember(self, identity: str, answer: bytes | None) -> None:
        self._answers[identity] = answer
        while len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)

    def _send(self, command: dict[str, Any], name: str, answer: bytes) -> None:
        if not self._link.publish(topics.result(command["client"], name), answer):
            self._counters.add("commands.answer_lost")

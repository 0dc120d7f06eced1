"""Commands that reach a gateway by MQTT: carried out once, answered again when they are repeated.

cmd/<site>/<gw>/<name>, whocmd/... (with a pid)  ->  res/<client>/<name>

That a command was tried, and what became of it, is a fact in the transaction of what it caused: also a gateway that was
killed before it could answer does not try it again when it is repeated. What is refused before the rules see it is
not remembered: it may be late by a queue or a clock, or be another gateway's to decide now, and is judged anew.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from typing import Any

from gateway import enrolment
from gateway.clock import SECOND, Clock
from gateway.config.places import Places
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.exchange import EXPIRES_S, REMEMBERED_S, CommandMessage, CommandResult, expired
from gateway.contract.fields import UUID, WORD
from gateway.contract.times import parsed, written
from gateway.contract.topics import PREFIX
from gateway.counters import Counters
from gateway.enrolment import Enrolment
from gateway.errors import PermanentError
from gateway.intake import Asked, Intake
from gateway.mqtt import Link, Message
from gateway.outbox_store import Row
from gateway.terms import Terms
from rules.api import Command, Fact

MOST_REMEMBERED = 10_000
KNOWN = frozenset(
    {"checkin", "checkout", "move", "reserve", "cancel", "release", "correct", "extend", "out_of_order", "quiet"}
    | {"arrive", "depart", "amend"}
)
AT_WORKPLACE = frozenset({"arrive", "depart"})
AMEND = "amend"
AT_COORDINATOR = AT_WORKPLACE | {AMEND}
"""A person comes to the building, leaves it, or their record is put right: its coordinator's to say."""
SILENT = frozenset({"extend", "quiet", "out_of_order"})
"""They may change something without an event."""
COORDINATOR = "coordinator"
NOT_LEADING = "not_coordinator"
WORKPLACE_METHODS = frozenset({"kiosk", "phone"})
ARRANGEMENTS = frozenset({"", "home_unit", "other_office", "visitor"})
METHODS = frozenset({"badge", "qr", "nfc", "web", "kiosk", "operator", "tag"})
NAME = "command"
"""Of its facts; key: the command's id."""
ARGUMENTS: Mapping[str, type] = {
    "booking_ref": str,
    "checkin_id": str,
    "method": str,
    "arrangement": str,
    "target_id": str,
    "field": str,
    "old": str,
    "new": str,
    "reason": str,
    "to": str,
    "at": int,
    "start": int,
    "end": int,
    "until": int,
    "on": bool,
}
"""What rules read of `args`; times in ns."""
NEEDED: Mapping[str, tuple[str, ...]] = {
    "reserve": ("booking_ref", "start", "end"),
    "cancel": ("booking_ref",),
    AMEND: ("target_id", "field"),
}
LATEST = 2**63 - 1


class Commands:
    """The receiving side of one gateway."""

    def __init__(
        self,
        link: Link,
        origin: Origin,
        places: Places,
        intake: Intake,
        clock: Clock,
        counters: Counters,
        terms: Terms,
        enrolment: Enrolment | None = None,
    ) -> None:
        """`terms`: a coordinator whose term is below the highest is refused."""
        self._enrolment = enrolment
        self._terms = terms
        self._link = link
        self._origin = origin
        self._places = places
        self._intake = intake
        self._clock = clock
        self._counters = counters
        self._answers: OrderedDict[str, bytes | None] = OrderedDict()
        """Of what was tried, by id; None while it is being."""
        self._done: deque[tuple[int, str]] = deque()
        """(when, id) of what was tried, oldest first: its facts are on the disk."""
        for cls in ("cmd", "whocmd"):
            link.subscribe(f"{PREFIX}/{cls}/{origin.site}/{origin.gateway}/+", self._received)

    def restore(self, facts: Mapping[str, Mapping[str, Any]]) -> list[Fact]:
        """Remember what an earlier life has tried; the facts that are too old, to be deleted.

        A fact without `reason` is of what was carried out, or of an older gateway, which did not tell the two apart.
        """
        self._done.extend(sorted((int(body["at"]), identity) for identity, body in facts.items()))
        old = self._forget(self._clock.office())
        for _, identity in self._done:
            reason = facts[identity].get("reason")
            self._remember(identity, self._result(identity, ok=reason is None, reason=reason, rows=()))
        return old

    def _forget(self, now: int) -> list[Fact]:
        """What is too old to be repeated, or too much."""
        done, old = self._done, []
        longest = self._lasting(REMEMBERED_S)
        while done and (now - done[0][0] > longest or len(done) > MOST_REMEMBERED):
            _, identity = done.popleft()
            self._answers.pop(identity, None)
            old.append(Fact(NAME, identity, None))
        return old

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
        if name == enrolment.NAME:
            self._send(command, name, self._enrol(command))
            return
        known = self._answers.get(identity)
        if known is not None:
            self._send(command, name, known)
            return
        if identity in self._answers:  # it is being carried out
            return
        reason = self._refusal(name, command, may_name=may_name)
        if reason:
            self._counters.add("commands.refused", reason)
            self._send(command, name, self._result(identity, ok=False, reason=reason, rows=()))
            return
        self._remember(identity, None)
        term = self._term(command)
        now = self._clock.office()
        asked = Command(
            name=name,
            place=command.get("place") or "",
            at=parsed(command["at"]) if command.get("at") else now,
            person=command.get("pid") or "",
            unit=command.get("unit") or "_",
            actor=command["role"],
            args=dict(command.get("args") or {}),
        )

        failure: str | None = None

        def outcome(changed: bool) -> Sequence[Fact]:
            nonlocal failure
            failure = None if changed or name in SILENT else self._failure(name)
            if failure == NOT_LEADING:
                return ()
            self._done.append((now, identity))
            return (Fact(NAME, identity, {"at": now} if failure is None else {"at": now, "reason": failure}),)

        def answer(rows: Sequence[Row]) -> None:
            result = self._result(identity, ok=failure is None, reason=failure, rows=rows)
            if failure == NOT_LEADING:
                self._answers.pop(identity, None)
            else:
                self._remember(identity, result)
            self._send(command, name, result)

        self._intake.act(Asked(asked, answer, (*term, *self._forget(now)), outcome), asked.at)

    def _failure(self, name: str) -> str:
        """Why rules changed nothing: who stopped leading since it was asked does not say "they are here already"."""
        return NOT_LEADING if name in AT_COORDINATOR and not self._terms.leading else "no_change"

    def _enrol(self, command: dict[str, Any]) -> bytes:
        """A question, and no act: it changes nothing that lasts, and is answered each time as things are then."""
        if self._enrolment is None or command["role"] != "operator" or command.get("pid"):
            found = enrolment.Found(reason="forbidden")
        elif self._is_late(command):
            found = enrolment.Found(reason="expired")
        else:
            found = self._enrolment.asked(command.get("args") or {})
        ok = bool(found.card)
        more: dict[str, Any] = {"index": found.card} if ok else {}
        if found.strangers:
            more["strangers"] = [one._asdict() for one in found.strangers]
        return self._result(command["id"], ok=ok, reason=found.reason or None, rows=(), **more)

    def _is_late(self, command: dict[str, Any]) -> bool:
        return expired(command, self._clock.office(), self._lasting(EXPIRES_S))

    def _lasting(self, seconds: float) -> int:
        """ns of office time that pass in so many seconds of a network: more of them where a demo's day is a minute."""
        return self._clock.office_in(seconds) - self._clock.office()

    def _refusal(self, name: str, command: dict[str, Any], *, may_name: bool) -> str:
        if name not in KNOWN:
            return "unknown_command"
        if self._is_late(command):
            return "expired"
        if not self._readable(name, command):
            return "invalid"
        if command.get("pid") and not may_name:
            return "forbidden"
        if name == AMEND and command["role"] != "operator":
            return "forbidden"
        if name in AT_COORDINATOR:
            return self._workplace_refusal(command)
        if name != "quiet" and self._places.owner(command.get("place") or "") != self._origin.gateway:
            return "not_owner"
        if command["role"] == COORDINATOR:
            building = (command.get("place") or "").split("/", 2)[1]
            if command["actor"] not in self._terms.candidates(building):
                return NOT_LEADING
            if self._terms.below(building, command.get("term") or 0):
                return "old_term"
        return ""

    def _workplace_refusal(self, command: dict[str, Any]) -> str:
        """Why a coming or going is not taken here: whoever asked looks for the one that leads the building now."""
        place = command.get("place") or ""
        if not self._places.is_known(place):
            return NOT_LEADING
        leads = self._terms.leading and place.split("/", 2)[1] == self._terms.building
        return "" if leads else NOT_LEADING

    def _term(self, command: dict[str, Any]) -> list[Fact]:
        """The term in which a coordinator asks is remembered with what it asks for."""
        if command["role"] != COORDINATOR:
            return []
        fact = self._terms.seen(command["place"].split("/", 2)[1], command.get("term") or 0)
        return [] if fact is None else [fact]

    def _readable(self, name: str, command: dict[str, Any]) -> bool:
        """Whether rules can read it: they take what they are given. Nothing is about the time to come."""
        args = dict(command.get("args") or {})
        soon = self._clock.office() + EXPIRES_S * SECOND
        at = args.get("at", 0) if type(args.get("at", 0)) is int else LATEST
        methods = WORKPLACE_METHODS if name in AT_WORKPLACE else METHODS
        person = bool(command.get("pid")) or name not in AT_COORDINATOR
        return (
            person
            and all(key in args for key in NEEDED.get(name, ()))
            and all(type(value) is ARGUMENTS[key] for key, value in args.items() if key in ARGUMENTS)
            and all(0 <= value <= LATEST for value in args.values() if type(value) is int)
            and (name != AMEND or _is_amendment(args))
            and args.get("method", "kiosk") in methods
            and args.get("arrangement", "") in ARRANGEMENTS
            and max(at, parsed(command["at"]) if command.get("at") else 0) <= soon
        )

    def _result(self, identity: str, *, ok: bool, reason: str | None, rows: Sequence[Row], **more: Any) -> bytes:
        return wire.write(
            CommandResult,
            {
                "id": identity,
                "ok": ok,
                "reason": reason,
                "at": written(self._clock.office()),
                "gw": self._origin.gateway,
                "events": [json.loads(row.body)["id"] for row in rows][:16],
                **more,
            },
        )

    def _remember(self, identity: str, answer: bytes | None) -> None:
        self._answers[identity] = answer
        while len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)

    def _send(self, command: dict[str, Any], name: str, answer: bytes) -> None:
        if not self._link.publish(topics.result(command["client"], name), answer):
            self._counters.add("commands.answer_lost")


def _is_amendment(args: Mapping[str, Any]) -> bool:
    """Whether the contract takes it as `presence.corrected`: an outbox must not meet what it cannot write."""
    return re.fullmatch(UUID, args["target_id"]) is not None and re.fullmatch(WORD, args["field"]) is not None

"""Webhooks: events to whoever asked to be called, signed, at least once, in the order of commit.

POST {"hook": id, "cursor": "...", "events": [CloudEvents, at most MOST_EVENTS]}; 2xx takes them, and the next follow.
Anything else is tried again, with full jitter and pauses that grow to an hour; the same events under the same
`Hadir-Delivery`: how far a message goes is kept before it is sent, and stays until it is taken, also when more has been
committed meanwhile or this process began anew. So a receiver whose answer was lost knows what it has handled by the
delivery alone. 410 (gone), or nothing taken for `dead_after_days`, ends it: the operator has an alarm, and the cursor
stays, so that nothing is missed when it is revived.

Redirects are not followed: who is redirected was configured wrongly, or is being led somewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from zlib import crc32

import apsw
import httpx

from gateway.clock import SECOND, Clock
from gateway.config.web_systems import Hook
from gateway.contract.times import written
from gateway.errors import HadirError, PermanentError
from gateway.ledger_view import LEVELS, View
from gateway.supervise import full_jitter
from gateway.web.reading import Reading
from gateway.web.records.cursors import Cursor
from gateway.web.records.feed import Page, Scope, page
from gateway.web.records.rows import Rows
from gateway.web.signing import HEADER, sign

_log = logging.getLogger(__name__)

MOST_EVENTS = 100
"""Of one message: 800 kB at most."""
LOOK_S = 1.0
ANSWER_S = 10.0
MOST_ANSWER = 64 << 10
"""Bytes of an answer that are read; nobody is interested in them."""
FIRST_S, LONGEST_S = 1.0, 3600.0
BROKEN_S = 60.0
"""Between two tries at most, while it is our own database that does not work."""
DAY = 86_400 * SECOND
GONE = 410


@dataclass(frozen=True, slots=True, kw_only=True)
class HookState:
    """How one hook is."""

    id: str
    cursor: Cursor
    upper: Cursor | None = None
    """How far the message goes that is on its way and was not taken yet; None: there is none."""
    failing_since: int | None
    """Wall time, ns; None: the last message was taken, or there was none."""
    dead: bool
    why: str


class Hooks:
    """All hooks of a site: their cursors are in the web's database. Used from the event loop."""

    def __init__(
        self,
        hooks: tuple[Hook, ...],
        secrets: dict[str, bytes],
        connection: apsw.Connection,
        reading: Reading,
        wall: Clock,
        site: str,
    ) -> None:
        """`secrets`: by hook."""
        self._hooks = {hook.id: hook for hook in hooks}
        self._secrets = secrets
        self._db = connection
        self._reading = reading
        self._wall = wall
        self._site = site
        self._revived = {hook.id: asyncio.Event() for hook in hooks}

    async def run(self) -> None:
        """Until cancelled."""
        limits = httpx.Limits(max_connections=len(self._hooks) + 1)
        async with (
            httpx.AsyncClient(
                follow_redirects=False,
                trust_env=False,
                timeout=ANSWER_S,
                limits=limits,
                headers={"User-Agent": "hadir"},
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for hook in self._hooks.values():
                group.create_task(self._keep(hook, client), name=f"hook {hook.id}")

    # --- what the operator sees and does ----------------------------------------------------------------------------

    def states(self) -> Iterator[HookState]:
        """Of every hook that is configured."""
        for name in self._hooks:
            yield self._state(name) or HookState(id=name, cursor=Cursor(), failing_since=None, dead=False, why="")

    def revive(self, name: str) -> bool:
        """Try a dead one again, from where it stood; False: there is no such hook."""
        if name not in self._hooks:
            return False
        self._db.execute("UPDATE hook SET dead = 0, failing_since = NULL, why = '' WHERE id = ?", (name,))
        self._revived[name].set()
        return True

    # --- one hook ---------------------------------------------------------------------------------------------------

    async def _keep(self, hook: Hook, client: httpx.AsyncClient) -> None:
        """Serve it, also when the database cannot be written for a while: what was taken then is sent again."""
        attempt = 0
        while True:
            began = self._wall.machine()
            try:
                await self._serve(hook, client)
            except HadirError as error:
                attempt = 0 if self._wall.machine() - began > BROKEN_S * SECOND else attempt + 1
                _log.warning("hook %s: %s; trying again", hook.id, error)
                await asyncio.sleep(full_jitter(attempt, first_s=FIRST_S, longest_s=BROKEN_S))

    async def _serve(self, hook: Hook, client: httpx.AsyncClient) -> None:
        attempt = 0
        while True:
            try:
                state = self._state(hook.id) or await self._begun(hook)
                if state.dead:
                    await self._revived[hook.id].wait()
                    self._revived[hook.id].clear()
                    attempt = 0
                    continue
                found = await self._next(hook, state)
            except HadirError as error:
                _log.debug("hook %s: %s", hook.id, error)
                await asyncio.sleep(LOOK_S)
                continue
            if not found.events:
                if found.cursor != state.cursor:
                    self._move(hook.id, found.cursor)
                if not found.more:
                    await asyncio.sleep(LOOK_S)
                continue
            if found.cursor != state.upper:
                self._db.execute("UPDATE hook SET upper = ?, upper_era = ? WHERE id = ?", (*found.cursor, hook.id))
            why, gone = await self._post(hook, state, found, client)
            if not why:
                self._move(hook.id, found.cursor)
                attempt = 0
            elif not self._failed(hook, state, why, gone=gone):
                with suppress(TimeoutError):
                    async with asyncio.timeout(full_jitter(attempt, first_s=FIRST_S, longest_s=LONGEST_S)):
                        await self._revived[hook.id].wait()
                self._revived[hook.id].clear()
                attempt += 1

    async def _begun(self, hook: Hook) -> HookState:
        cursor = Cursor()
        if hook.begin != "beginning":
            cursor = await self._reading.ask(lambda view: Rows.over(view).newest())
        self._db.execute("INSERT OR IGNORE INTO hook (id, cursor, era) VALUES (?, ?, ?)", (hook.id, *cursor))
        return HookState(id=hook.id, cursor=cursor, failing_since=None, dead=False, why="")

    async def _next(self, hook: Hook, state: HookState) -> Page:
        scope = Scope(
            classes=frozenset({"evt", "who"} if hook.units or hook.everybody else {"evt"}),
            units=None if hook.everybody else frozenset(hook.units),
        )
        place = "" if hook.place is None else f"{self._site}/{hook.place}"
        if place.count("/") >= LEVELS:
            raise PermanentError("invalid", f"hook {hook.id}: {hook.place} is no place")

        def look(view: View) -> Page:
            rows = Rows.over(view)
            try:
                return page(
                    rows, scope, state.cursor, limit=MOST_EVENTS, types=hook.types, place=place, upto=state.upper
                )
            except PermanentError as error:
                if error.reason != "cursor_ahead":
                    raise
                # put back from a copy: what both files have was taken; else ids tell the receiver what it knows
                common = rows.common(state.cursor)
                _log.warning("hook %s: the archive was replaced; going on behind %s", hook.id, common)
                return Page(events=(), cursor=common, more=True)

        return await self._reading.ask(look)

    async def _post(self, hook: Hook, state: HookState, found: Page, client: httpx.AsyncClient) -> tuple[str, bool]:
        """(why it was not taken, whether it never will be)."""
        head = f'{{"hook":"{hook.id}","cursor":"{found.cursor}","events":['.encode()
        body = head + b",".join(row.body for row in found.events) + b"]}"
        at_s = self._wall.office() // SECOND
        headers = {
            "Content-Type": "application/json",
            HEADER: sign(self._secrets[hook.id], at_s, body),
            "Hadir-Delivery": f"{hook.id}/{state.cursor}-{found.cursor}-{_asked(hook):08x}",
        }
        try:
            async with (
                asyncio.timeout(ANSWER_S),  # all of it: one that drips would hold the hook for ever
                client.stream("POST", hook.url, content=body, headers=headers) as answer,
            ):
                taken = 0
                async for part in answer.aiter_raw():
                    taken += len(part)
                    if taken > MOST_ANSWER:
                        break
        except TimeoutError:
            return f"no answer within {ANSWER_S:g} s", False
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"[:200], False
        if answer.is_success:
            return "", False
        if answer.is_redirect:
            return f"answered {answer.status_code}: redirects are not followed", False
        return f"answered {answer.status_code}", answer.status_code == GONE

    # --- the table --------------------------------------------------------------------------------------------------

    def _state(self, name: str) -> HookState | None:
        row = self._db.execute(
            "SELECT cursor, era, upper, upper_era, failing_since, dead, why FROM hook WHERE id = ?", (name,)
        ).fetchone()
        if row is None:
            return None
        cursor, era, upper, upper_era, failing, dead, why = row
        return HookState(
            id=name,
            cursor=Cursor(cursor, era),
            upper=None if upper is None else Cursor(upper, upper_era),
            failing_since=failing,
            dead=bool(dead),
            why=why,
        )

    def _move(self, name: str, cursor: Cursor) -> None:
        self._db.execute(
            "UPDATE hook SET cursor = ?, era = ?, upper = NULL, failing_since = NULL, why = '' WHERE id = ?",
            (*cursor, name),
        )

    def _failed(self, hook: Hook, state: HookState, why: str, *, gone: bool) -> bool:
        """Note it; whether the hook is dead now."""
        now = self._wall.office()
        since = state.failing_since if state.failing_since is not None else now
        dead = gone or now - since >= hook.dead_after_days * DAY
        self._db.execute(
            "UPDATE hook SET failing_since = ?, dead = ?, why = ? WHERE id = ?", (since, int(dead), why, hook.id)
        )
        if dead:
            _log.error("hook %s is dead: %s, failing since %s; see to it, then revive it", hook.id, why, written(since))
        elif state.failing_since is None:
            _log.warning("hook %s: %s; trying again", hook.id, why)
        return dead


def _asked(hook: Hook) -> int:
    """What it asks for, as a number: the same rows are another delivery when that has been changed."""
    return crc32(repr((hook.types, hook.units, hook.everybody, hook.place)).encode())

"""Webhooks against a real receiver on loopback: signed, at least once, in order, and never where they were not sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.clock import SECOND, ManualClock
from gateway.config.web_systems import Hook
from gateway.ledger import Ledger
from gateway.web import hooks as module
from gateway.web.hooks import DAY, Hooks, HookState
from gateway.web.signing import HEADER, WINDOW_S, sign, verify
from tests.web.api.books import MORNING, VISIT, Archive
from tests.web.conftest import NOON, Web, locked
from tests.web.office import DESK
from tests.web.records.ledgers import put_back

SECRET = b"a secret of the test"


@dataclass
class Receiver:
    """A small HTTP server that notes what it is sent and answers what it is told to."""

    answers: list[bytes] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def events(self) -> list[str]:
        return [event for _, body in self.got for event in ids(body)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append((headers, body))
        status = self.answers.pop(0) if self.answers else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


def ids(body: bytes) -> list[str]:
    return [event["id"] for event in json.loads(body)["events"]]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


@pytest.fixture
def archive(web: Web) -> Iterator[Archive]:
    made = Archive(web)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    monkeypatch.setattr(module, "FIRST_S", 0.02)


def hook(receiver: Receiver, **more: Any) -> Hook:
    told = {"id": "agency", "url": receiver.url, "secret_file": Path("s"), "begin": "beginning", **more}
    return Hook.model_validate(told)


@asynccontextmanager
async def running(web: Web, *configured: Hook, wall: ManualClock | None = None) -> AsyncIterator[Hooks]:
    secrets = {one.id: SECRET for one in configured}
    made = Hooks(
        configured, secrets, web.site.accounts.connection, web.site.reading, wall or ManualClock(NOON), "kantor"
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()


async def until(look: Any) -> None:
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110 what is waited for has no event
            await asyncio.sleep(0.01)


def state(made: Hooks) -> HookState:
    (found,) = made.states()
    return found


async def test_what_is_committed_is_sent_signed_and_once(web: Web, archive: Archive, receiver: Receiver) -> None:
    told = [archive.changed(MORNING + n) for n in range(3)]
    async with running(web, hook(receiver)) as made:
        await until(lambda: receiver.events() == told)
        later = archive.changed(MORNING + 9)
        await until(lambda: receiver.events() == [*told, later])
        await until(lambda: state(made).cursor.id == 4)
    for headers, body in receiver.got:
        assert verify(SECRET, headers[HEADER.lower()], body, NOON / SECOND)
        assert json.loads(body)["hook"] == "agency"
    async with running(web, hook(receiver)):
        await asyncio.sleep(0.1)
    assert len(receiver.events()) == 4


async def test_what_is_not_taken_is_sent_again_and_nothing_is_left_out(
    web: Web, archive: Archive, receiver: Receiver
) -> None:
    receiver.answers = [b"500 No", b"302 Found", b"429 Slow"]
    told = archive.changed()
    async with running(web, hook(receiver)) as made:
        await until(lambda: len(receiver.got) == 4)
        await until(lambda: state(made).cursor.id == 1)
        assert (state(made).failing_since, state(made).why) == (None, "")
    assert receiver.events() == [told] * 4
    (delivery,) = {headers["hadir-delivery"] for headers, _ in receiver.got}
    assert delivery.startswith("agency/0-1.")


@pytest.mark.parametrize("restart", [False, True])
async def test_a_delivery_has_the_same_events_at_each_attempt(
    web: Web, archive: Archive, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, restart: bool
) -> None:
    """It was handled, and its answer lost: whoever knows the delivery has nothing to handle again."""
    monkeypatch.setattr(module, "full_jitter", lambda attempt, **_: 0.2)
    receiver.answers = [b"500 No"]
    first = archive.changed()
    async with running(web, hook(receiver)) as made:
        await until(lambda: state(made).failing_since is not None)
        second = archive.changed(MORNING + 1)
        if not restart:
            await until(lambda: len(receiver.got) == 3)
    if restart:
        async with running(web, hook(receiver)):
            await until(lambda: len(receiver.got) == 3)
        assert len({headers["hadir-delivery"] for headers, _ in receiver.got}) == 2
    sent = [(headers["hadir-delivery"], ids(body)) for headers, body in receiver.got]
    assert sent[0] == sent[1]
    assert [told for _, told in sent] == [[first], [first], [second]]


async def test_a_hook_that_asks_for_something_else_has_another_delivery(
    web: Web, archive: Archive, receiver: Receiver
) -> None:
    receiver.answers = [b"500 No"]
    changed = archive.changed()
    rejected = archive.tell("badge.rejected", reader="rdr-d-001", cause="unknown", place=DESK)
    async with running(web, hook(receiver, types=["badge.rejected"])) as made:
        await until(lambda: state(made).failing_since is not None)
    receiver.got[1:] = []
    receiver.answers = []
    async with running(web, hook(receiver)) as made:
        await until(lambda: state(made).cursor.id == 2)
    assert ids(receiver.got[-1][1]) in ([changed, rejected], [changed])
    assert receiver.got[0][0]["hadir-delivery"] != receiver.got[-1][0]["hadir-delivery"]


@pytest.mark.parametrize("fails", [False, True])
async def test_an_archive_that_was_put_back_from_a_copy_is_noticed_and_nothing_is_left_out(
    web: Web, archive: Archive, receiver: Receiver, fails: bool
) -> None:
    path = web.site.reading.ledger
    both = archive.changed()
    copied = archive.copy()
    receiver.answers = [b"200 OK", b"500 No"] if fails else []
    async with running(web, hook(receiver)) as made:
        await until(lambda: receiver.events() == [both])
        gone = archive.changed(MORNING + 1)
        await until(lambda: gone in receiver.events())
        await until(lambda: state(made).failing_since is not None if fails else state(made).cursor.id == 2)
    archive.close()
    put_back(copied, path)
    archive.ledger = Ledger(path)
    later = [archive.changed(MORNING + 10 + n) for n in range(3)]  # under the ids of what is gone, and beyond
    receiver.got.clear()
    async with running(web, hook(receiver)) as made:
        await until(lambda: state(made).cursor.id == 4)
    assert receiver.events() == later
    assert len({headers["hadir-delivery"] for headers, _ in receiver.got}) == len(receiver.got)


async def test_a_hook_of_an_older_hadir_goes_on_where_it_stood(web: Web, archive: Archive, receiver: Receiver) -> None:
    archive.changed()
    archive.ledger._connection.execute("UPDATE era SET first = 2")
    web.site.accounts.connection.execute("INSERT INTO hook (id, cursor) VALUES ('agency', 1)")
    later = archive.changed(MORNING + 1)
    async with running(web, hook(receiver)) as made:
        await until(lambda: state(made).cursor.id == 2)
    assert receiver.events() == [later]


async def test_only_what_it_asked_for_and_may_have(web: Web, archive: Archive, receiver: Receiver) -> None:
    ani, budi = web.person(unit="panrb"), web.person(unit="bkn")
    changed = archive.changed()
    act = archive.checkin(ani, unit="panrb")
    archive.checkin(budi, unit="bkn", visit=VISIT[:-1] + "b")
    archive.tell("presence.started", person=ani, unit="panrb", cls="sense", visit_id=VISIT, state="present")
    rejected = archive.tell("badge.rejected", reader="rdr-d-001", cause="unknown", place=DESK)
    async with running(web, hook(receiver, units=["panrb"])):
        await until(lambda: receiver.events() == [changed, act, rejected])
    receiver.got.clear()
    async with running(web, hook(receiver, id="few", types=["badge.rejected"], place="utama/l01")):
        await until(lambda: receiver.events() == [rejected])
    receiver.got.clear()
    async with running(web, hook(receiver, id="none", units=["bkn"], types=["presence.started"])) as made:
        await until(lambda: {one.id: one.cursor.id for one in made.states()} == {"none": 5})
    assert receiver.got == []


async def test_what_says_that_it_is_gone_is_dead_until_it_is_revived(
    web: Web, archive: Archive, receiver: Receiver
) -> None:
    receiver.answers = [b"410 Gone"]
    told = archive.changed()
    async with running(web, hook(receiver)) as made:
        await until(lambda: state(made).dead)
        await asyncio.sleep(0.1)
        assert len(receiver.got) == 1
        assert state(made).why == "answered 410"
        assert not made.revive("other")
        assert made.revive("agency")
        await until(lambda: receiver.events() == [told, told])


async def test_what_fails_for_days_is_dead(web: Web, archive: Archive, receiver: Receiver) -> None:
    wall = ManualClock(NOON)
    receiver.answers = [b"500 No"] * 100
    archive.changed()
    async with running(web, hook(receiver, dead_after_days=2), wall=wall) as made:
        await until(lambda: state(made).failing_since == NOON)
        wall.advance(2 * DAY / SECOND)
        await until(lambda: state(made).dead)


async def test_a_database_that_fails_ends_no_hook(web: Web, archive: Archive, receiver: Receiver) -> None:
    async with running(web, hook(receiver)) as made:
        await until(lambda: web.site.accounts.connection.execute("SELECT count(*) FROM hook").get)
        with locked(web) as waiting:
            told = archive.changed()
            await asyncio.sleep(0.3)
            assert state(made).cursor.id == 0
            waiting.close()
            await until(lambda: state(made).cursor.id == 1)
    assert set(receiver.events()) == {told}


async def test_one_that_never_answers_is_given_up_on(
    web: Web, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    monkeypatch.setattr(module, "ANSWER_S", 0.2)
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    archive.changed()
    one = Hook.model_validate(
        {"id": "slow", "url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "secret_file": "s"}
        | {"begin": "beginning"}
    )
    async with running(web, one) as made:
        await until(lambda: state(made).why == "no answer within 0.2 s")
    server.close()


async def test_nobody_listens_and_a_new_hook_begins_now(web: Web, archive: Archive, receiver: Receiver) -> None:
    archive.changed()
    await receiver_closed(receiver)
    async with running(web, hook(receiver, begin="now")) as made:
        await until(lambda: state(made).cursor.id == 1)
        archive.changed(MORNING + 5)
        await until(lambda: state(made).failing_since is not None)
        assert state(made).cursor.id == 1


async def receiver_closed(receiver: Receiver) -> None:
    """Another port, at which nobody is."""
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def test_a_signature_is_of_one_body_one_time_and_one_secret() -> None:
    now = 1_795_660_200
    header = sign(SECRET, now, b"{}")
    assert verify(SECRET, header, b"{}", now)
    assert verify(SECRET, header, b"{}", now + WINDOW_S)
    assert not verify(SECRET, header, b"{}", now + WINDOW_S + 1)
    assert not verify(SECRET, header, b"{}", now - WINDOW_S - 1)
    assert not verify(b"other", header, b"{}", now)
    assert not verify(SECRET, header, b"{ }", now)
    assert not verify(SECRET, header.replace(str(now), str(now + 1)), b"{}", now)
    for wrong in ("", "t=1", "v1=" + "0" * 64, "t=x,v1=" + "0" * 64, header + ",v0=1"):
        assert not verify(SECRET, wrong, b"{}", now)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://agency.example/hook", True),
        ("http://127.0.0.1:8000/x", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("http://agency.example/hook", False),
        ("http://10.0.0.1/hook", False),
        ("https://me:secret@agency.example/", False),
        ("ftp://127.0.0.1/x", False),
        ("http://127.0.0.1.agency.example/", False),
    ],
)
def test_over_the_network_only_by_tls(url: str, good: bool) -> None:
    told = {"id": "x", "url": url, "secret_file": "s"}
    if good:
        Hook.model_validate(told)
    else:
        with pytest.raises(ValidationError):
            Hook.model_validate(told)

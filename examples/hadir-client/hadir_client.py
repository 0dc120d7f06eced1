"""A backend's reader of hadir: every event, live over MQTT, and what it missed by GET /api/v1/events.

    python hadir_client.py --database events.sqlite --site kantor --broker 127.0.0.1:1883 --web http://127.0.0.1:8080

With `--tls`, `--ca`, `--certificate` and `--key`, or `--user`, where the broker wants them; its password comes from
HADIR_BROKER_PASSWORD, the token for the web from HADIR_TOKEN. Needs aiomqtt and httpx: pip install 'hadir[client]'
brings both, and nothing of hadir itself is imported: copy this file and change `handle` and `forget`.

How it works. An event is the same event when its `id` is the same: the id is unique in the table, so that what comes
twice (live, on a history topic, from the web) is stored once. It is handled when it is stored, and marked when that is
done: once as a rule, and again after a crash in between, so that none is left out. Messages are acknowledged to nobody:
a broker that forgets, or a subscriber that was away, is made good by the web's cursor, which is stored with the events
that came by it. The cursor is asked at the start, after each new connection, and every minute; the live
subscription makes it fast in between. With it comes who is to be forgotten: their events go, and come no more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import ssl
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import httpx

AGAIN_S = 60.0
RETRY_S = 2.0
EVENTS, ERASED = "events", "erased"
_TABLES = """
    CREATE TABLE IF NOT EXISTS event (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT, pid TEXT, body TEXT, handled INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS event_pid ON event (pid);
    CREATE INDEX IF NOT EXISTS event_unhandled ON event (number) WHERE NOT handled;
    CREATE TABLE IF NOT EXISTS gone (pid TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS cursor (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_STORE = """
    INSERT INTO event (id, type, pid, body, handled) VALUES (?, ?, ?, ?, 0)
    ON CONFLICT (id) DO UPDATE SET type = excluded.type, pid = NULL, body = excluded.body, handled = 0
    WHERE excluded.type = 'hadir.privacy.erased.v1' AND excluded.pid IS NULL AND event.type <> excluded.type
"""
"""What is known already stays, but for one whose content is gone: the emptied body takes its place."""


def handle(event: dict[str, Any]) -> None:
    """What your backend does with an event. It may come late, out of order, and twice: see docs/contract."""
    print(event["time"], event["type"].removeprefix("hadir.").removesuffix(".v1"), event["subject"], flush=True)


def forget(pid: str) -> None:
    """What your backend does when a person is erased: delete what it has made of their events. It may come twice."""


class Store:
    """Events, the web's cursors, and who was erased, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.executescript(_TABLES)

    def cursor(self, name: str) -> str:
        """Up to where the web has told everything of EVENTS or ERASED; empty: nothing yet."""
        row = self._db.execute("SELECT value FROM cursor WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row[0])

    def move(self, name: str, cursor: str) -> None:
        """Go on from there."""
        self._db.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (name, cursor))

    def add(self, events: Iterable[dict[str, Any]], cursor: str | None = None) -> None:
        """Store them, and the cursor with them, in one transaction; then handle what is not handled yet."""
        with self._transaction():
            for event in events:
                pid = event["data"].get("pid")
                row = (event["id"], event["type"], pid, json.dumps(event))
                if event["type"] == "hadir.privacy.erased.v1" and pid:
                    self._erase(pid)
                if not self._db.execute("SELECT 1 FROM gone WHERE pid = ?", (pid,)).fetchone():
                    self._db.execute(_STORE, row)
            if cursor is not None:
                self.move(EVENTS, cursor)
        self.work()

    def work(self) -> None:
        """Handle what is stored and not handled yet, in the order in which it came."""
        for number, body in self._db.execute(
            "SELECT number, body FROM event WHERE NOT handled ORDER BY number"
        ).fetchall():
            handle(json.loads(body))
            self._db.execute("UPDATE event SET handled = 1 WHERE number = ?", (number,))

    def erase(self, pids: Iterable[str], cursor: str) -> None:
        """Forget people, also what comes of them later, and remember the cursor with it."""
        with self._transaction():
            for pid in pids:
                self._erase(pid)
            self.move(ERASED, cursor)
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log holds pages as they were

    def count(self) -> int:
        """How many events there are."""
        return int(self._db.execute("SELECT count(*) FROM event").fetchone()[0])

    def _erase(self, pid: str) -> None:
        forget(pid)  # before it is written down: after a crash it is asked for again
        self._db.execute("INSERT OR IGNORE INTO gone VALUES (?)", (pid,))
        self._db.execute("DELETE FROM event WHERE pid = ?", (pid,))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


async def catch_up(store: Store, client: httpx.AsyncClient) -> None:
    """Everything behind the stored cursors: whom to forget, and then the events. Raises httpx.HTTPError."""
    more = True
    while more:
        answer = await client.get("/api/v1/erased", params={"after": store.cursor(ERASED)})
        if answer.status_code == httpx.codes.CONFLICT:  # the archive was replaced
            store.move(ERASED, "0")
            continue
        found = answer.raise_for_status().json()
        store.erase([one["pid"] for one in found["items"]], found["next"])
        more = found["more"]
    more = True
    while more:
        answer = await client.get("/api/v1/events", params={"after": store.cursor(EVENTS)})
        if answer.status_code == httpx.codes.CONFLICT:  # as above; ids tell what is known already
            store.move(EVENTS, "0")
            continue
        lines = answer.raise_for_status().text.split("\n")
        store.add((json.loads(line) for line in lines if line), answer.headers["hadir-cursor"])
        more = answer.headers["hadir-more"] == "true"


async def keep_up(store: Store, client: httpx.AsyncClient, connected: asyncio.Event) -> None:
    """Until cancelled: at the start, after each connection, and every minute."""
    while True:
        connected.clear()
        try:
            await catch_up(store, client)
            wait = AGAIN_S
        except httpx.HTTPError as error:
            print(f"web: {error}", file=sys.stderr)
            wait = RETRY_S
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await connected.wait()


async def listen(store: Store, topics: list[str], broker: dict[str, Any], connected: asyncio.Event) -> None:
    """Until cancelled: events as they come."""
    while True:
        try:
            async with aiomqtt.Client(**broker) as client:
                await client.subscribe([(topic, 1) for topic in topics])
                connected.set()
                async for message in client.messages:
                    found = json.loads(message.payload)
                    store.add(found if isinstance(found, list) else [found])
        except (aiomqtt.MqttError, ValueError) as error:
            print(f"broker: {error}", file=sys.stderr)
            await asyncio.sleep(RETRY_S)


def arguments_of(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Keep every event of a site.")
    parser.add_argument("--database", type=Path, default=Path("events.sqlite"))
    parser.add_argument("--site", required=True)
    parser.add_argument("--unit", action="append", default=[], help="MQTT: explicit acts of its people too; repeatable")
    parser.add_argument("--broker", default="127.0.0.1:1883", metavar="HOST:PORT")
    parser.add_argument("--user", help="at the broker; the password in HADIR_BROKER_PASSWORD")
    parser.add_argument("--tls", action="store_true", help="to the broker; --ca and --certificate say so too")
    parser.add_argument("--ca", metavar="FILE", help="whose certificates broker and web have (default: the system's)")
    parser.add_argument("--certificate", metavar="FILE", help="ours, for the broker")
    parser.add_argument("--key", metavar="FILE", help="of --certificate")
    parser.add_argument("--web", required=True, metavar="URL")
    return parser.parse_args(given)


def broker_of(given: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """How the broker is reached, and what is subscribed to."""
    host, _, port = given.broker.rpartition(":")
    known = ssl.create_default_context(cafile=given.ca)
    if given.certificate:
        known.load_cert_chain(given.certificate, given.key)
    broker = {
        "hostname": host,
        "port": int(port),
        "username": given.user,
        "password": os.environ.get("HADIR_BROKER_PASSWORD") if given.user else None,
        "tls_context": known if given.tls or given.ca or given.certificate else None,
    }
    topics = [f"hadir/v1/evt/{given.site}/#", f"hadir/v1/hist/{given.site}/+"]
    for unit in given.unit:
        topics += [f"hadir/v1/who/{given.site}/{unit}/#", f"hadir/v1/whohist/{given.site}/{unit}/+"]
    return broker, topics


async def main() -> None:
    """Until Ctrl-C."""
    given = arguments_of()
    broker, topics = broker_of(given)
    trust = ssl.create_default_context(cafile=given.ca)
    store, connected = Store(given.database), asyncio.Event()
    store.work()  # what an earlier life has stored and not handled
    headers = {"Authorization": f"Bearer {os.environ['HADIR_TOKEN']}"}
    async with (
        httpx.AsyncClient(base_url=given.web, headers=headers, timeout=30, verify=trust) as client,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(listen(store, topics, broker, connected), name="listen")
        group.create_task(keep_up(store, client, connected), name="keep up")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())

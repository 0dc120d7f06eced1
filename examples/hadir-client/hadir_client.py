"""A backend's reader of hadir: every event once, live over MQTT, and what it missed by GET /api/v1/events.

    python hadir_client.py --database events.sqlite --site kantor --broker 127.0.0.1:1883 --web http://127.0.0.1:8080

The token for the web comes from HADIR_TOKEN. Needs aiomqtt and httpx: pip install 'hadir[client]' brings both, and
nothing of hadir itself is imported: copy this file and change `handle`.

How it works. An event is the same event when its `id` is the same: the id is the primary key of the table, so that what
comes twice (live, on a history topic, from the web) is stored and handled once. Messages are acknowledged to nobody: a
broker that forgets, or a subscriber that was away, is made good by the web's cursor, which is stored with the events
that came by it. The cursor is asked at the start, after each new connection, and every minute; the live subscription
makes it fast in between.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiomqtt
import httpx

AGAIN_S = 60.0
RETRY_S = 2.0


class Store:
    """Events and the web's cursor, in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, type TEXT, time TEXT, subject TEXT, body TEXT)"
        )
        self._db.execute("CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), value TEXT)")

    @property
    def cursor(self) -> str:
        """Up to where the web has told everything; empty: nothing yet."""
        row = self._db.execute("SELECT value FROM cursor").fetchone()
        return "" if row is None else str(row[0])

    def add(self, events: Iterable[dict[str, Any]], cursor: str | None = None) -> list[dict[str, Any]]:
        """Store them, and the cursor with them, in one transaction; those that were new."""
        new = []
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for event in events:
                row = (event["id"], event["type"], event["time"], event["subject"], json.dumps(event))
                if event["type"] == "hadir.privacy.erased.v1" and not event["data"].get("pid"):
                    # its content is gone: the emptied body takes the place of the event of the same id
                    self._db.execute("INSERT OR REPLACE INTO event VALUES (?, ?, ?, ?, ?)", row)
                elif self._db.execute("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?)", row).rowcount:
                    new.append(event)
            if cursor is not None:
                self._db.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (cursor,))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return new

    def count(self) -> int:
        """How many there are."""
        return int(self._db.execute("SELECT count(*) FROM event").fetchone()[0])


def handle(event: dict[str, Any]) -> None:
    """What your backend does with a new event. It may come late, and out of order: see docs/contract."""
    print(event["time"], event["type"].removeprefix("hadir.").removesuffix(".v1"), event["subject"], flush=True)


async def catch_up(store: Store, web: str, token: str) -> None:
    """Everything behind the stored cursor. Raises httpx.HTTPError."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=web, headers=headers, timeout=30) as client:
        while True:
            answer = await client.get("/api/v1/events", params={"after": store.cursor})
            if answer.status_code == httpx.codes.CONFLICT:  # the archive was replaced: ids tell what is known already
                store.add((), "0")
                continue
            answer.raise_for_status()
            lines = answer.text.split("\n")
            for event in store.add((json.loads(line) for line in lines if line), answer.headers["hadir-cursor"]):
                handle(event)
            if answer.headers["hadir-more"] != "true":
                return


async def keep_up(store: Store, web: str, token: str, connected: asyncio.Event) -> None:
    """Until cancelled: at the start, after each connection, and every minute."""
    while True:
        connected.clear()
        try:
            await catch_up(store, web, token)
            wait = AGAIN_S
        except httpx.HTTPError as error:
            print(f"web: {error}", file=sys.stderr)
            wait = RETRY_S
        with suppress(TimeoutError):
            await asyncio.wait_for(connected.wait(), wait)


async def listen(store: Store, site: str, host: str, port: int, connected: asyncio.Event) -> None:
    """Until cancelled: events as they come. With an agency's account add who/SITE/UNIT/# and whohist/SITE/UNIT/+."""
    while True:
        try:
            async with aiomqtt.Client(host, port) as client:
                await client.subscribe([(f"hadir/v1/evt/{site}/#", 1), (f"hadir/v1/hist/{site}/+", 1)])
                connected.set()
                async for message in client.messages:
                    found = json.loads(message.payload)  # type: ignore[arg-type]
                    for event in store.add(found if isinstance(found, list) else [found]):
                        handle(event)
        except (aiomqtt.MqttError, ValueError) as error:
            print(f"broker: {error}", file=sys.stderr)
            await asyncio.sleep(RETRY_S)


async def main() -> None:
    """Until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Keep every event of a site once.")
    parser.add_argument("--database", type=Path, default=Path("events.sqlite"))
    parser.add_argument("--site", required=True)
    parser.add_argument("--broker", default="127.0.0.1:1883", metavar="HOST:PORT")
    parser.add_argument("--web", required=True, metavar="URL")
    arguments = parser.parse_args()
    host, _, port = arguments.broker.rpartition(":")
    store, connected = Store(arguments.database), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(listen(store, arguments.site, host, int(port), connected), name="listen")
        group.create_task(keep_up(store, arguments.web, os.environ["HADIR_TOKEN"], connected), name="keep up")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())

"""config/hadir.acl on a real Mosquitto: a site works with it, and a display sees no person."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import aiomqtt

from tests.conftest import Mosquitto
from tests.system.site import Site
from tests.system.test_two_gateways import FIRST, OFFICE, SECOND

ACL = Path(__file__).parents[2] / "config" / "hadir.acl"
SECRET = "secret"


async def seen_by(port: int, user: str, meanwhile: Callable[[], None]) -> set[str]:
    """Classes of what `user` is given of everything while something happens."""
    seen: set[str] = set()

    async def watch(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            seen.add(message.topic.value.split("/")[2])

    async with (
        aiomqtt.Client("127.0.0.1", port, username=user, password=SECRET) as client,
        asyncio.TaskGroup() as group,
    ):
        await client.subscribe("#", qos=1)
        watching = group.create_task(watch(client))
        await asyncio.to_thread(meanwhile)
        watching.cancel()
    return seen


def test_a_site_works_with_the_example_and_a_display_sees_no_person(
    tmp_path: Path, make_mosquitto: Callable[..., Mosquitto]
) -> None:
    passwords, secret = tmp_path / "passwords", tmp_path / SECRET
    users = ("gw-01", "gw-02", "archive", "display")
    passwords.write_text("".join(f"{user}:{SECRET}\n" for user in users))
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True, capture_output=True)
    secret.write_text(f"{SECRET}\n")
    user = "user root\n" if os.geteuid() == 0 else ""  # else it becomes one that cannot read a test's folder
    broker = make_mosquitto(f"{user}allow_anonymous false\npassword_file {passwords}\nacl_file {ACL}\n")
    site = Site(tmp_path / "site", broker, OFFICE, ("one", "two"))
    office = site.file.read_text()
    try:
        for name in ("archive", "gw-01", "gw-02"):
            site.file = site.folder / f"{name}.yaml"
            named = f"broker: {{username: {name}, password_file: {secret}, port:"
            site.file.write_text(office.replace("broker: {port:", named))
            site.start(name)

        def day() -> None:
            site.ready("gw-01")
            site.ready("gw-02")
            site.tap("one")
            site.until(lambda status: status["desks"] == {"taken": 1}, "gw-01")
            time.sleep(1.6)  # a card that is held is one tap; this is another
            site.tap("two")  # a reading for gw-02, and a command from the coordinator back to gw-01
            site.until(lambda status: status["desks"] == {"taken": 1}, "gw-02")
            site.until(lambda status: status["desks"] == {"free": 1}, "gw-01")
            site.drained("gw-01")
            site.drained("gw-02")

        assert asyncio.run(seen_by(broker.port, "display", day)) == {"state", "agg", "place"}
        assert [event["subject"] for event in site.stored("desk.checkin.started")] == [FIRST, SECOND]
    finally:
        site.close()

"""A Mosquitto that config/hadir.acl guards, and what one of its users is given."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import aiomqtt

from tests.conftest import Mosquitto

ACL = Path(__file__).parents[2] / "config" / "hadir.acl"
SECRET = "secret"


def guarded(make_mosquitto: Callable[..., Mosquitto], folder: Path, users: Iterable[str]) -> tuple[Mosquitto, Path]:
    """A running one whose users have SECRET as their password, and the file that it stands in."""
    passwords, secret = folder / "passwords", folder / SECRET
    passwords.write_text("".join(f"{user}:{SECRET}\n" for user in users))
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True, capture_output=True)
    secret.touch(0o600)
    secret.write_text(f"{SECRET}\n")
    user = "user root\n" if os.geteuid() == 0 else ""  # else it becomes one that cannot read a test's folder
    return make_mosquitto(f"{user}allow_anonymous false\npassword_file {passwords}\nacl_file {ACL}\n"), secret


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

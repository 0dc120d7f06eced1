"""`hadir tail` from afar: events over MQTT, by the broker that office.yaml names, or over the web's stream.

One event a line, each once (they may come twice: live, and again on a history topic). Until Ctrl-C; a connection that
breaks is made again. What the broker's ACL or the token does not allow does not come.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.config.model import Office
from gateway.contract import topics
from gateway.contract.arrival import HISTORY, LIVE
from gateway.contract.envelope import decode, decode_items
from gateway.contract.topics import PREFIX
from gateway.errors import ConfigError, HadirError, PermanentError, Problem
from gateway.supervise import full_jitter

MOST_KNOWN = 10_000
"""Ids that are remembered."""
TOKEN = "HADIR_TOKEN"  # noqa: S105 the name of a variable
Out = Callable[[str], None]


class Chosen:
    """Which events are asked for, and which were shown."""

    def __init__(self, types: list[str], place: str) -> None:
        self._types = frozenset(types)
        self._place = place.rstrip("/")
        self._known: OrderedDict[str, None] = OrderedDict()

    def take(self, kind: str, subject: str, identity: str) -> bool:
        """Whether this one is to be shown, now and never again."""
        if (self._types and kind not in self._types) or identity in self._known:
            return False
        if self._place and not (subject == self._place or subject.startswith(f"{self._place}/")):
            return False
        self._known[identity] = None
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return True


def follow(arguments: argparse.Namespace) -> int:
    """Run it. Raises HadirError; KeyboardInterrupt ends it."""
    source = str(arguments.source)
    chosen = Chosen(arguments.type, arguments.place)

    def out(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    if source.startswith(("http://", "https://")):
        asyncio.run(_web(source, _token(arguments.token_file), arguments, out))
    else:
        from gateway.config.load import load

        asyncio.run(_mqtt(load(Path(source)), arguments.topic, chosen, out))
    return 0


# --- MQTT -------------------------------------------------------------------------------------------------------------


def filters(office: Office, given: list[str]) -> list[str]:
    """Topic filters; below hadir/v1/ where they do not begin with it."""
    if not given:
        return [f"{PREFIX}/evt/{office.site}/#", f"{PREFIX}/hist/{office.site}/+"]
    whole = (f"{PREFIX}/", "homeassistant/")
    return [each if each.startswith(whole) else f"{PREFIX}/{each}" for each in given]


async def _mqtt(office: Office, wanted: list[str], chosen: Chosen, out: Out) -> None:
    try:
        import aiomqtt
    except ImportError as error:
        text = "`hadir tail office.yaml` needs aiomqtt: pip install 'hadir[client]'"
        raise ConfigError(Problem(file="installation", line=None, text=text)) from error
    from gateway.mqtt_wire import tls_context

    broker = office.broker
    password = None if broker.password_file is None else office.path(broker.password_file).read_text().strip()
    attempt = 0
    while True:
        try:
            async with aiomqtt.Client(
                broker.host,
                broker.port,
                username=broker.username,
                password=password,
                protocol=aiomqtt.ProtocolVersion.V5 if broker.protocol == "5" else aiomqtt.ProtocolVersion.V311,
                tls_context=None if broker.tls is None else tls_context(broker.tls, office.path(Path())),
            ) as client:
                for each in filters(office, wanted):
                    await client.subscribe(each, qos=1)
                async for message in client.messages:
                    attempt = 0
                    payload = message.payload if isinstance(message.payload, bytes) else b""
                    for line in lines(str(message.topic), payload, chosen):
                        out(line)
        except aiomqtt.MqttError as error:
            sys.stderr.write(f"hadir: {error}; trying again\n")
            await asyncio.sleep(full_jitter(attempt))
            attempt += 1


def lines(topic: str, payload: bytes, chosen: Chosen) -> Iterator[str]:
    """What is shown of a message: each event, or of another topic what it holds now."""
    parts = topics.parse(topic)
    if parts is None:
        return
    if parts.cls not in LIVE and parts.cls not in HISTORY:
        held = payload.decode(errors="replace")
        yield json.dumps({"topic": topic, "payload": _json(held)}, separators=(",", ":"), ensure_ascii=False)
        return
    try:
        found = [(payload, decode(payload))] if parts.cls in LIVE else decode_items(payload)
    except PermanentError as error:
        sys.stderr.write(f"hadir: {topic}: {error}\n")
        return
    for raw, event in found:
        if isinstance(event, PermanentError):
            sys.stderr.write(f"hadir: {topic}: {event}\n")
        elif chosen.take(event.type, event.subject, event.id):
            yield raw.decode().replace("\n", " ")


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


# --- the web ----------------------------------------------------------------------------------------------------------


def _token(path: Path | None) -> str:
    if path is None:
        if not os.environ.get(TOKEN):
            raise HadirError(f"give --token-file, or the token in {TOKEN}: hadir accounts office.yaml token --role ...")
        return os.environ[TOKEN]
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise HadirError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error


async def _web(base: str, token: str, arguments: argparse.Namespace, out: Out) -> None:
    try:
        import httpx
    except ImportError as error:
        text = "`hadir tail https://...` needs httpx: pip install 'hadir[client]'"
        raise ConfigError(Problem(file="installation", line=None, text=text)) from error
    parts = urlsplit(base)
    url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/api/v1/stream"
    query = [("type", name) for name in arguments.type] + ([("place", arguments.place)] if arguments.place else [])
    query += [("after", arguments.after)] if arguments.after else []
    last, attempt = "", 0
    async with httpx.AsyncClient(timeout=httpx.Timeout(30.0), headers={"Authorization": f"Bearer {token}"}) as client:
        while True:
            try:
                headers = {"Last-Event-ID": last} if last else {}
                async with client.stream("GET", url, params=query, headers=headers) as answer:
                    if answer.is_client_error:
                        await answer.aread()
                        _refused(url, answer.status_code, answer.text[:500])
                    answer.raise_for_status()
                    attempt = 0
                    async for identity, data in messages(answer.aiter_lines()):
                        last = identity or last
                        if data:
                            out(data)
            except httpx.HTTPError as error:
                sys.stderr.write(f"hadir: {type(error).__name__}: {error}; trying again\n")
            await asyncio.sleep(full_jitter(attempt))
            attempt += 1


def _refused(url: str, status: int, body: str) -> None:
    """It is our request that is wrong. Raises HadirError."""
    told = _json(body)
    raise HadirError(f"{url} answered {status}: {told.get('title') if isinstance(told, dict) else body}")


async def messages(given: AsyncIterator[str]) -> AsyncIterator[tuple[str, str]]:
    """(id, data) of server-sent events. A ping has neither."""
    identity, kind, data = "", "", list[str]()
    async for line in given:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name if line else "":
            case "id":
                identity = value
            case "event":
                kind = value
            case "data":
                data.append(value)
            case "" if not line:
                yield identity, "" if kind == "ping" else "\n".join(data)
                identity, kind, data = "", "", []
            case _:
                pass

"""`hadir serve`: the web application's daemon, on the archive's box. One TaskGroup: link, stream, server."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import uvicorn

from gateway.clock import Clock, SystemClock
from gateway.config.model import Office
from gateway.config.web_files import secret
from gateway.contract.topics import PREFIX
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.errors import HadirError, PermanentError
from gateway.mqtt import Link, Message
from gateway.people import PeopleTable
from gateway.web import hook_check
from gateway.web.accounts import Accounts
from gateway.web.app import build
from gateway.web.asking import Asker
from gateway.web.availability import Availability
from gateway.web.backend import Backend, alarms_of
from gateway.web.bookings.build import mirrored
from gateway.web.hooks import Hooks
from gateway.web.idempotency import Once
from gateway.web.live import Live
from gateway.web.muting import Muting
from gateway.web.oidc import Provider
from gateway.web.pairing import Pairing
from gateway.web.patience import Patient
from gateway.web.reading import Reading
from gateway.web.records.ahead import Ahead
from gateway.web.records.complete import Proofs
from gateway.web.records.followers import Followers
from gateway.web.rendering import Pages
from gateway.web.sealed import Sealer
from gateway.web.security import Haste
from gateway.web.session_limits import SessionLimits
from gateway.web.site import Site
from gateway.web.stream import MOST_READERS, Stream
from gateway.web.walks import Walks
from gateway.web.watch import Watch

_log = logging.getLogger(__name__)

TOPICS = ("state/{site}/#", "agg/{site}/#", "gw/{site}/+/status", "gw/{site}/+/health", "dev/{site}/#")
LOOK_S = 0.2
MOST_FILES = 16_384
ERASED_S = 30.0
KEEP_ALIVE_S = 15
MOST_CONNECTIONS = MOST_READERS + 1000
CLIENT = "web"
"""Where answers go: one name, so that a broker's list of rights can have it. What another process asked is ignored."""
SESSION, INSECURE = "__Host-hadir", "hadir"


class Serve:
    """The web application of one site."""

    def __init__(self, office: Office, file: Path, clock: Clock, wall: Clock | None = None) -> None:
        """Raises HadirError: the port is taken, a file cannot be opened, the site's key is missing."""
        hook_check.demand(office)
        wall = wall or SystemClock()
        counters = Counters()
        self._link = Link(
            office.web.broker or office.broker,
            client_id=f"hadir-{office.site}-web-{uuid4().hex[:8]}",
            clock=clock,
            counters=counters,
            base=office.path(Path()),
        )
        live = Live(office, clock)
        key = SiteKey.load(office.path(office.people.site_key))
        providers = _providers(office, wall)
        people = PeopleTable(office.path(office.people.table), key, clock)
        self._web = office.web
        reading = Reading(office)
        accounts = Accounts(
            office.path(office.web.data) / "web.sqlite",
            wall,
            people=people,
            limits=SessionLimits(office.web),
        )
        asker = Asker(self._link, office, clock, CLIENT)
        mirror = mirrored(office, accounts.connection, people, asker, clock)
        hooks = Hooks(
            office.web.hooks,
            {hook.id: secret(office.path(hook.secret_file)).encode() for hook in office.web.hooks},
            accounts.connection,
            reading,
            wall,
            office.site,
        )
        self.site = Site(
            office=office,
            file=file,
            clock=clock,
            wall=wall,
            live=live,
            stream=Stream(live),
            asker=asker,
            reading=reading,
            people=people,
            key=key,
            accounts=accounts,
            pages=Pages(zone=office.timezone, clock=clock, site_name=office.name or office.site),
            counters=counters,
            cookie=SESSION if office.web.secure else INSECURE,
            sealer=Sealer(key, wall),
            providers=providers,
            sign_ins=Haste(wall, burst=10, per_minute=6),
            arrivals=Haste(wall, burst=240, per_minute=240),
            changes=Haste(wall, burst=60, per_minute=60),
            watch=Watch(office, live, clock, wall, lambda: alarms_of(hooks, None if mirror is None else mirror.state)),
            muting=Muting(accounts.connection, wall),
            pairing=Pairing(clock),
            walks=Walks(wall),
            requests=Haste(wall, burst=office.web.requests_per_minute // 10, per_minute=office.web.requests_per_minute),
            availability=Availability(live, clock),
            ahead=Ahead(reading, clock),
            proofs=Proofs(office, clock),
            once=Once(accounts.connection, wall),
            followers=Followers(reading, wall),
            hooks=hooks,
            mirror=mirror,
        )
        self.site.accounts.forget_erased()
        self._socket = _listen(office.web.host, office.web.port)  # last: who can connect is answered
        for topic in TOPICS:
            self._link.subscribe(f"{PREFIX}/{topic.format(site=office.site)}", self._received)

    async def run(self) -> None:
        """Until cancelled."""
        # a service has no home, and matplotlib would look for its fonts anew at each start
        os.environ.setdefault("MPLCONFIGDIR", str(self.site.office.path(self._web.data) / "matplotlib"))
        config = uvicorn.Config(
            build(self.site),
            log_config=None,
            access_log=False,  # a line a request would say who looked at what
            server_header=False,
            proxy_headers=False,  # security.py reads them, of web.proxies alone
            http=Patient,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
            ssl_certfile=None if self._web.tls is None else self.site.office.path(self._web.tls.certificate),
            ssl_keyfile=None if self._web.tls is None else str(self.site.office.path(self._web.tls.key)),
        )
        server = _Server(config)
        try:
            async with asyncio.TaskGroup() as group:
                link = group.create_task(self._link.run(), name="link")
                watch = group.create_task(self._watch(), name="watch")
                stream = group.create_task(self.site.stream.run(), name="stream")
                backend = group.create_task(Backend(self.site).run(), name="backend")
                alarms = group.create_task(self.site.watch.run(), name="alarms")
                walks = group.create_task(self.site.walks.run(), name="walks")
                try:
                    await server.serve([self._socket])
                finally:
                    if server.started:
                        await server.shutdown([self._socket])
                    for task in (backend, walks, alarms, stream, watch, link):
                        task.cancel()
        finally:
            self.close()

    def close(self) -> None:
        """Close what it opened."""
        self._socket.close()
        self.site.people.close()
        self.site.accounts.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    async def _watch(self) -> None:
        """The picture is not to be believed while there is no broker; whoever was erased elsewhere is erased here."""
        looks = 0
        while True:
            self.site.live.set_connected(self._link.state.connected)
            looks += 1
            if looks % round(ERASED_S / LOOK_S) == 0:
                try:
                    self.site.accounts.forget_erased()
                except HadirError as error:  # whoever is erased can see nothing meanwhile: the people table decides
                    _log.warning("who was erased is not forgotten here yet: %s; trying again", error)
            await asyncio.sleep(LOOK_S)

    def _received(self, message: Message) -> None:
        try:
            self.site.live.take(message.topic, message.payload)
        except PermanentError as error:
            self.site.counters.add("web.refused", error.reason)
        message.ack()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: cancellation is the only stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None are."""
        yield


def _providers(office: Office, wall: Clock) -> dict[str, Provider]:
    """Raises ConfigError: a secret is missing, or others may read it."""
    return {
        issuer.id: Provider(
            issuer,
            secret="" if issuer.client_secret_file is None else secret(office.path(issuer.client_secret_file)),
            redirect=f"{office.web.address}/masuk/{issuer.id}/kembali",
            wall=wall,
            ca=None if issuer.ca is None else office.path(issuer.ca),
        )
        for issuer in office.web.issuers
    }


def _listen(host: str, port: int) -> socket.socket:
    """Raises HadirError."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        # connections inherit it; asyncio sets it on sockets of its own only, and a body waited 40 ms behind its head
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise HadirError(f"web: cannot listen on {host}:{port}: {error.strerror or error}") from error


def _more_files() -> None:
    """Each browser that looks holds one open: a shell's 1,024 are too few, and the system allows more when asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def serve(arguments: argparse.Namespace) -> int:
    """Run it; the exit status."""
    from gateway.config.load import load
    from gateway.daemon import clock_of, run_until_stopped
    from gateway.decode import installed

    office = load(arguments.file, drivers=installed())
    clock: Clock = SystemClock() if arguments.clock is None else clock_of(arguments.clock)
    _more_files()
    app = Serve(office, arguments.file.resolve(), clock)
    if not arguments.with_parent:  # else whoever started it says where
        sys.stdout.write(f"hadir serve: {office.web.address}\n")
        sys.stdout.flush()
    return run_until_stopped(app.run, arguments)

"""Every role of an office on one machine: broker, gateways, archive and web pages as child processes, kept running.

`hadir up` is this; `hadir demo` adds a simulated office to it. A child that is told `--with-parent` ends when its
standard input closes, so no role outlives a parent that was killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.config.model import Office
from gateway.errors import HadirError
from gateway.supervise import full_jitter

_log = logging.getLogger(__name__)

STOP_S = 1.5
"""How long a child has for its goodbye; Ctrl-C must end everything within 2 s."""
EXIT_CONFIG = 2
"""Exit status of a child that a person has to help: its configuration is wrong, its ledger damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One child process."""

    name: str
    arguments: tuple[str, ...]
    """Of `hadir`: ("run", "office.yaml", "--gateway", "gw-05")."""
    environment: Mapping[str, str]


def roles(office: Office, file: Path, *, extra: Sequence[str] = (), web: bool = True) -> list[Role]:
    """The archive, the web application and all gateways of an office; `extra` arguments go to each."""
    common = (*extra, "--with-parent")
    archive = Role(name="archive", arguments=("ingest", str(file), *common), environment={})
    gateways = [
        Role(name=gateway.id, arguments=("run", str(file), "--gateway", gateway.id, *common), environment={})
        for gateway in office.gateways
    ]
    pages = Role(name="web", arguments=("serve", str(file), *common), environment={})
    return [archive, *([pages] if web else []), *gateways]


class Children:
    """Running roles. `pids` is readable at any time."""

    def __init__(self, wanted: Sequence[Role], *, log: Path | None = None) -> None:
        """`log`: a folder for the children's output, a file each; without it they write to our standard error."""
        self._wanted = tuple(wanted)
        self._log = log
        self._beyond: set[str] = set()
        """Roles that trying again would not help."""
        self.pids: dict[str, int] = {}
        self.restarts = 0

    async def run(self) -> None:
        """Keep all roles running until cancelled, then end them. Raises HadirError when none of them can start.

        A role that cannot start is left alone, and the others go on: a damaged ledger must not stop a gateway, which
        keeps what it says until the archive is back.
        """
        if self._log is not None:
            self._log.mkdir(parents=True, exist_ok=True)
        try:
            async with asyncio.TaskGroup() as group:
                for role in self._wanted:
                    group.create_task(self._keep(role), name=f"role {role.name}")
        except ExceptionGroup as errors:
            first, *others = errors.exceptions
            if others or not isinstance(first, HadirError):
                raise
            raise first from None

    async def _keep(self, role: Role) -> None:
        attempt = 0
        while True:
            code = await self._once(role)
            if code == EXIT_CONFIG:
                self._beyond.add(role.name)
                if len(self._beyond) == len(self._wanted):
                    raise HadirError(f"{role.name} cannot start: what is wrong is said above")
                _log.error("%s cannot start: what is wrong is said above; mend it and start hadir again", role.name)
                await asyncio.Event().wait()
            self.restarts += 1
            delay = full_jitter(attempt)
            attempt += 1
            _log.warning("%s ended with status %d; starting it again in %.1f s", role.name, code, delay)
            await asyncio.sleep(delay)

    async def _once(self, role: Role) -> int:
        output = None if self._log is None else (self._log / f"{role.name}.log").open("ab")
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.cli",
                *role.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **role.environment},
                start_new_session=True,  # Ctrl-C is for us: we end the children in their order
            )
        finally:
            if output is not None:
                output.close()
        self.pids[role.name] = process.pid
        try:
            return await process.wait()
        finally:
            del self.pids[role.name]
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask a child to stop, insist after a while, and wait for its end."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.shield(asyncio.wait_for(process.wait(), STOP_S))
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
    if process.stdin is not None:
        process.stdin.close()

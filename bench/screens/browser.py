"""A real Chromium that this machine has, started for tests and pictures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypedDict

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first is the same engine without a window's parts: it takes a third of the time."""
ARGUMENTS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Launch(TypedDict):
    """What Playwright is to start."""

    executable_path: str
    args: list[str]


def launch(*hosts: str) -> Launch:
    """A browser that reaches `hosts` and nothing beyond them. Raises FileNotFoundError: none is installed."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise FileNotFoundError("there is no chromium: deploy/test-servers.sh installs it (as `make test` does)")
    reached = "".join(f", EXCLUDE {host}" for host in hosts)
    return {"executable_path": path, "args": [*ARGUMENTS, f"--host-resolver-rules=MAP * ~NOTFOUND{reached}"]}


@contextmanager
def browser(*hosts: str) -> Iterator[Browser]:
    """One browser, as `launch`; every context of it is a stranger to the others."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(**launch(*hosts))
        yield made
        made.close()

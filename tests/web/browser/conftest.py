"""A real Chromium, and a real site to look at.

Playwright's synchronous driver keeps an event loop running in its thread, in which no asynchronous test of the same
worker could run: so it lives as long as one module, whose tests are all synchronous. Driver and browser are there in
0.7 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

import pytest
from playwright.sync_api import Browser

from bench.screens.browser import browser
from bench.screens.served import Served, served
from tests.web.browser.windows import Windows


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A morning of a small building, and a floor of 200 desks. No gateway answers: for pages that are only read."""
    with served(
        tmp_path_factory.mktemp("office"), days=1, floors=1, desks=6, people=14, crowd=200, until=time(10)
    ) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser; every window of it is a stranger to the others."""
    with browser("127.0.0.1") as made:
        yield made


@pytest.fixture(scope="module")
def kept(chromium: Browser) -> Iterator[Windows]:
    """Windows that many tests use one after the other: each has to check them."""
    made = Windows(chromium)
    yield made
    made.close()


@pytest.fixture
def windows(chromium: Browser) -> Iterator[Windows]:
    """Opens windows; at the end each must have been without an error."""
    made = Windows(chromium)
    yield made
    made.close()

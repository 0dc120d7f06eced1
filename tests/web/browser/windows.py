"""Windows of a browser that take down what goes wrong in them: script errors, refused by policy, requests elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

PHONE, DESKTOP = (375, 812), (1280, 900)
PATIENCE_MS = 10_000
"""A guard against hanging, not a claim about speed."""


@dataclass
class Windows:
    """Of one browser. Nothing is shared between two windows."""

    browser: Browser
    problems: list[str] = field(default_factory=list)
    expected: set[str] = field(default_factory=set)
    """Parts of messages of the console that a test has caused on purpose."""
    _contexts: list[BrowserContext] = field(default_factory=list)
    _kept: dict[object, Page] = field(default_factory=dict)

    def again(self, key: object, url: str, how: Callable[[], dict[str, Any]]) -> Page:
        """The window that was opened under `key`, else a new one: it keeps what it has fetched, as a person's does."""
        if key not in self._kept:
            self._kept[key] = self.open(url, **how())
        return self._kept[key]

    def open(
        self,
        url: str,
        *,
        size: tuple[int, int] = PHONE,
        language: str = "",
        dark: bool = False,
        cookies: dict[str, str] | None = None,
    ) -> Page:
        """A new window at `url`'s site, which is not loaded yet. `cookies` are the site's."""
        width, height = size
        context = self.browser.new_context(
            base_url=url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            has_touch=size == PHONE,
            reduced_motion="reduce",
        )
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        wanted = dict(cookies or {})
        if language:
            wanted["hadir_bahasa"] = language
        context.add_cookies(
            [
                {"name": name, "value": value, "url": url.replace("http:", "https:"), "secure": True}
                for name, value in wanted.items()
            ]
        )
        context.on("request", self._asked)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.problems.append(f"script error: {error.error}"))
        return context.new_page()

    def taken(self) -> list[str]:
        """What went wrong in any of them since the last time."""
        found, self.problems[:] = list(self.problems), []
        self.expected.clear()
        return found

    def check(self) -> None:
        """AssertionError: something went wrong in one of them since the last time."""
        found = self.taken()
        assert not found, "\n".join(found)

    def close(self) -> None:
        """Close all windows. AssertionError: something went wrong in one of them."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()
        self.check()

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", None):
            self.problems.append(f"a request leaves this machine: {request.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(part in message.text for part in self.expected):
            self.problems.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

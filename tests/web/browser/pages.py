"""Which pages are looked at: those of the menu, and those in the table below. A new page is a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import NamedTuple

from gateway.web import pages
from gateway.web.menu import MENU
from gateway.web.viewer import Role

PERSON = 1
"""Of the tower: an employee, unless the page is of nobody in particular."""
CROWDED = "/denah/kk2-t3/l09"
"""A floor of 200 desks."""


class Seen(NamedTuple):
    """A page and who looks at it."""

    path: str
    roles: tuple[Role, ...] = ()
    person: bool = False
    place: str = ""
    """Of a kiosk or display."""
    status: int = 200

    @property
    def who(self) -> str:
        """For the test's name."""
        return "+".join([*self.roles, *(["employee"] if self.person else [])]) or "nobody"


MORE = (  # a kiosk forgets every cookie of a language, and has tests of its own: tests/web/test_kiosk_browser.py
    Seen("/masuk"),
    Seen("/d", person=True),
    Seen("/d?kode=22222222", person=True, status=404),
    Seen("/tidak-ada", person=True, status=404),
    Seen(CROWDED, person=True),
    Seen(f"{CROWDED}?tampil=daftar", person=True),
    Seen(f"/operator{CROWDED}", (Role.OPERATOR,)),
)


def all_pages() -> Iterator[Seen]:
    """Every page that there is: once for each kind of viewer that the menu shows it to."""
    for entry in MENU:
        if is_there(entry.path):
            for role in sorted(entry.roles - {Role.DISPLAY}):
                employee = role == Role.EMPLOYEE
                yield Seen(entry.path, () if employee else (role,), person=employee)
    yield from (seen for seen in MORE if seen.status == 404 or is_there(seen.path))


def is_there(path: str) -> bool:
    """Whether a route serves it."""
    path = path.partition("?")[0]
    return any(re.fullmatch(pattern, path) for pattern in _patterns())


def _patterns() -> Iterator[str]:
    for module in iter_modules(pages.__path__):
        router = getattr(import_module(f"{pages.__name__}.{module.name}"), "router", None)
        for route in [] if router is None else router.routes:
            if "GET" in route.methods:
                yield re.sub(r"\\?\{[^}]*\\?\}", "[^/]+", route.path)

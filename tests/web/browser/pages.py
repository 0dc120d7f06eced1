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
"""A floor of 200 desks."""


class Seen(NamedTuple):
    """A page and who looks at it."""

    path: str
    """With {desk}, {place}, {floor} and the like: bench.screens.served.Served.words."""
    roles: tuple[Role, ...] = ()
    person: bool = False
    place: str = ""
    """Of a kiosk: below the site."""
    status: int = 200
    asks: bool = False
    """Its address says the language: it is nobody's screen."""

    @property
    def who(self) -> str:
        """For the test's name."""
        return "+".join([*self.roles, *(["employee"] if self.person else [])]) or "nobody"


OPERATOR = (Role.OPERATOR,)
MORE = (
    Seen("/masuk"),
    Seen("/d", person=True),
    Seen("/d?kode=22222222", person=True, status=404),
    Seen("/tidak-ada", person=True, status=404),
    Seen("/denah/{crowded}?tampil=daftar", person=True),
    Seen("/operator/denah/{crowded}", OPERATOR),
    Seen("/akun", person=True),
    Seen("/d/{desk}", person=True),
    Seen("/denah/{crowded}", person=True),
    Seen("/riwayat/koreksi", person=True),
    Seen("/riwayat/hapus", person=True),
    Seen("/riwayat/gangguan/{today}", person=True),
    Seen("/operator/perangkat/{device}", OPERATOR),
    Seen("/operator/gerbang/laporan", OPERATOR),
    Seen("/operator/denah/{floor}", OPERATOR),
    Seen("/operator/pemasangan/jalan", OPERATOR),
    Seen("/operator/pemasangan/kode", OPERATOR),
    Seen("/mengapa", OPERATOR),
    Seen("/mengapa?tempat={place}", OPERATOR),
    Seen("/operator/koreksi/{correction}", OPERATOR),
    Seen("/kiosk", (Role.KIOSK,), place="{floor}", asks=True),
    Seen("/kiosk/tamu", (Role.KIOSK,), place="{floor}", asks=True),
)
NO_PAGES = (
    r".*\.(csv|json|xlsx|pdf|png|svg)",  # files
    r".*/(isi|kini)",  # parts of a page that are fetched anew
    r"/denah/.*/tempat/.*",
    r"/langsung/.*",  # a stream
    r"/bahasa/.*|/denah/saya|/riwayat/gangguan|/masuk/.+",  # they lead elsewhere
    r"/operator/pemasangan/(kartu|perangkat|jalan)/.*",  # test_story.py looks at those while a window is open
)
"""What is fetched, but is no page, or is looked at elsewhere."""


def all_pages() -> Iterator[Seen]:
    """Every page that there is, as the first role that the menu shows it to has it."""
    for entry in MENU:
        if is_there(entry.path):
            employee = Role.EMPLOYEE in entry.roles
            yield Seen(entry.path, () if employee else (sorted(entry.roles, reverse=True)[0],), person=employee)
    yield from (seen for seen in MORE if seen.status == 404 or is_there(seen.path))


def is_there(path: str) -> bool:
    """Whether a route serves it."""
    return any(re.fullmatch(pattern, _plain(path)) for pattern in _patterns())


def not_looked_at() -> list[str]:
    """Routes of pages that the table above forgets."""
    paths = [_plain(seen.path) for seen in all_pages()]
    return sorted(
        pattern.replace("[^/]+", "{}")
        for pattern in _patterns()
        if not any(re.fullmatch(pattern, path) for path in paths)
        and not any(re.fullmatch(one, pattern.replace("[^/]+", "x")) for one in NO_PAGES)
    )


def _plain(path: str) -> str:
    return path.partition("?")[0].replace("{floor}", "b/f").replace("{crowded}", "b/f")


def _patterns() -> Iterator[str]:
    for module in iter_modules(pages.__path__):
        router = getattr(import_module(f"{pages.__name__}.{module.name}"), "router", None)
        for route in [] if router is None else router.routes:
            if "GET" in route.methods:
                yield re.sub(r"\{[^}]*\}", "[^/]+", route.path)

"""The menu: which pages a viewer's roles lead to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gateway.web.rendering import N_
from gateway.web.viewer import Role, Viewer


class Entry(NamedTuple):
    """One page of the menu."""

    path: str
    text: str
    roles: frozenset[Role]


def _entry(path: str, text: str, *roles: Role) -> Entry:
    return Entry(path, text, frozenset(roles))


MENU = (
    _entry("/", N_("Beranda"), Role.EMPLOYEE),
    _entry("/denah", N_("Denah"), Role.EMPLOYEE, Role.OPERATOR, Role.ANALYST, Role.DISPLAY),
    _entry("/orang", N_("Siapa di kantor"), Role.EMPLOYEE),
    _entry("/riwayat", N_("Riwayat saya"), Role.EMPLOYEE),
    _entry("/privasi", N_("Privasi"), Role.EMPLOYEE),
    _entry("/operator", N_("Ringkasan"), Role.OPERATOR),
    _entry("/operator/perangkat", N_("Perangkat"), Role.OPERATOR),
    _entry("/operator/pemasangan", N_("Pemasangan"), Role.OPERATOR),
    _entry("/operator/gerbang", N_("Gerbang & gangguan"), Role.OPERATOR),
    _entry("/operator/koreksi", N_("Koreksi"), Role.OPERATOR),
    _entry("/laporan", N_("Laporan"), Role.OPERATOR, Role.ANALYST),
)


def entries(viewer: Viewer) -> Iterator[Entry]:
    """What this viewer may open."""
    return (entry for entry in MENU if viewer.has(*entry.roles))


def current(viewer: Viewer, path: str) -> str:
    """The entry that a path belongs to: the longest that it is below; empty: none."""
    below = [entry.path for entry in entries(viewer) if path == entry.path or path.startswith(f"{entry.path}/")]
    return max(below, key=len, default="")

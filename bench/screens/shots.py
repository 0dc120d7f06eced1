"""Which pictures are taken. A new one is an entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from bench.screens.served import Served
from gateway.web.viewer import Role

PHONE, DESKTOP = "phone", "desktop"
SIZES = {PHONE: (375, 812), DESKTOP: (1280, 900)}
BOTH = (PHONE, DESKTOP)
AYU = 1
"""An employee who is at a desk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One page, in one or two sizes."""

    name: str
    title: str
    says: str
    path: str
    """With {desk}, {code}, {device}, {floor} and the like: served.Served.words."""
    roles: tuple[Role, ...] = ()
    person: int = -1
    place: str = ""
    """Of a kiosk or display: without the site."""
    language: str = "id"
    dark: bool = False
    sizes: tuple[str, ...] = BOTH
    act: Callable[[Page, Served], None] | None = None
    """What is done before the picture is taken."""


OPERATOR = (Role.OPERATOR, Role.ANALYST)
SHOTS = (
    Shot(name="masuk", title="Masuk", says="Signing in: one's own agency, or a one-time code.", path="/masuk"),
    Shot(name="beranda", title="Beranda", says="An employee: my desk, what is free near me.", path="/", person=AYU),
    Shot(
        name="beranda-en-dark",
        title="Beranda, in English and in the dark",
        says="The language is the reader's; colours follow the device.",
        path="/",
        person=AYU,
        language="en",
        dark=True,
    ),
    Shot(name="denah", title="Denah", says="The live plan: colour, shape and word.", path="/denah/{floor}", person=AYU),
    Shot(
        name="denah-200",
        title="Denah of 200 desks",
        says="A floor without a drawing, laid out from the configuration.",
        path="/denah/{crowded}",
        person=AYU,
    ),
    Shot(
        name="ringkasan",
        title="Ringkasan",
        says="An operator: what needs somebody now, most urgent first.",
        path="/operator",
        roles=OPERATOR,
    ),
    Shot(
        name="perangkat",
        title="Perangkat",
        says="Every device with place, battery, signal, quality.",
        path="/operator/perangkat",
        roles=OPERATOR,
    ),
    Shot(
        name="gerbang",
        title="Gerbang & gangguan",
        says="Gateways, backlog, clocks, and when something was not heard.",
        path="/operator/gerbang",
        roles=OPERATOR,
    ),
    Shot(
        name="laporan",
        title="Laporan",
        says="Use by hour and weekday, with the data's coverage beside every figure.",
        path="/laporan?tempat={site}/{floor}",
        roles=OPERATOR,
    ),
)

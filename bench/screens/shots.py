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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One page, in one or two sizes."""

    name: str
    title: str
    says: str
    path: str
    """With {desk}, {code}, {device}, {floor} and the like: served.Served.words."""
    roles: tuple[Role, ...] = ()
    person: bool = False
    """As an employee who is at a desk."""
    place: str = ""
    """Of a kiosk or display: without the site."""
    language: str = "id"
    dark: bool = False
    sizes: tuple[str, ...] = BOTH
    act: Callable[[Page, Served], None] | None = None
    """What is done before the picture is taken."""


def _chosen(page: Page, _site: Served) -> None:
    """A place of the plan is open."""
    page.locator(".sp[data-s=free]").first.click()
    page.locator("#tempat").wait_for(state="visible")


OPERATOR = (Role.OPERATOR, Role.ANALYST)
SHOTS = (
    Shot(name="masuk", title="Masuk", says="Signing in by a one-time code, or at one's own agency.", path="/masuk"),
    Shot(
        name="beranda",
        title="Beranda",
        says="My desk with one large button, what is free near me, and what the office knows of me.",
        path="/",
        person=True,
    ),
    Shot(
        name="beranda-en-dark",
        title="Beranda, in English, in the dark",
        says="The language is the reader's choice; colours follow the device.",
        path="/",
        person=True,
        language="en",
        dark=True,
    ),
    Shot(
        name="denah",
        title="Denah",
        says="The live plan: colour and shape, and the word in the bar above, which names the place at hand and why.",
        path="/denah/{floor}",
        person=True,
        act=_chosen,
    ),
    Shot(
        name="denah-200",
        title="Denah: 200 desks",
        says="A floor without a drawing is laid out from the configuration.",
        path="/denah/{crowded}",
        person=True,
    ),
    Shot(
        name="denah-daftar",
        title="Denah as a list",
        says="The same for screen readers, and for whoever prefers it.",
        path="/denah/{floor}?tampil=daftar",
        person=True,
    ),
    Shot(
        name="meja",
        title="Meja",
        says="The page behind a desk's sticker: take, leave, reserve, or why not.",
        path="/d/{free}",
        person=True,
    ),
    Shot(
        name="orang",
        title="Siapa di kantor",
        says="Only people who share that they are in.",
        path="/orang",
        person=True,
    ),
    Shot(
        name="riwayat",
        title="Riwayat saya",
        says="One's own acts: taps once they are stored, what was asked for here also pending or refused;"
        " corrections, download, erasure.",
        path="/riwayat",
        person=True,
    ),
    Shot(
        name="privasi",
        title="Privasi",
        says="What each sensor near me sees, quiet mode, and who looked me up.",
        path="/privasi",
        person=True,
    ),
    Shot(
        name="kiosk",
        title="Kiosk",
        says="At an entrance: tap the card, choose the desk, confirm. It forgets after 15 seconds.",
        path="/kiosk",
        roles=(Role.KIOSK,),
        place="{floor}/_/_",
        sizes=(DESKTOP,),
    ),
    Shot(
        name="ringkasan",
        title="Ringkasan",
        says="What needs an operator now, most urgent first, each with cause and next step.",
        path="/operator",
        roles=OPERATOR,
    ),
    Shot(
        name="perangkat",
        title="Perangkat",
        says="Every device: place, last heard, battery, signal, quality, driver.",
        path="/operator/perangkat",
        roles=OPERATOR,
    ),
    Shot(
        name="pemasangan",
        title="Pemasangan",
        says="Pairing a device or enrolling a card within 60 seconds.",
        path="/operator/pemasangan",
        roles=OPERATOR,
    ),
    Shot(
        name="gerbang",
        title="Gerbang & gangguan",
        says="Gateways, backlogs, clocks, and a day's gaps on a timeline; a report to print.",
        path="/operator/gerbang",
        roles=OPERATOR,
    ),
    Shot(
        name="editor",
        title="Denah editor",
        says="Places and devices are put on the plan and saved as a change of office.yaml.",
        path="/operator/denah/{floor}",
        roles=OPERATOR,
    ),
    Shot(
        name="mengapa",
        title="Mengapa",
        says="The evidence of a state, what lost, and what would change it.",
        path="/mengapa?tempat={place}",
        roles=OPERATOR,
    ),
    Shot(
        name="koreksi",
        title="Koreksi",
        says="What employees ask to have corrected.",
        path="/operator/koreksi",
        roles=OPERATOR,
    ),
    Shot(
        name="laporan",
        title="Laporan",
        says="Use by hour and weekday; the data's coverage beside every figure; small groups suppressed.",
        path="/laporan?tempat={site}/{floor}",
        roles=OPERATOR,
    ),
)

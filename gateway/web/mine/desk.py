"""One desk, as its page tells it to one person: what it is, whether they may take it, and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.clock import SECOND
from gateway.config.places import Spot
from gateway.errors import TransientError
from gateway.ledger_view import View
from gateway.web.live import HELD, PlaceNow
from gateway.web.mine.places import admits, is_silent
from gateway.web.mine.record import Booking
from gateway.web.mine.standing import Standing
from gateway.web.records.reservations import of_place
from gateway.web.rendering import N_
from gateway.web.site import Site
from gateway.web.viewer import Viewer

WHY_WORDS: Mapping[str, str] = {
    "mine": N_("Meja ini sudah Anda pakai."),
    "taken": N_("Meja ini sedang dipakai orang lain."),
    "reserved": N_("Meja ini dipesan orang lain untuk saat ini."),
    "unit": N_("Meja ini hanya untuk pegawai unit pemiliknya. Tamu dari unit lain tidak dapat memakainya."),
    "out_of_order": N_("Meja ini sedang tidak dapat dipakai: ditutup oleh operator."),
    "room": N_("Ruang ini dipesan, tidak diambil seperti meja."),
    "silent": N_("Gerbang meja ini sedang tidak terdengar, sehingga pengambilan belum dapat dicatat."),
    "changed": N_("Keadaan meja berubah saat Anda menekan tombol. Lihat keadaannya sekarang, lalu coba lagi."),
    "not_yours": N_("Meja ini tidak sedang Anda pakai, jadi tidak ada yang dilepaskan."),
    "overlap": N_("Sudah ada pemesanan lain pada jam itu."),
    "past": N_("Jam selesai harus setelah jam mulai, dan belum lewat."),
    "external": N_("Pemesanan meja di kantor ini dilakukan di sistem pemesanan lain."),
    "gone": N_("Pemesanan itu sudah tidak ada."),
}
"""Why an act at a desk was, or would be, refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A desk for one person."""

    now: PlaceNow
    spot: Spot
    mine: bool
    """They hold it."""
    bookings: tuple[Booking, ...]
    """Theirs, of this desk, the next first."""
    why: str
    """Why they cannot take it now: a word of WHY_WORDS; empty: they can."""
    unclaimed: bool
    """Somebody is sensed, and nobody has taken it: maybe the one who asks."""
    reservable: str
    """Why they cannot book it; empty: they can."""


def desk_for(site: Site, place: str, viewer: Viewer, standing: Standing) -> Desk:
    """The desk as it is. Raises KeyError: no configured space."""
    now, spot = site.live.now(place), site.live.places.spots[place]
    if now is None:
        raise KeyError(place)
    mine = standing.desk is not None and standing.desk.visit.place == place
    bookings = tuple(one for one in standing.bookings if one.place == place)
    return Desk(
        now=now,
        spot=spot,
        mine=mine,
        bookings=bookings,
        why=_why(site, now, spot, viewer, mine=mine, bookings=bookings),
        unclaimed=now.state == "occupied" and now.life == "free",
        reservable=_not_reservable(site, now, spot, viewer),
    )


def _why(site: Site, now: PlaceNow, spot: Spot, viewer: Viewer, *, mine: bool, bookings: Sequence[Booking]) -> str:
    """The order is that of rules.desk_acts."""
    if mine:
        return "mine"
    if spot.space.kind != "desk":
        return "room"
    if now.status == "closed":
        return "out_of_order"
    if is_silent(site, now):
        return "silent"
    if now.life in HELD:
        return "taken"
    if now.life == "reserved":
        at, lead = site.clock.office(), int(site.office.rules.desk.lead_s * SECOND)
        return "" if any(one.starts - lead <= at < one.ends for one in bookings) else "reserved"
    return "" if admits(spot, viewer.unit) else "unit"


def _not_reservable(site: Site, now: PlaceNow, spot: Spot, viewer: Viewer) -> str:
    if site.office.rules.desk.bookings == "external":
        return "external"
    if now.status == "closed":
        return "out_of_order"
    if is_silent(site, now):
        return "silent"
    return "" if admits(spot, viewer.unit) else "unit"


async def booked_times(site: Site, place: str, standing: Standing) -> list[tuple[int, int]]:
    """When others have booked a place from now on, without a name: from the copies that everybody may read."""
    now = site.clock.office()
    own = standing.record.reserved.union(one.ref for one in standing.bookings)

    def read(view: View) -> list[tuple[int, int]]:
        return [(each.start, each.end) for each in of_place(view, place, now) if each.ref not in own]

    try:
        return await site.reading.ask(read)
    except TransientError:
        return []

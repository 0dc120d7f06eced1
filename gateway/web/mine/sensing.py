"""What the devices near a person are and what each kind of them can see, from the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from drivers.api import Driver
from gateway.config.connections import RECEIVER
from gateway.config.model import Device
from gateway.decode import installed
from gateway.web.mine.places import zone_name
from gateway.web.rendering import N_
from gateway.web.site import Site

MODALITIES: Mapping[str, tuple[str, str]] = {
    "badge": (
        N_("Pembaca kartu"),
        N_(
            "Hanya kartu yang Anda ketukkan sendiri. Nomor kartu langsung diganti kode; yang disimpan adalah siapa, di"
            " mana, dan kapan mengetuk."
        ),
    ),
    "tag": (
        N_("Penerima radio"),
        N_(
            "Tag yang terdaftar dan Anda bawa, dan di zona mana ia terdengar. Ponsel dan perangkat lain diabaikan."
            " Bukan isi percakapan, bukan titik persis."
        ),
    ),
    "radar": (
        N_("Radar kehadiran"),
        N_("Apakah ada orang yang bergerak atau bernapas di tempat itu. Bukan siapa, tanpa gambar, tanpa suara."),
    ),
    "pir": (
        N_("Sensor gerak (inframerah)"),
        N_("Gerakan benda hangat, sesaat. Bukan siapa, tanpa gambar, tanpa suara."),
    ),
    "seat": (
        N_("Sensor kursi atau meja"),
        N_("Apakah kursi atau meja itu sedang dipakai. Bukan siapa."),
    ),
    "contact": (
        N_("Sensor pintu"),
        N_("Apakah pintu terbuka atau tertutup. Bukan siapa yang lewat."),
    ),
    "counter": (
        N_("Penghitung orang"),
        N_(
            "Berapa orang di ruangan, atau lewat di pintu. Hanya angka; jumlah di bawah lima tidak disebut"
            " dalam laporan."
        ),
    ),
    "environment": (
        N_("Sensor udara (CO₂, suhu, kelembapan)"),
        N_("Udara ruangan. Dari kadar CO₂ dapat diduga ruangan berisi atau kosong, bukan siapa isinya."),
    ),
}
"""By modality: what it is called, and what it sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Devices of one kind near a person."""

    modality: str
    count: int
    zones: tuple[str, ...]
    """Names of the zones that they are in."""


@lru_cache(maxsize=1)
def _drivers() -> Mapping[str, Driver]:
    return installed()


def kinds_near(site: Site, zones: Iterable[str]) -> list[Kind]:
    """Devices in the floors of these zones, by kind; none named: of the whole site."""
    floors = {zone.rsplit("/", 2)[0] for zone in zones}
    found: dict[str, list[str]] = {}
    for device in site.office.devices:
        place = site.live.places.full(device.place)
        if place is not None and (not floors or "/".join(place.split("/", 3)[:3]) in floors):
            found.setdefault(modality_of(device), []).append(zone_name(site, place))
    return [
        Kind(modality=word, count=len(found[word]), zones=tuple(dict.fromkeys(found[word])))
        for word in (*MODALITIES, *sorted(set(found) - set(MODALITIES)))
        if word in found
    ]


def modality_of(device: Device) -> str:
    """As gateway.bindings has it, without a device's keys and mappings."""
    if device.modality is not None:
        return device.modality
    if device.driver == RECEIVER:
        return "tag"
    driver = _drivers().get(device.driver)
    if driver is None:
        return device.driver
    return driver.profile_modality.get(device.profile or "", driver.modality)

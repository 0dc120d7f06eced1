"""What would change a state, the nearest first, in the page's language: by the configuration as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.config.model import Office
from gateway.web.rendering import N_, Language

Held = Mapping[str, Any]
UNKNOWNS: Mapping[str, str] = {
    "unconfigured": N_("Dengan sensor: belum ada yang terpasang untuk tempat ini."),
    "gateway_down": N_("Bila gerbangnya terdengar lagi, ia mengatakan apa kata sensornya."),
    "radio_deaf": N_("Bila penerima radionya mendengar lagi."),
    "clock_bad": N_("Bila jam gerbangnya sudah benar."),
}


class WouldChange:
    """For one answer."""

    def __init__(self, language: Language, office: Office, at: int) -> None:
        self._language, self._office, self._at = language, office, at
        self._t = language.text

    def of(self, answer: Held) -> list[str]:
        """Sentences."""
        if answer["kind"] == "person":
            return [*self._presence(answer["presence"])]
        if answer["kind"] == "zone":
            return [self._t(N_("Zona mengikuti tempat di dalamnya: buka salah satunya."))]
        found = [*self._occupancy(str(answer["place"]), answer["occupancy"])]
        if "desk" in answer:
            found += self._desk(answer["desk"])
        return found

    def _occupancy(self, place: str, held: Held) -> Iterator[str]:
        short = place.partition("/")[2]
        names = [device.id for device in self._office.devices if device.place == short and device.driver != "receiver"]
        named = ", ".join(names) or self._t(N_("belum ada"))
        if held["state"] == "occupied":
            yield self._t(
                N_("Menjadi kosong: bila perangkatnya (%(names)s) cukup lama tidak melihat orang."), names=named
            )
        elif held["state"] == "vacant":
            text = N_(
                "Menjadi ada orang: begitu salah satu perangkatnya (%(names)s) melihat orang, atau ada kartu ditap."
            )
            yield self._t(text, names=named)
        elif held.get("cause") in UNKNOWNS:
            yield self._t(UNKNOWNS[held["cause"]])
        else:
            yield self._t(N_("Menjadi pasti: begitu salah satu perangkatnya (%(names)s) berbicara."), names=named)
        if held["state"] in ("occupied", "vacant"):
            yield self._t(N_("Menjadi tidak diketahui: bila semua perangkatnya diam, atau gerbangnya hilang."))

    def _desk(self, desk: Held) -> Iterator[str]:
        rules = self._office.rules.desk
        match desk["life"]:
            case "out_of_order":
                yield self._t(N_("Dapat dipakai lagi: bila operator, atau `mode` di office.yaml, mengizinkannya."))
                return
            case "free":
                yield self._t(N_("Diambil: dengan kartu di pembacanya, atau lewat aplikasi, kode QR, atau kios."))
                return
            case "reserved":
                yield self._t(N_("Diambil: oleh pemesannya; orang lain ditolak."))
                if desk.get("release_due"):
                    yield self._t(N_("Pesanannya dilepas pada %(time)s bila tetap kosong."), time=self._due(desk))
                return
            case _:
                pass
        yield self._t(N_("Bebas: bila pemakainya tap lagi, melepasnya, atau mengambil meja lain."))
        if desk.get("release_due"):
            yield self._t(N_("Dilepas otomatis pada %(time)s bila tetap kosong; istirahat tidak dihitung."),
                          time=self._due(desk))  # fmt: skip
        elif rules.release_after_s is not None:
            text = N_("Dilepas otomatis sesudah kosong %(long)s; selama tidak diketahui, tidak ada yang dilepas.")
            yield self._t(text, long=self._language.duration(rules.release_after_s))
        if desk.get("end_of_day_due"):
            yield self._t(N_("Bebas pada akhir hari, %(time)s, kecuali masih ada orang."),
                          time=self._moment(desk["end_of_day_due"]))  # fmt: skip

    def _due(self, desk: Held) -> str:
        return self._moment(desk["release_due"])

    def _moment(self, at: int) -> str:
        same = self._language.local(at).date() == self._language.local(self._at).date()
        return self._language.time(at) if same else self._language.moment(at)

    def _presence(self, held: Held) -> Iterator[str]:
        rules = self._office.rules.presence
        if held["state"] in ("present", "idle"):
            yield self._t(N_("Zona lain: tandanya terdengar di sana, kartu di pembaca zona, atau meja yang diambil."))
            yield self._t(N_("Tidak diketahui: sesudah %(long)s tanpa petunjuk baru."),
                          long=self._language.duration(rules.unknown_after_s))  # fmt: skip
            yield self._t(N_("Pulang: hanya dengan tindakan, misalnya kartu di pembaca keluar."))
        else:
            yield self._t(N_("Ada: bila tandanya terdengar, kartunya ditap, atau sebuah meja diambil."))
            yield self._t(N_("Bahwa tidak ada yang diketahui bukan bukti bahwa ia tidak hadir."))

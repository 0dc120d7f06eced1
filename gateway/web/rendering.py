"""Pages from templates: languages, times in the site's zone, and words for states.

A text's id is the Indonesian text itself; English comes from locale/en/*.po, which are read at start: nothing compiled
is kept. Autoescaping is on for everything.
"""

from __future__ import annotations

import gettext
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from gateway.clock import SECOND, Clock
from gateway.contract.times import written
from gateway.web.viewer import FIELD, Role, Viewer

HERE = Path(__file__).parent
LANGUAGES = ("id", "en")
LANGUAGE_COOKIE = "hadir_bahasa"
DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
ZONES = {"Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}
"""What people call Indonesia's zones."""


def N_(text: str) -> str:  # noqa: N802 gettext's own name
    """Marks a text for translation that is translated where it is shown."""
    return text


STATUS_WORDS: Mapping[str, str] = {
    "free": N_("Bebas"),
    "taken": N_("Terpakai"),
    "reserved": N_("Dipesan"),
    "unknown": N_("Tidak diketahui"),
    "closed": N_("Tidak dapat dipakai"),
}
CAUSE_WORDS: Mapping[str, str] = {
    "starting": N_("gerbang baru dinyalakan"),
    "sensor_stale": N_("sensornya tidak terdengar"),
    "radio_deaf": N_("penerima radionya tidak berfungsi"),
    "gateway_down": N_("gerbangnya tidak terdengar"),
    "clock_bad": N_("jam gerbang belum benar"),
    "no_evidence": N_("belum ada petunjuk"),
    "unconfigured": N_("tidak ada sensor"),
    "not_connected": N_("sambungan ke broker terputus"),
}
REASON_WORDS: Mapping[str, str] = {
    "no_answer": N_(
        "Gerbang tidak menjawab. Belum pasti apakah permintaan Anda dilaksanakan; lihat keadaannya sebentar lagi."
    ),
    "not_connected": N_("Sambungan ke kantor sedang terputus. Tidak ada yang berubah; coba lagi nanti."),
    "no_change": N_("Tidak ada yang berubah: keadaannya sudah lain."),
    "no_place": N_("Tempat itu tidak ada."),
    "expired": N_("Permintaan terlambat sampai. Coba lagi."),
    "not_owner": N_("Tempat itu diurus gerbang lain. Coba lagi sebentar."),
    "forbidden": N_("Anda tidak berhak untuk itu."),
    "invalid": N_("Permintaan tidak dapat dibaca."),
}
KIND_WORDS: Mapping[str, str] = {
    "desk": N_("Meja"),
    "room": N_("Ruang rapat"),
    "booth": N_("Bilik"),
    "zone": N_("Zona"),
    "other": N_("Tempat lain"),
}
ROLE_WORDS: Mapping[str, str] = {
    "display": N_("papan informasi"),
    "kiosk": N_("kios"),
    "employee": N_("pegawai"),
    "operator": N_("operator"),
    "analyst": N_("analis"),
    "integrator": N_("integrator"),
}


def catalogues(language: str) -> gettext.NullTranslations:
    """All texts of a language. Indonesian is the source: it needs none."""
    merged = Catalog(locale=language)
    for path in sorted((HERE / "locale" / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language, domain="hadir"):
                if message.id and message.string:
                    merged.add(message.id, message.string, context=message.context)
    compiled = io.BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


class Language:
    """One language: its templates and its words for times."""

    def __init__(self, code: str, zone: str) -> None:
        self.code = code
        self.zone_name = zone
        self._zone = ZoneInfo(zone)
        self.translations = gettext.NullTranslations() if code == "id" else catalogues(code)

    @cached_property
    def environment(self) -> Environment:
        """Jinja's, with this language's texts."""
        made = Environment(
            loader=PackageLoader("gateway.web", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.install_gettext_translations(self.translations, newstyle=True)  # type: ignore[attr-defined]
        made.filters.update(
            time=self.time, day=self.day, moment=self.moment, ago=self.ago, duration=self.duration, json_data=json_data
        )
        made.filters["iso"] = written
        made.globals.update(
            status_word=lambda word: self.word(STATUS_WORDS, word),
            cause_word=lambda word: self.word(CAUSE_WORDS, word),
            kind_word=lambda word: self.word(KIND_WORDS, word),
            role_word=lambda word: self.word(ROLE_WORDS, word),
            reason_word=lambda word: self.word(REASON_WORDS, word),
            csrf=csrf,
            language=self.code,
            zone_word=self.zone_word,
            Role=Role,
        )
        return made

    @property
    def zone_word(self) -> str:
        """What the site's zone is called: WITA; elsewhere its name."""
        return ZONES.get(self.zone_name, self.zone_name)

    def text(self, message: str, **values: object) -> str:
        """A text in this language, with its named values."""
        found = self.translations.gettext(message)
        return found % values if values else found

    def word(self, words: Mapping[str, str], word: str) -> str:
        """A stable word as people say it; one that is not known as it is."""
        return self.text(words[word]) if word in words else word

    def local(self, ns: int) -> datetime:
        """Office time in the site's zone."""
        return datetime.fromtimestamp(ns / SECOND, UTC).astimezone(self._zone)

    def time(self, ns: int) -> str:
        """`14.05`, in Indonesian; `14:05`."""
        return self.local(ns).strftime("%H.%M" if self.code == "id" else "%H:%M")

    def day(self, ns: int) -> str:
        """`Kamis, 26 November 2026`."""
        from babel.dates import format_date

        return str(format_date(self.local(ns).date(), format="full", locale=self.code))

    def moment(self, ns: int) -> str:
        """`26 Nov 14.05 WITA`: for whoever may be in another zone."""
        from babel.dates import format_date

        day = format_date(self.local(ns).date(), format="d MMM", locale=self.code)
        return f"{day} {self.time(ns)} {self.zone_word}"

    def duration(self, seconds: float) -> str:
        """`2 jam 5 menit`, to the minute; `8 detik` below one."""
        whole = max(0, int(seconds))
        if whole < 60:
            return self.text(N_("%(n)d detik"), n=whole)
        hours, minutes = divmod(whole // 60, 60)
        if not hours:
            return self.text(N_("%(n)d menit"), n=minutes)
        if hours >= 48:
            return self.text(N_("%(n)d hari"), n=hours // 24)
        if not minutes:
            return self.text(N_("%(n)d jam"), n=hours)
        return self.text(N_("%(h)d jam %(m)d menit"), h=hours, m=minutes)

    def ago(self, ns: int, now: int) -> str:
        """How long ago: `3 menit lalu`."""
        return self.text(N_("%(long)s lalu"), long=self.duration((now - ns) / SECOND))


@lru_cache(maxsize=16)
def _language(code: str, zone: str) -> Language:
    """Made once a process: compiling the templates of a page takes longer than all else that it costs."""
    return Language(code, zone)


class Pages:
    """Renders pages of one site."""

    def __init__(self, *, zone: str, clock: Clock, site_name: str) -> None:
        self._languages = {code: _language(code, zone) for code in LANGUAGES}
        self._clock = clock
        self._site_name = site_name

    def language(self, request: Request, viewer: Viewer | None = None) -> Language:
        """The request's: its cookie's, else its account's, else Indonesian."""
        wanted = request.cookies.get(LANGUAGE_COOKIE) or (viewer.language if viewer is not None else "")
        return self._languages.get(wanted, self._languages["id"])

    def named(self, code: str) -> Language:
        """A language by its code; Indonesian for one that there is not."""
        return self._languages.get(code, self._languages["id"])

    def page(
        self, request: Request, template: str, viewer: Viewer | None = None, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A page. Every template gets: viewer, site_name, path, now (office ns), and `values`."""
        from gateway.web import menu

        language = self.language(request, viewer)
        path = request.url.path
        body = language.environment.get_template(template).render(
            viewer=viewer,
            site_name=self._site_name,
            path=path,
            menu=[] if viewer is None else list(menu.entries(viewer)),
            here="" if viewer is None else menu.current(viewer, path),
            now=self._clock.office(),
            **values,
        )
        return HTMLResponse(body, status_code=status, headers={"Cache-Control": "no-store"})


@pass_context
def csrf(context: Context) -> Markup:
    """The hidden field that every form of a signed-in viewer has."""
    viewer: Viewer | None = context.get("viewer")
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, viewer.csrf if viewer else "")


def json_data(value: Any) -> Markup:
    """JSON for a `<script type="application/json">`: nothing in it can end the element."""
    text = json.dumps(value, separators=(",", ":"))
    for letter, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(letter, code)
    return Markup(text)  # noqa: S704 every character that HTML knows is escaped above


def see(path: str) -> RedirectResponse:
    """After a change: look at the page again (303). `path` must be ours: what could lead elsewhere leads home."""
    return RedirectResponse(own_path(path), status_code=303)


def own_path(path: str) -> str:
    """`path`, if it is one of this site's; else `/`."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path
    return path if plain and all(" " < letter != "\x7f" for letter in path) else "/"

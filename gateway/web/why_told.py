"""An answer to "why?" (gateway/why) told to people, in the page's language: what, since when, on what it rests.

Pure. Only what is chosen here is shown: an answer's other fields never reach a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gateway.config.model import Office
from gateway.web import why_terms as terms
from gateway.web.rendering import KIND_WORDS, N_, Language
from gateway.web.why_changes import WouldChange

Held = Mapping[str, Any]


class Line(NamedTuple):
    """A sentence, and where it leads."""

    text: str
    link: str = ""


class Part(NamedTuple):
    """Sentences under a heading."""

    title: str
    lines: list[Line]


class Around(NamedTuple):
    """An event before or after."""

    at: int
    text: str


class Told(NamedTuple):
    """All of it."""

    headline: str
    parts: list[Part]
    before: list[Around]
    after: list[Around]
    changes: list[str]


class Telling:
    """Tells one answer."""

    def __init__(self, language: Language, office: Office, at: int) -> None:
        self._language, self._office, self._at = language, office, at
        self._devices = {device.id for device in office.devices}
        self._t = language.text

    def told(self, answer: Held) -> Told:
        """The whole of it."""
        match answer["kind"]:
            case "person":
                headline, parts = self._held_of(answer["presence"]), [*self._person(answer)]
            case "zone":
                headline, parts = self._t(N_("Zona: apa kata tempat-tempat di dalamnya")), [*self._zone(answer)]
            case kind:
                headline, parts = self._headline(kind, answer), [*self._place(answer)]
        parts.append(Part(self._t(N_("Kalender")), [Line(self._calendar(answer["calendar"]))]))
        return Told(
            headline,
            [part for part in parts if part.lines],
            [Around(one["at"], self.event(one)) for one in answer.get("before") or ()],
            [Around(one["at"], self.event(one)) for one in answer.get("after") or ()],
            WouldChange(self._language, self._office, self._at).of(answer),
        )

    # --- a place ----------------------------------------------------------------------------------------------------

    def _headline(self, kind: str, answer: Held) -> str:
        desk = answer.get("desk")
        what = self._language.word(KIND_WORDS, kind)
        if desk is None:
            return f"{what}: {self._held_of(answer['occupancy'])}"
        life = self._word(terms.LIVES, desk["life"])
        return self._t(N_("%(what)s: %(life)s; sensornya: %(sensed)s"), what=what, life=life,
                       sensed=self._held_of(answer["occupancy"]))  # fmt: skip

    def _held_of(self, held: Held) -> str:
        state = self._word(terms.STATES, held["state"])
        if held.get("cause"):
            state = self._t(N_("%(state)s karena %(cause)s"), state=state, cause=self._cause(held["cause"]))
        if held.get("since"):
            return self._t(N_("%(state)s sejak %(time)s"), state=state, time=self._moment(held["since"]))
        return state

    def _place(self, answer: Held) -> Iterator[Part]:
        yield Part(self._t(N_("Kata sensor")), [*self._rests(answer["occupancy"])])
        if "desk" in answer:
            yield Part(self._t(N_("Pemakaian")), [*self._desk(answer["desk"], answer)])

    def _rests(self, held: Held) -> Iterator[Line]:
        """A state with everything that it rests on."""
        yield Line(self._sentence(self._held_of(held)))
        if held.get("confidence") is not None:
            yield Line(self._t(N_("Keyakinan %(n)d%%."), n=round(100 * held["confidence"])))
        if held.get("quality") in terms.QUALITIES:
            yield Line(self._t(N_("Mutu data: %(word)s."), word=self._word(terms.QUALITIES, held["quality"])))
        if held.get("late"):
            yield Line(self._t(N_("Diputuskan terlambat: kabarnya datang sesudah keadaan berikutnya.")))
        if held.get("clock") == "none":
            yield Line(self._t(N_("Jam gerbang waktu itu belum pasti.")))
        if "last_told" in held:
            yield Line(self._t(N_("Tidak ada yang dapat mengetahuinya waktu itu. Kata terakhir sebelumnya:")))
            yield from self._rests(held["last_told"])
            return
        yield from self._decided(held)
        yield from self._evidence(held)
        yield from self._now(held.get("holds") or {})

    def _decided(self, held: Held) -> Iterator[Line]:
        if held.get("decided_at") and held.get("gateway"):
            yield Line(
                self._t(
                    N_("Diputuskan %(time)s oleh gerbang %(gateway)s, kejadian %(event)s."),
                    time=self._moment(held["decided_at"]),
                    gateway=held["gateway"],
                    event=f"{held.get('boot')}/{held.get('sequence')}",
                ),
                f"/operator/gerbang#{held['gateway']}",
            )

    def _evidence(self, held: Held) -> Iterator[Line]:
        evidence = held.get("evidence")
        if evidence == []:
            yield Line(self._t(N_("Tanpa petunjuk dari perangkat mana pun.")))
        for item in evidence or ():
            yield self._item(item)
        lost = held.get("challenger")
        if lost:
            if lost.get("state"):
                what = self._word(terms.STATES, lost["state"])
            else:
                what = str(lost.get("zone") or lost.get("occupancy") or "")
            text = N_("Yang kalah: %(what)s, bobot %(weight)s.")
            yield Line(self._t(text, what=what, weight=self._number(lost["weight"])))

    def _now(self, holds: Held) -> Iterator[Line]:
        """What it rests on at this moment, of a running gateway."""
        for item in holds.get("votes") or ():
            line = self._item(item)
            yield Line(self._t(N_("Saat ini: %(what)s"), what=line.text), line.link)
        if holds.get("loses"):
            what = self._word(terms.STATES, holds["loses"]["state"])
            text = N_("Saat ini menentangnya: %(what)s, bobot %(weight)s.")
            yield Line(self._t(text, what=what, weight=self._number(holds["loses"]["weight"])))
        if holds.get("stuck"):
            yield Line(self._t(N_("Tidak dipercaya karena macet: %(names)s."), names=", ".join(holds["stuck"])))
        if holds.get("model"):
            share = round(100 * holds["model"]["heard"])
            yield Line(self._t(N_("Model ruangnya mendengar %(n)d%% dari sensornya."), n=share))

    def _item(self, item: Held) -> Line:
        """One item of evidence: fixed equipment, or a personal thing by what heard it."""
        kind = self._word(terms.MODALITIES, item["modality"])
        if "dev" not in item:
            via = str(item["via"])
            text = N_("Sebuah tanda BLE terdengar di %(dev)s.")
            if item["modality"] == "badge":
                text = N_("Sebuah kartu terbaca di %(dev)s.")
            return Line(self._t(text, dev=via), self._link(via))
        value = item["value"]
        if value is None or isinstance(value, bool):
            words = {True: N_("ya"), False: N_("tidak"), None: N_("tidak tahu")}
            said = self._t(words[value])
        else:
            said = str(value)
        return Line(
            self._t(
                N_("%(dev)s (%(kind)s) mengatakan %(said)s, bobot %(weight)s, %(age)s sebelumnya."),
                dev=item["dev"],
                kind=kind,
                said=said,
                weight=self._number(item["weight"]),
                age=self._age(float(item["age_s"])),
            ),
            self._link(str(item["dev"])),
        )

    def _age(self, seconds: float) -> str:
        return self._t(N_("kurang dari sedetik")) if seconds < 1 else self._language.duration(seconds)

    def _desk(self, desk: Held, answer: Held) -> Iterator[Line]:
        if desk.get("since"):
            text = N_("%(life)s sejak %(time)s.")
            life = self._word(terms.LIVES, desk["life"])
            yield Line(self._sentence(self._t(text, life=life, time=self._moment(desk["since"]))))
        if answer.get("owner_unit"):
            guests = N_("Milik unit %(unit)s; tamu boleh memakainya.")
            alone = N_("Milik unit %(unit)s; unit lain ditolak.")
            yield Line(self._t(guests if answer.get("guests") else alone, unit=answer["owner_unit"]))
        if desk.get("vacant_since"):
            yield Line(self._t(N_("Kosong menurut sensor sejak %(time)s."), time=self._moment(desk["vacant_since"])))
        if desk.get("reservation"):
            yield Line(self._t(N_("Dipesan dari %(since)s sampai %(until)s."),
                               since=self._moment(desk["reservation"]["since"]),
                               until=self._moment(desk["reservation"]["until"])))  # fmt: skip
        checkin = desk.get("checkin")
        if checkin:
            booked = N_("Diambil %(time)s lewat %(method)s, sesuai pesanan.")
            walk_up = N_("Diambil %(time)s lewat %(method)s, tanpa pesanan.")
            method = self._word(terms.METHODS, checkin["method"])
            text = booked if checkin.get("matches_reservation") else walk_up
            yield Line(self._t(text, time=self._moment(checkin["since"]), method=method))
            yield from self._evidence(checkin)
            if checkin.get("elsewhere_until"):
                time = self._moment(checkin["elsewhere_until"])
                yield Line(
                    self._t(N_("Pemakainya bertindak, atau memesan, di tempat lain sampai %(time)s."), time=time)
                )
        elif desk.get("ended"):
            yield Line(self._sentence(self.event(desk["ended"])))
            yield from self._evidence(desk["ended"])

    def _zone(self, answer: Held) -> Iterator[Part]:
        lines = []
        if answer.get("private"):
            lines.append(Line(self._t(N_("Zona pribadi: di dalamnya tidak ada yang diindra."))))
        count = answer.get("count")
        if count is not None:
            people = count.get("occupancy")
            if people is None:
                lines.append(
                    Line(self._t(N_("Jumlah orangnya tidak disebut: tidak diketahui, atau kurang dari lima.")))
                )
            else:
                lines.append(Line(self._t(N_("%(n)d orang."), n=people)))
        yield Part(self._t(N_("Jumlah orang")), lines)
        spaces = []
        for place, held in answer["spaces"].items():
            spaces.append(Line(f"{place.rpartition('/')[2]}: {self._held_of(held)}", f"/mengapa?tempat={place}"))
        yield Part(self._t(N_("Tempat di dalamnya")), spaces)

    # --- a person ---------------------------------------------------------------------------------------------------

    def _person(self, answer: Held) -> Iterator[Part]:
        lines = [*self._rests(answer["presence"])]
        if answer["presence"].get("zone"):
            lines.insert(1, Line(self._t(N_("Zona: %(zone)s."), zone=answer["presence"]["zone"])))
        if answer["presence"].get("assurance"):
            word = self._word(terms.ASSURANCES, answer["presence"]["assurance"])
            lines.append(Line(self._t(N_("Kepastian orangnya: %(word)s."), word=word)))
        if answer["quiet"]:
            lines.append(Line(self._t(N_("Memilih mode senyap: hanya tindakannya sendiri yang diketahui."))))
        if answer.get("retained_days"):
            text = N_("Catatan tentang orang disimpan %(n)d hari: yang lebih tua sudah dihapus.")
            lines.append(Line(self._t(text, n=answer["retained_days"])))
        yield Part(self._t(N_("Keberadaan")), lines)
        for name, title in (("desk", N_("Meja")), ("workplace", N_("Datang dan pulang"))):
            yield Part(self._t(title), [Line(self._open(answer.get(name)))])

    def _open(self, held: Held | None) -> str:
        if held is None:
            return self._t(N_("Tidak ada catatan."))
        time, place = self._moment(held["since"]), held["place"]
        if not held["open"]:
            why = self._cause(str(held.get("reason") or ""))
            return self._t(N_("Berakhir %(time)s di %(place)s (%(why)s)."), time=time, place=place, why=why)
        method = self._word(terms.METHODS, str(held.get("method") or ""))
        return self._t(N_("Sejak %(time)s di %(place)s, lewat %(method)s."), time=time, place=place, method=method)

    # --- around -----------------------------------------------------------------------------------------------------

    def event(self, one: Held) -> str:
        """An event in one line."""
        cause = self._cause(str(one.get("cause") or ""))
        match one["type"]:
            case "occupancy.changed":
                state = self._word(terms.STATES, one["state"])
                return f"{state} ({cause})" if cause else state
            case "occupancy.counted":
                n = one.get("occupancy")
                return self._t(N_("jumlah orang tidak disebut")) if n is None else self._t(N_("%(n)d orang"), n=n)
            case "desk.checkin.started":
                method = self._word(terms.METHODS, str(one.get("method") or ""))
                return self._t(N_("meja diambil lewat %(method)s"), method=method)
            case "desk.checkin.ended":
                return self._t(N_("meja dilepas: %(why)s"), why=self._cause(str(one.get("reason") or "")))
            case "desk.release.warning":
                return self._t(N_("peringatan: akan dilepas %(time)s"), time=self._moment(one["due"]))
            case "badge.rejected":
                why = self._word(terms.REJECTED, str(one.get("cause") or ""))
                return self._t(N_("kartu ditolak: %(why)s"), why=why)
            case kind if kind in terms.RESERVATIONS:
                said = self._word(terms.RESERVATIONS, kind)
                return f"{said} ({cause})" if cause else said
            case _ if "state" in one:
                return self._word(terms.STATES, str(one["state"]))
            case kind:
                return str(kind)

    def _calendar(self, told: Held) -> str:
        if told.get("problem"):
            return self._t(N_("Kalender kantor tidak dapat dibaca."))
        kind = self._word(terms.CALENDAR, told["kind"])
        more = [str(told["holiday"])] if told.get("holiday") else []
        more += [str(note) for note in told.get("notes") or ()]
        if told["kind"] != "off":
            kind = self._t(N_("%(kind)s sampai %(time)s"), kind=kind, time=self._moment(told["until"]))
        return self._sentence("; ".join((kind, *more)))

    def _sentence(self, text: str) -> str:
        return f"{text[:1].upper()}{text[1:].rstrip('.')}."

    def _word(self, words: Mapping[str, str], word: str) -> str:
        return self._language.word(words, word)

    def _cause(self, word: str) -> str:
        return self._word(terms.CAUSES, word)

    def _moment(self, at: int) -> str:
        """With the day only where it is another than that of the time that is asked about."""
        same = self._language.local(at).date() == self._language.local(self._at).date()
        return self._language.time(at) if same else self._language.moment(at)

    def _number(self, value: float) -> str:
        text = f"{value:.2f}".rstrip("0").rstrip(".")
        return text.replace(".", ",") if self._language.code == "id" else text

    def _link(self, device: str) -> str:
        return f"/operator/perangkat/{device}" if device in self._devices else ""

"""One's history: days, pending and refused acts, corrections, the outage report, taking along and erasing."""

from __future__ import annotations

import csv
import io

import httpx

from gateway.contract.times import written
from gateway.web.mine.attempts import Attempt, Attempts
from gateway.web.mine.record import fold
from gateway.web.mine.requests import Requests
from gateway.web.viewer import Role
from tests.web.conftest import NOON, Web
from tests.web.mine.book import HOUR, MINUTE, Book
from tests.web.office import DESK, FLOOR, OTHER

DAY = 24 * HOUR


def _signed_in(web: Web, pid: str, unit: str = "panrb") -> httpx.AsyncClient:
    return web.client(Role.EMPLOYEE, pid=pid, unit=unit)


async def test_days_show_what_is_stored_what_waits_and_what_was_refused(web: Web, book: Book) -> None:
    pid = web.person()
    client = _signed_in(web, pid)
    assert "Belum ada catatan dalam 7 hari terakhir" in (await client.get("/riwayat")).text
    key = book.took(pid, NOON - DAY)
    book.left(pid, key, NOON - DAY, NOON - DAY + 2 * HOUR, reason="auto_release")
    book.took(pid, NOON - HOUR, place=OTHER, late=True)
    attempts = Attempts(web.site.accounts.connection)
    for n, (state, reason) in enumerate((("sent", ""), ("refused", "taken"), ("unsure", "no_answer"))):
        attempts.note(
            Attempt(
                id=f"a{n}",
                pid=pid,
                at=NOON - n * MINUTE,
                act="checkin",
                place=DESK,
                state=state,
                reason=reason,
                events=("x",) if state == "sent" else (),
            )
        )
    page = (await client.get("/riwayat")).text
    assert page.index("Kamis, 26 November 2026") < page.index("Rabu, 25 November 2026")
    for said in ("Sudah tersimpan", "Menunggu tersimpan", "Ditolak", "Belum pasti", "sedang dipakai orang lain"):
        assert said in page
    assert "dilepas otomatis karena meja kosong" in page
    assert "disimpulkan dari petunjuk terakhir" in page
    assert "sampai terlambat" in page
    assert "2 jam" in page
    assert "WITA" in page


async def test_begin_and_end_are_one_check_in_in_whichever_order_they_came(web: Web, book: Book) -> None:
    pid = web.person()
    start = NOON - 2 * HOUR
    key = book.took(pid, start)
    book.left(pid, key, start, NOON - HOUR)
    rows = await web.site.reading.ask(
        lambda view: view.of_person(pid, ("desk.checkin.started", "desk.checkin.ended"), 0)
    )
    for order in (rows, rows[::-1], rows[1:]):
        (visit,) = fold(order).visits
        assert (visit.started, visit.ended, visit.place, visit.reason) == (start, NOON - HOUR, DESK, "user")
    assert fold(rows[:1]).open("desk") is not None


async def test_a_late_tap_out_stands_against_an_end_that_was_inferred_after_it(web: Web, book: Book) -> None:
    pid = web.person()
    start = NOON - 2 * HOUR
    key = book.took(pid, start)
    book.left(pid, key, start, NOON, reason="end_of_day", last_evidence=start + MINUTE)
    book.left(pid, key, start, NOON - HOUR, late=True)
    page = (await _signed_in(web, pid).get("/riwayat")).text
    assert "jam selesai disimpulkan" not in page
    assert "sampai terlambat" in page
    assert "1 jam" in page


async def test_everything_is_taken_along_and_no_cell_is_computed(web: Web, book: Book) -> None:
    pid, other = web.person(name="Siti Uji"), web.person(name="Rahasia Lain")
    book.took(pid, NOON - HOUR)
    book.took(other, NOON - 2 * HOUR, place=OTHER)
    client = _signed_in(web, pid)
    whole = await client.get("/riwayat/unduh.json")
    assert "attachment" in whole.headers["content-disposition"]
    data = whole.json()
    assert data["person"]["name"] == "Siti Uji"
    assert [event["type"] for event in data["events"]] == ["hadir.desk.checkin.started.v1"]
    assert other not in whole.text
    table = (await client.get("/riwayat/unduh.csv")).text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["place"], row["start"]) for row in rows] == [(DESK, written(NOON - HOUR))]


async def test_a_correction_is_asked_decided_and_seen_and_the_operator_is_seen_too(web: Web, book: Book) -> None:
    pid = web.person(name="Dewi Uji")
    key = book.took(pid, NOON - 3 * HOUR, unit="panrb")
    client = _signed_in(web, pid)
    form = (await client.get(f"/riwayat/koreksi?catatan={key}")).text
    assert "Meja 1" in form
    fields = {"jenis": "lupa_tap", "apa": "last_evidence", "hari": "2026-11-26", "catatan": key}
    for jam, why in (("99:00", "Tulis jamnya"), ("23:00", "belum lewat"), ("", "Tulis jamnya")):
        answer = await client.post("/riwayat/koreksi", data={**fields, "jam": jam})
        assert answer.status_code == 422
        assert why in answer.text
    answer = await client.post("/riwayat/koreksi", data={**fields, "jam": "09:30", "alasan": "<b>lupa</b>"})
    assert answer.status_code == 303
    page = (await client.get("/riwayat?terkirim=1")).text
    assert "Menunggu keputusan" in page
    assert "&lt;b&gt;lupa" in page

    operator = web.client(Role.OPERATOR, units=["panrb"])
    foreign = web.client(Role.OPERATOR, units=["bkn"])
    (asked,) = Requests(web.site.accounts.connection).of(pid)
    path = f"/operator/koreksi/{asked.id}"
    assert asked.id not in (await foreign.get("/operator/koreksi")).text
    assert (await foreign.get(path)).status_code == 404
    assert (await foreign.post(path, data={"putusan": "approved", "alasan": "boleh saja"})).status_code == 404
    listed = (await operator.get("/operator/koreksi")).text
    assert path in listed
    assert "Dewi" not in listed
    assert not web.site.accounts.lookups(pid)
    assert "Dewi Uji" in (await operator.get(path)).text
    await operator.get(path)
    assert len(web.site.accounts.lookups(pid)) == 1
    assert "Permintaan koreksi Anda 2026-11-26" in (await client.get("/privasi")).text

    assert (await operator.post(path, data={"putusan": "approved", "alasan": "ya"})).status_code == 422
    unsent = await operator.post(path, data={"putusan": "approved", "alasan": "Sesuai catatan"})
    assert unsent.status_code == 503  # its desk is still held, and no gateway could be told
    assert Requests(web.site.accounts.connection).of(pid)[0].state == "asked"
    book.left(pid, key, NOON - 3 * HOUR, NOON, unit="panrb")
    assert (await operator.post(path, data={"putusan": "approved", "alasan": "Sesuai catatan"})).status_code == 303
    assert (await operator.post(path, data={"putusan": "refused", "alasan": "Berubah pikiran"})).status_code == 409
    page = (await client.get("/riwayat")).text
    assert "Disetujui" in page
    assert "Jawaban operator: Sesuai catatan" in page
    assert (await client.get("/api/v1/me/checkins")).json()["items"][0]["ended"] == "2026-11-26T01:30:00.000Z"

    note = {"jenis": "surat_tugas", "apa": "note", "hari": "2026-11-26", "alasan": "ST-12/2026"}
    await client.post("/riwayat/koreksi", data=note)
    (waits,) = Requests(web.site.accounts.connection).waiting(["panrb"])
    await operator.post(f"/operator/koreksi/{waits.id}", data={"putusan": "approved", "alasan": "Sesuai surat"})
    backend = web.client(Role.INTEGRATOR, units=["panrb"])
    day = (await backend.get("/api/v1/attendance?unit=panrb&date=2026-11-26")).json()
    (act,) = day["acts"]
    assert (act["ended"], act["corrections"][0]["field"]) == ("2026-11-26T01:30:00.000Z", "last_evidence")
    (claim,) = day["approved_without_record"]
    assert (claim["kind"], claim["new"], claim["pid"]) == ("surat_tugas", "2026-11-26", pid)
    table = (await backend.get("/api/v1/attendance?unit=panrb&date=2026-11-26&format=csv")).text
    assert "approved surat_tugas" in table
    assert "ST-12/2026" not in table + str(day)  # what a person wrote to the operator stays between them


async def test_nothing_is_corrected_to_end_before_it_began(web: Web, book: Book) -> None:
    pid = web.person()
    start, end = NOON - DAY - 2 * HOUR, NOON - DAY  # Wednesday, 08:30 to 10:30
    key = book.took(pid, start, unit="panrb")
    book.left(pid, key, start, end, unit="panrb")
    client = _signed_in(web, pid)
    operator = web.client(Role.OPERATOR, units=["panrb"])
    requests = Requests(web.site.accounts.connection)

    async def ask(apa: str, jam: str, hari: str = "2026-11-25") -> httpx.Response:
        fields = {"jenis": "lupa_tap", "apa": apa, "hari": hari, "jam": jam, "catatan": key}
        return await client.post("/riwayat/koreksi", data=fields)

    async def decide(jam: str) -> int:
        (asked,) = (one for one in requests.of(pid, state="asked") if jam in one.new)
        data = {"putusan": "approved", "alasan": "Sesuai buku tamu"}
        return (await operator.post(f"/operator/koreksi/{asked.id}", data=data)).status_code

    for apa, jam in (("last_evidence", "08:29"), ("start", "10:31")):
        answer = await ask(apa, jam)
        assert (answer.status_code, "mendahului jam mulai" in answer.text) == (422, True), apa
    for hari in ("2026-11-23", "2026-11-27"):
        assert "terlalu jauh" in (await ask("last_evidence", "09:00", hari)).text
    assert (await ask("last_evidence", "00:30", "2026-11-26")).status_code == 303, "the night after"
    assert (await ask("start", "23:00")).status_code == 303, "with the end that is asked for it can be"
    assert await decide("T15:00") == 409, "23:00 and an end at 10:30: the end is to be decided first"
    assert await decide("T16:30") == 303
    assert await decide("T15:00") == 303
    day = await web.client(Role.INTEGRATOR, units=["panrb"]).get("/api/v1/attendance?unit=panrb&date=2026-11-25")
    (act,) = day.json()["acts"]
    assert (act["started"], act["ended"]) == ("2026-11-25T15:00:00.000Z", "2026-11-25T16:30:00.000Z")


async def test_a_request_is_of_ones_own_record_and_can_be_withdrawn(web: Web, book: Book) -> None:
    pid, other = web.person(), web.person(name="Orang Lain")
    key = book.took(other, NOON - HOUR)
    client = _signed_in(web, pid)
    assert (await client.get(f"/riwayat/koreksi?catatan={key}")).status_code == 404
    assert (await client.get(f"/riwayat/koreksi/{key}")).status_code == 404
    note = {"jenis": "surat_tugas", "apa": "note", "hari": "2026-11-25", "alasan": "ST-12/2026"}
    assert (await client.post("/riwayat/koreksi", data={**note, "apa": "event"})).status_code == 422
    assert (await client.post("/riwayat/koreksi", data={**note, "hari": "2026-01-01"})).status_code == 422
    assert (await client.post("/riwayat/koreksi", data=note)).status_code == 303
    (asked,) = Requests(web.site.accounts.connection).of(pid)
    await _signed_in(web, other).post("/riwayat/koreksi/tarik", data={"permintaan": asked.id})
    assert Requests(web.site.accounts.connection).of(pid)[0].state == "asked"
    await client.post("/riwayat/koreksi/tarik", data={"permintaan": asked.id})
    assert Requests(web.site.accounts.connection).of(pid)[0].state == "withdrawn"
    both = web.client(Role.EMPLOYEE, Role.OPERATOR, pid=pid, unit="panrb", units=["*"])
    await both.post("/riwayat/koreksi", data=note)
    mine = Requests(web.site.accounts.connection).waiting(["*"])[0]
    own = await both.post(f"/operator/koreksi/{mine.id}", data={"putusan": "approved", "alasan": "Saya setuju"})
    assert own.status_code == 403


async def test_the_outage_report_names_times_causes_and_evidence_and_what_it_proves(web: Web, book: Book) -> None:
    pid = web.person(name="Wayan Uji")
    client = _signed_in(web, pid)
    morning = NOON - 2 * HOUR
    book.tell("gateway.started", morning - 20 * HOUR, version="1")
    lost = book.tell(
        "coverage.lost",
        morning,
        places=[DESK],
        readers=["rdr-d-001"],
        **{"from": morning - 30 * MINUTE, "to": None, "cause": "sensor"},
    )
    restored = book.tell(
        "coverage.restored",
        morning + 5 * MINUTE,
        places=[DESK],
        readers=["rdr-d-001"],
        **{"from": morning - 30 * MINUTE, "to": morning, "cause": "sensor"},
    )
    stopped = book.tell("gateway.stopped", NOON - HOUR, reason="stop")
    started = book.tell("gateway.started", NOON - 40 * MINUTE, boot="000002-abcd", version="1")
    page = (await client.get("/riwayat/gangguan/2026-11-26")).text
    for said in (
        "Wayan Uji",
        "08.00",
        "08.30",
        "sensor atau pembaca tidak bekerja",
        "09.30",
        "09.50",
        "gw-01",
        "rdr-d-001",
    ):
        assert said in page, said
    for event in (lost, restored, stopped, started):
        assert event in page
    assert "Selama 50 menit" in page
    assert "tidak membuktikan bahwa orang tersebut hadir" in page
    assert "Tidak ada gangguan yang tercatat" in (await client.get("/riwayat/gangguan/2026-11-24")).text
    for wrong in ("2026-11-27", "kemarin", "0001-01-01", "9999-12-31"):
        assert (await client.get(f"/riwayat/gangguan/{wrong}")).status_code == 404
    assert (await client.get("/riwayat/gangguan?tanggal=2026-11-25")).headers["location"].endswith("/2026-11-25")
    assert (await client.get("/riwayat/gangguan?tanggal=x")).headers["location"].endswith("/2026-11-26")


async def test_erasing_wants_a_word_and_leaves_nothing(web: Web, book: Book) -> None:
    pid = web.person(name="Made Uji")
    client = _signed_in(web, pid)
    note = {"jenis": "surat_tugas", "apa": "note", "hari": "2026-11-25", "alasan": "ST-12/2026"}
    await client.post("/riwayat/koreksi", data=note)
    Attempts(web.site.accounts.connection).note(
        Attempt(id="a", pid=pid, at=NOON, act="checkin", place=DESK, state="sent")
    )
    assert (await client.post("/riwayat/hapus", data={"kata": "ya"})).status_code == 422
    assert web.site.people.person(pid) is not None
    done = await client.post("/riwayat/hapus", data={"kata": "hapus"})
    assert "Data Anda dihapus" in done.text
    assert web.site.people.is_erased(pid)
    assert (await client.get("/riwayat")).status_code == 303
    dump = "".join(
        str(row)
        for table in ("account", "session", "attempt", "correction", "lookup")
        for row in web.site.accounts.connection.execute(f"SELECT * FROM {table}")
    )
    assert pid not in dump


async def test_a_place_that_is_gone_from_the_configuration_is_still_named(web: Web, book: Book) -> None:
    pid = web.person()
    book.took(pid, NOON - HOUR, place=f"{FLOOR}/timur/d-777")
    page = (await _signed_in(web, pid).get("/riwayat")).text
    assert "d-777" in page
    assert 'href="/d/' not in page

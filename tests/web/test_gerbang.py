"""Gerbang & gangguan: what was not there, shown on a day and printed for people as evidence."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import ClockQuality, Origin, decode, encode
from gateway.contract.times import written
from gateway.ledger import Ledger
from gateway.web.outages import Found, Outage
from gateway.web.timeline import WIDTH, bars
from gateway.web.viewer import Role
from rules.api import SECOND, Event
from tests.web.conftest import NOON, Web
from tests.web.office import BOOT, DESK, GATEWAY, ready

HOUR = 3600 * SECOND
MORNING = NOON - 3 * HOUR
"""07:30."""
HOME = "kantor/utama/l01/_/_"
LATER = "000002-abce"


class Book:
    """The ledger, as the archive would have written it."""

    def __init__(self, web: Web) -> None:
        self._path = web.site.office.path(web.site.office.archive.ledger)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._next: dict[str, int] = {}

    def tell(self, kind: str, at: int, data: dict[str, Any], *, boot: str = BOOT, place: str = HOME) -> str:
        """Its id."""
        self._next[boot] = self._next.get(boot, 0) + 1
        origin = Origin(site="kantor", building="utama", gateway=GATEWAY, boot=boot)
        made = encode(
            Event(kind, place, at, data),
            origin,
            sequence=self._next[boot],
            recorded_at=at,
            rule="",
            clock=ClockQuality(),
        )
        ledger = Ledger(self._path)
        try:
            assert [one.state for one in ledger.commit([decode(made.body)])] == ["stored"]
        finally:
            ledger.close()
        return str(json.loads(made.body)["id"])


@pytest.fixture
def book(web: Web) -> Book:
    return Book(web)


def seen(book: Book, at: int, state: str, boot: str = BOOT) -> None:
    data = {"state": state, "prev": "unknown", "cause": None, "since": at, "confidence": 0.9, "evidence": []}
    book.tell("occupancy.changed", at, data, boot=boot, place=DESK)


def power_cut(book: Book) -> str:
    """From 08:00 to 09:00; the id of the event that ends it."""
    book.tell("gateway.started", MORNING, {"version": "0.1.0", "config": "c0ffee"})
    seen(book, MORNING + HOUR // 2, "vacant")
    return book.tell("gateway.started", MORNING + 3 * HOUR // 2, {"version": "0.1.0"}, boot=LATER)


async def test_a_power_cut_is_on_the_day_and_in_the_report_with_its_proof(web: Web, book: Book) -> None:
    proof = power_cut(book)
    client = web.client(Role.OPERATOR)
    page = (await client.get("/operator/gerbang")).text
    assert "26 Nov 08.00 WITA" in page
    assert "26 Nov 09.00 WITA" in page
    assert "1 gangguan hari ini" in page
    report = (await client.get(f"/operator/gerbang/laporan?tempat={DESK}")).text
    assert '<td data-label="Lama">1 jam</td>' in report
    assert proof in report
    assert "bukan bukti bahwa seseorang tidak hadir" in report
    table = (await client.get("/operator/gerbang/laporan.csv?tempat=kantor/utama/l01")).text
    (row,) = csv.DictReader(io.StringIO(table))
    assert (row["kind"], row["cause"], row["event_ids"]) == ("down", "not_heard", proof)
    assert "Tidak ada gangguan tercatat" in (await client.get("/operator/gerbang?hari=2026-11-25")).text


async def test_lost_coverage_is_one_row_from_its_beginning_to_its_end(web: Web, book: Book) -> None:
    book.tell("gateway.started", MORNING, {})
    since, until = MORNING + HOUR, MORNING + 2 * HOUR
    lost = {"places": [DESK], "readers": [], "from": since, "to": None, "cause": "sensor"}
    first = book.tell("coverage.lost", since, lost)
    reader = {"places": [], "readers": ["rdr-d-001"], "from": since, "to": None, "cause": "sensor"}
    book.tell("coverage.lost", since, reader)
    client = web.client(Role.OPERATOR)
    assert "masih berlangsung" in (await client.get("/operator/gerbang/laporan")).text
    last = book.tell("coverage.restored", until, {**lost, "to": until})
    page = (await client.get(f"/operator/gerbang/laporan?tempat={DESK}")).text
    assert first in page
    assert last in page
    assert "26 Nov 09.30 WITA" in page
    assert "masih berlangsung" in page  # the reader of that desk is still out
    foreign = (await client.get("/operator/gerbang/laporan?tempat=kantor/utama/l01/barat")).text
    assert "Tidak ada gangguan tercatat di tempat" in foreign


async def test_lost_events_are_told_with_their_number(web: Web, book: Book) -> None:
    book.tell("gateway.started", MORNING, {})
    book.tell("gateway.gap", NOON - HOUR, {"boot": BOOT, "first": 10, "last": 14, "lost": 5, "cause": "disk"})
    assert "5 kejadian hilang" in (await web.client(Role.OPERATOR).get("/operator/gerbang")).text


async def test_a_report_says_what_it_could_not_read_and_what_may_still_come(web: Web, book: Book) -> None:
    power_cut(book)
    client = web.client(Role.OPERATOR)
    assert "Tempat itu tidak ada" in (await client.get("/operator/gerbang/laporan?tempat=x/y")).text
    for asked in ("dari=gestern", "dari=2026-11-26T10:00&sampai=2026-11-26T09:00", "dari=9999-12-31T23:59"):
        assert "Waktunya tidak dapat dibaca" in (await client.get(f"/operator/gerbang/laporan?{asked}")).text
    assert "Paling lama 31 hari" in (await client.get("/operator/gerbang/laporan?dari=2020-01-01T00:00")).text
    assert (await client.get("/operator/gerbang?hari=2999-99-99")).status_code == 200
    health = {"boot": BOOT, "at": written(NOON), "backlog": {"count": 3, "bytes": 9, "oldest_s": 61.0}}
    web.site.live.take(topics.gateway_health("kantor", GATEWAY), wire.write(wire.GatewayHealth, health))
    assert "belum sampai di arsip (gw-01)" in (await client.get("/operator/gerbang/laporan")).text
    assert "3 kejadian, tertua 1 menit" in (await client.get("/operator/gerbang")).text


async def test_without_a_ledger_nothing_is_claimed_to_be_well(web: Web) -> None:
    ready(web.site.live, NOON, "lost")
    client = web.client(Role.OPERATOR)
    page = (await client.get("/operator/gerbang")).text
    assert "gangguan tidak terlihat di sini" in page
    assert "Tidak terdengar" in page
    report = (await client.get("/operator/gerbang/laporan")).text
    assert "belum dapat disusun" in report
    assert (await client.get("/operator/gerbang/laporan.csv")).status_code == 503
    assert (await web.employee().get("/operator/gerbang")).status_code == 403


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(-500, 2000), st.integers(0, 2000), st.booleans()), max_size=8), st.integers(0, 2000)
)
def test_every_bar_lies_within_the_day_and_can_be_seen(made: list[tuple[int, int, bool]], now: int) -> None:
    found = Found(
        tuple(
            Outage(gateway="g", kind="down", since=since, until=None if lasts else since + long, cause="", places=())
            for since, long, lasts in made
            if since < min(now, 1440) and (lasts or since + long > 0)
        ),
        (),
        {"g": 100},
    )
    for bar in bars("g", found, 0, 1440, now):
        assert 0 <= bar.x <= WIDTH
        assert bar.x + bar.width <= WIDTH + 4
        assert bar.look != "down" or bar.width >= 4

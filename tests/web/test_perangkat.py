"""Perangkat: every configured device, filtered, sorted, taken along."""

from __future__ import annotations

import csv
import io

from gateway.contract.times import written
from gateway.web.devices import Wanted, chosen, rows
from gateway.web.table_cells import cell, neutral
from gateway.web.viewer import Role
from tests.web.conftest import NOON, Web
from tests.web.office import ready
from tests.web.test_ringkasan import device


def states(web: Web) -> dict[str, tuple[str, str]]:
    return {row.id: (row.state, row.cause) for row in rows(web.site.office, web.site.live)}


async def test_nobody_spoke_of_a_device_so_it_is_unknown_and_a_lost_gateway_makes_all_unknown(web: Web) -> None:
    device(web, "mmw-d-001", alive=True, last_heard=written(NOON), battery=9.0)
    device(web, "mmw-d-002", alive=None)
    device(web, "mmw-d-003", alive=False, cause="stuck")
    assert states(web) == {
        "rdr-d-001": ("unknown", "not_told"),
        "mmw-d-001": ("low", ""),
        "mmw-d-002": ("by_design", ""),
        "mmw-d-003": ("stuck", "stuck"),
    }
    ready(web.site.live, NOON, "lost")
    assert set(states(web).values()) == {("unknown", "gateway_down")}


async def test_filter_and_sort_work_by_links(web: Web) -> None:
    device(web, "mmw-d-001", alive=True, last_heard=written(NOON), battery=80.0, signal=-70.0)
    device(web, "mmw-d-002", alive=False, cause="silent", battery=12.0)
    client = web.client(Role.OPERATOR)
    page = (await client.get("/operator/perangkat?keadaan=silent")).text
    assert "1 dari 4 perangkat" in page
    assert "diam lebih lama" in page
    assert "/operator/perangkat/mmw-d-001" not in page
    found = chosen(rows(web.site.office, web.site.live), Wanted(sort="battery"))
    assert [row.id for row in found][:2] == ["mmw-d-002", "mmw-d-001"]
    page = (await client.get("/operator/perangkat?q=tidak-ada")).text
    assert "Tidak ada perangkat yang cocok" in page
    assert (await client.get("/operator/perangkat?urut=__class__&keadaan=x&hal=99")).status_code == 200
    assert (await client.get(f"/operator/perangkat?q={'x' * 500}")).status_code == 422


async def test_the_table_goes_along_and_computes_nothing(web: Web) -> None:
    device(web, "mmw-d-001", alive=True, last_heard=written(NOON), signal=-70.0)
    answer = await web.client(Role.OPERATOR).get("/operator/perangkat.csv?urut=id")
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["device"] for row in table] == ["mmw-d-001", "mmw-d-002", "mmw-d-003", "rdr-d-001"]
    assert table[0]["signal_dbm"] == "-70.0"
    assert table[3]["role"] == "desk"
    for text in ("=1+1", " =1", "+1", "-1", "@x", "\t=1", "|calc", "\uff1d1"):
        assert neutral(text) == "'" + text.replace("\t", " ")
    assert cell(-70.0) == "-70.0"


async def test_a_devices_page_says_what_it_sees_and_mutes_it(web: Web) -> None:
    client = web.client(Role.OPERATOR)
    page = (await client.get("/operator/perangkat/rdr-d-001")).text
    assert "Nomornya diganti di gerbang" in page
    assert "mengambil dan melepas meja" in page
    assert "Catatan arsip belum dapat dibaca" in page
    await client.post("/operator/bisukan", data={"tentang": "rdr-d-001", "detik": 3600})
    assert "Dibisukan sampai" in (await client.get("/operator/perangkat/rdr-d-001")).text
    assert (await client.get("/operator/perangkat/tidak-ada")).status_code == 404
    assert (await web.employee().get("/operator/perangkat.csv")).status_code == 403

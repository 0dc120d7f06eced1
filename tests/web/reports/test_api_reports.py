"""/api/v1/reports: the same figures for programs, each with coverage or a reason."""

from __future__ import annotations

from typing import Any

import httpx

from gateway.web.viewer import Role
from tests.web.conftest import Web
from tests.web.reports.test_laporan import fill
from tests.web.reports.world import World

ASKED = {"place": "ikn/kk2/l01", "from": "2026-11-02", "to": "2026-11-08"}
KINDS = ("utilization", "peak", "dwell", "no-show", "coverage", "units")


async def get(client: httpx.AsyncClient, kind: str, **more: str) -> Any:
    answer = await client.get(f"/api/v1/reports/{kind}", params={**ASKED, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def numbers(found: Any) -> list[dict[str, Any]]:
    """Every figure in a body."""
    if isinstance(found, dict):
        return [found] if "coverage" in found and "value" in found else [n for v in found.values() for n in numbers(v)]
    return [n for item in found for n in numbers(item)] if isinstance(found, list) else []


async def test_every_figure_has_a_coverage_and_a_value_or_a_reason(office: Web, world: World) -> None:
    fill(world)
    client = office.client(Role.ANALYST, units=["*"])
    for kind in KINDS:
        found = await get(client, kind)
        assert found["about"]["desks"] == 14
        assert [note["kind"] for note in found["about"]["notes"]] == ["holiday", "note"]
        for number in numbers(found):
            assert (number["value"] is None) == (number["why"] is not None)
            assert number["coverage"] is None or 0 <= number["coverage"] <= 1
    peak = await get(client, "peak")
    assert (peak["peak"]["value"], peak["time"]) == (4, "2026-11-02T01:00:00.000Z")
    units = await get(client, "units")
    assert {row["unit"]: row["checkins"]["value"] for row in units["units"]} == {"bkn": 12, "panrb": 12}
    assert units["total"]["checkins"]["value"] == 24
    coverage = await get(client, "coverage")
    assert coverage["known_s"] == 2 * 8 * 6 * 900
    assert coverage["days"][1]["coverage"] == 0
    assert coverage["days"][1]["working_hours"] is None


async def test_scope_and_errors(office: Web, world: World) -> None:
    fill(world)
    own = office.client(Role.ANALYST, units=["bkn"])
    found = await get(own, "units")
    assert found["about"]["units"] == ["bkn"]
    assert found["total"]["checkins"]["value"] == 12
    assert "panrb" not in str(found)

    async def status(**asked: str) -> int:
        answer = await own.get("/api/v1/reports/dwell", params=asked)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code

    assert await status(**ASKED, unit="panrb") == 403
    assert await status(place="ikn/kk2/l02/pojok") == 404
    assert await status(place="IKN") == 422
    assert await status(**{"from": "2026-11-02"}) == 409
    assert await status(**{"from": "2026-11-02", "to": "2026-11-01"}) == 409
    assert await status(**{"from": "2026-01-01", "to": "2026-11-01"}) == 409
    assert await status(**{"from": "x", "to": "2026-11-01"}) == 422


async def test_only_operators_and_analysts(office: Web) -> None:
    out, employee = office.client(), office.employee()
    integrator = office.client(Role.INTEGRATOR, units=["*"])
    for kind in KINDS:
        url = f"/api/v1/reports/{kind}"
        assert (await out.get(url)).status_code == 401
        assert (await employee.get(url)).status_code == 403
        assert (await integrator.get(url)).status_code == 403

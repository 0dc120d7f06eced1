"""Who may use what: every route has a guard, and every role gets what is its own."""

from __future__ import annotations

from gateway.web.viewer import Role
from tests.web.api.books import MORNING, VISIT, Archive
from tests.web.api.conftest import Backend
from tests.web.conftest import NOON, Web

PATHS = (
    "/api/v1/places",
    "/api/v1/places/kantor",
    "/api/v1/availability",
    "/api/v1/me",
    "/api/v1/me/checkins",
    "/api/v1/reservations",
    "/api/v1/devices",
    "/api/v1/devices/rdr-d-001",
    "/api/v1/gateways",
    "/api/v1/gateways/gw-01",
    "/api/v1/gateways/gw-01/health",
    "/api/v1/gateways/gw-01/gaps",
    "/api/v1/events",
    "/api/v1/attendance?unit=panrb&date=2026-11-26&reason=pemeriksaan",
    "/api/v1/completeness",
    "/api/v1/erased",
    "/api/v1/hooks",
    "/api/v1/bookings",
    "/metrics",
)


async def test_nobody_is_told_so_as_a_program_reads_it(web: Web, backend: Backend) -> None:
    """Which role may use what is the table of tests/web/routes.py."""
    for path in PATHS:
        for token in ({}, {"authorization": "Bearer hadir_x"}):
            answer = await backend().get(path, headers={"accept": "application/json", **token})
            assert answer.status_code == 401, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_an_integrator_is_of_its_units(web: Web, backend: Backend, archive: Archive) -> None:
    ani, budi = web.person(unit="panrb"), web.person(unit="bkn")
    archive.changed()
    archive.checkin(ani, unit="panrb")
    archive.checkin(budi, unit="bkn", visit=VISIT[:-1] + "b")
    archive.tell("presence.started", person=ani, unit="panrb", cls="sense", visit_id=VISIT, state="present")
    for units, seen in ((["panrb"], {ani}), (["bkn"], {budi}), (["*"], {ani, budi}), ([], set())):
        text = (await backend(Role.INTEGRATOR, units=units).get("/api/v1/events")).text
        assert {pid for pid in (ani, budi) if pid in text} == seen
        assert "occupancy.changed" in text
        assert "presence.started" not in text
    text = (await backend(Role.OPERATOR, units=["*"]).get("/api/v1/events")).text
    assert ani not in text
    client = backend(Role.INTEGRATOR, units=["panrb"])
    assert (await client.get("/api/v1/attendance?unit=bkn&date=2026-11-26")).status_code == 403


async def test_screens_may_be_public(web: Web, backend: Backend) -> None:
    assert (await backend().get("/api/v1/places")).status_code == 401
    office = web.site.office.model_copy(update={"web": web.site.office.web.model_copy(update={"display": "public"})})
    object.__setattr__(web.site, "office", office)
    assert (await backend().get("/api/v1/places")).status_code == 200
    assert (await backend().get("/api/v1/me")).status_code == 401


async def test_nothing_of_a_person_is_in_what_names_nobody(web: Web, backend: Backend, archive: Archive) -> None:
    """A canary: pid, name and staff number of somebody, in no answer for a credential that may not have them."""
    pid = web.site.people.enrol(unit="panrb", name="Kenari Kuning", staff_number="199001012020121001")
    archive.tell("gateway.started", MORNING)
    archive.checkin(pid)
    archive.checkin()
    archive.reserved("b-canary", NOON, NOON + 10**12, person=pid)
    other = web.person()
    for role, units in (
        (Role.DISPLAY, []), (Role.ANALYST, ["*"]), (Role.KIOSK, []), (Role.OPERATOR, ["bkn"]),
        (Role.INTEGRATOR, ["bkn"]), (Role.EMPLOYEE, []),
    ):  # fmt: skip
        client = backend(role, units=units, pid=other if role is Role.EMPLOYEE else "", unit="panrb")
        for path in (*PATHS, "/api/v1/availability?at=2026-11-26T05:00:00Z", "/healthz", "/readyz"):
            text = (await client.get(path)).text
            for canary in (pid, "Kenari", "199001012020121001"):
                assert canary not in text, (role, path)

"""Who may use what: every route has a guard, and every role gets what is its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from gateway.web.app import build
from gateway.web.viewer import Allowed, Anyone, Role
from tests.web.api.books import MORNING, VISIT, Archive
from tests.web.api.conftest import Backend
from tests.web.conftest import NOON, Web

OPEN = {"/healthz", "/readyz", "/api/v1/schemas", "/api/v1/schemas/{name}/{version}", "/api/v1/asyncapi.yaml"}
TECHNICAL = (Role.OPERATOR, Role.INTEGRATOR)
ROUTES = {
    "/api/v1/places": tuple(Role),
    "/api/v1/places/kantor": tuple(Role),
    "/api/v1/availability": tuple(Role),
    "/api/v1/me": tuple(Role),
    "/api/v1/me/checkins": (Role.EMPLOYEE,),
    "/api/v1/reservations": (Role.EMPLOYEE,),
    "/api/v1/devices": TECHNICAL,
    "/api/v1/devices/rdr-d-001": TECHNICAL,
    "/api/v1/gateways": TECHNICAL,
    "/api/v1/gateways/gw-01": TECHNICAL,
    "/api/v1/gateways/gw-01/health": TECHNICAL,
    "/api/v1/gateways/gw-01/gaps": TECHNICAL,
    "/api/v1/events": TECHNICAL,
    "/api/v1/attendance?unit=panrb&date=2026-11-26&reason=pemeriksaan": TECHNICAL,
    "/api/v1/completeness": TECHNICAL,
    "/api/v1/erased": (Role.INTEGRATOR,),
    "/api/v1/hooks": (Role.OPERATOR,),
    "/api/v1/bookings": (Role.OPERATOR,),
    "/metrics": TECHNICAL,
}


def routes(web: Web) -> Iterator[APIRoute]:
    included = [getattr(each, "original_router", None) for each in build(web.site).routes]
    for route in (route for router in included if router is not None for route in router.routes):
        if isinstance(route, APIRoute) and (route.path.startswith("/api/") or route.path in OPEN | {"/metrics"}):
            yield route


def calls(dependant: Dependant) -> Iterator[object]:
    """What is called for a route, whatever asks for it."""
    for each in dependant.dependencies:
        yield each.call
        yield from calls(each)


def test_every_route_has_a_guard_and_only_these_need_nobody(web: Web) -> None:
    found = list(routes(web))
    assert len(found) > 20
    for route in found:
        guards = [call for call in calls(route.dependant) if isinstance(call, Allowed | Anyone)]
        assert len(guards) == 1, route.path
        assert isinstance(guards[0], Anyone) == (route.path in OPEN), route.path


@pytest.mark.parametrize("path", ROUTES)
async def test_each_role_gets_its_own_and_nobody_gets_nothing(web: Web, backend: Backend, path: str) -> None:
    for role in Role:
        pid = web.person() if role is Role.EMPLOYEE else ""
        client = backend(role, units=["*"], pid=pid, unit="panrb")
        expected = 200 if role in ROUTES[path] else 403
        assert (await client.get(path)).status_code == expected, role
    answer = await backend().get(path, headers={"accept": "application/json"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    wrong = await backend().get(path, headers={"authorization": "Bearer hadir_x", "accept": "application/json"})
    assert wrong.status_code == 401


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
        for path in (*ROUTES, "/api/v1/availability?at=2026-11-26T05:00:00Z", "/healthz", "/readyz"):
            text = (await client.get(path)).text
            for canary in (pid, "Kenari", "199001012020121001"):
                assert canary not in text, (role, path)

"""Every route by introspection: it has a guard, stands in the table of routes.py, and does as the table says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from gateway.web.viewer import SAFE, Allowed, Anyone, Role
from tests.web.conftest import Web
from tests.web.driver import ROLES, Answer, Endpoint, Reader, endpoints, reader, routes
from tests.web.office import FLOOR
from tests.web.routes import EXPECTED, SAMPLES, UNGUARDED

ADD = "add it to tests/web/routes.py: who may use it"


def guards(dependant: Dependant) -> Iterator[Allowed | Anyone]:
    if isinstance(dependant.call, Allowed | Anyone):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from guards(inner)


def target(endpoint: Endpoint) -> str:
    """Its path, with samples for its parameters."""
    names = re.findall(r"{(\w+)(?::\w+)?}", endpoint.path)
    missing = [name for name in names if name not in SAMPLES]
    assert not missing, f"{endpoint.name}: give samples of {missing} in SAMPLES of tests/web/routes.py"
    return re.sub(r"{(\w+)(?::\w+)?}", lambda found: SAMPLES[found[1]], endpoint.path)


def accounts(web: Web) -> dict[Role, str]:
    """An account of each role, which sees every unit; the employee is a person."""
    create, place = web.site.accounts.create, f"{FLOOR}/timur/_"
    made = {role: create(roles=[role], units=["*"], place=place) for role in ROLES if role != Role.EMPLOYEE}
    return {**made, Role.EMPLOYEE: web.site.accounts.of_person(web.person(), "panrb")}


async def ask(web: Web, endpoint: Endpoint, who: Reader, **more: object) -> Answer:
    web.clock.advance(1)  # the limit of changes is another test's
    data = None if endpoint.method in SAFE else {}
    return await who.ask(endpoint.method, target(endpoint), data=data, **more)  # type: ignore[arg-type]


def test_every_route_has_a_guard_and_stands_in_the_table(web: Web) -> None:
    found = endpoints(web.app)
    bare = [endpoint.name for endpoint in found if not list(guards(endpoint.route.dependant))]
    assert not bare, f"routes without Depends(allowed(...)) or Depends(Anyone()): {bare}"
    others = {path for path, route in routes(web.app) if not isinstance(route, APIRoute)}
    assert others == UNGUARDED, f"mounts and plain routes have no guard: {others ^ UNGUARDED}"
    new = sorted({endpoint.name for endpoint in found} - EXPECTED.keys())
    assert not new, f"new routes: {new}; {ADD}"
    gone = sorted(EXPECTED.keys() - {endpoint.name for endpoint in found})
    assert not gone, f"routes that are no longer: {gone}; take them out of tests/web/routes.py"


async def test_every_route_answers_each_role_as_the_table_says(web: Web) -> None:
    known = accounts(web)
    wrong: list[str] = []
    for endpoint in endpoints(web.app):
        may = EXPECTED.get(endpoint.name, frozenset())
        nobody = await ask(web, endpoint, Reader(web.app))
        if nobody.sends_to_sign_in is (may is None):
            wrong.append(f"{endpoint.name} as nobody: {nobody.status}")
        for role in ROLES:
            who = reader(web.site, web.app, known[role])
            answer = await ask(web, endpoint, who)
            refused = answer.status == 403 or answer.sends_to_sign_in
            expected = may is not None and role not in may
            if endpoint.name == "POST /masuk":  # an empty code is refused, whoever gives it
                continue
            if refused is not expected or answer.status == 500:
                wrong.append(f"{endpoint.name} as {role}: {answer.status}, expected {'403' if expected else 'well'}")
    assert not wrong, "\n".join(wrong)


CROSSED = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "https://kantor.test.evil.example"},
)


async def test_every_change_is_refused_without_its_token_and_from_another_site(web: Web) -> None:
    known = accounts(web)
    wrong: list[str] = []
    changing = [endpoint for endpoint in endpoints(web.app) if endpoint.method not in SAFE]
    assert changing
    for endpoint in changing:
        may = EXPECTED.get(endpoint.name, frozenset())
        role = Role.EMPLOYEE if may is None or Role.EMPLOYEE in may else sorted(may)[0] if may else Role.OPERATOR
        who = reader(web.site, web.app, known[role])
        attempts = [{"headers": headers, "csrf": True} for headers in CROSSED]
        if may is not None:
            attempts += [{"csrf": False}, {"headers": {"x-csrf-token": "x" * 32}, "csrf": False}]
            attempts += [{"headers": {"x-csrf-token": "\xe9"}, "csrf": False}]
        for attempt in attempts:
            answer = await ask(web, endpoint, who, **attempt)
            if answer.status != 403:
                wrong.append(f"{endpoint.name} {attempt}: {answer.status}")
    assert not wrong, "\n".join(wrong)


async def test_no_safe_method_reaches_a_change(web: Web) -> None:
    """GET and HEAD of a path that only changes are 405; a TRACE or an unknown method as well."""
    who = reader(web.site, web.app, accounts(web)[Role.OPERATOR])
    paths = {endpoint.path for endpoint in endpoints(web.app)}
    safe = {endpoint.path for endpoint in endpoints(web.app) if endpoint.method == "GET"}
    for endpoint in endpoints(web.app):
        if endpoint.path in paths - safe:
            for method in ("GET", "HEAD", "TRACE", "HADIR"):
                assert (await who.ask(method, target(endpoint))).status in (404, 405), (method, endpoint.path)


@pytest.mark.parametrize(
    "value", ["%00", "..%2f..%2fetc%2fpasswd", "%ff%fe", "<script>", "a" * 3000, "\u202e", "%0d%0aset-cookie:x=1"]
)
async def test_strange_parameters_are_no_mistake_of_ours(web: Web, value: str) -> None:
    known = accounts(web)
    readers = {role: reader(web.site, web.app, account) for role, account in known.items()}
    for endpoint in endpoints(web.app):
        if endpoint.method == "GET" and "{" in endpoint.path:
            path = re.sub(r"{[^}]+}", unquote(value, errors="replace"), endpoint.path)
            may = EXPECTED.get(endpoint.name) or frozenset({Role.EMPLOYEE})
            answer = await readers[sorted(may)[0]].ask("GET", path)
            assert answer.status != 500, (endpoint.name, answer.status)
            assert not any(letter in header for header in answer.headers.values() for letter in "\r\n\0")
            assert "<script>" not in answer.text

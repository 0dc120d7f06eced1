"""Who may use which route: every route of pages/ and api/ stands here. A new one is added by whoever makes it."""

from __future__ import annotations

from gateway.web.viewer import Role

DISPLAY, KIOSK, EMPLOYEE = Role.DISPLAY, Role.KIOSK, Role.EMPLOYEE
OPERATOR, ANALYST, INTEGRATOR = Role.OPERATOR, Role.ANALYST, Role.INTEGRATOR
SIGNED_IN = frozenset(Role)
EVERYBODY: frozenset[Role] | None = None
"""Without signing in as well."""

EXPECTED: dict[str, frozenset[Role] | None] = {
    "GET /": SIGNED_IN,
    "GET /masuk": EVERYBODY,
    "POST /masuk": EVERYBODY,
    "GET /masuk/{issuer}": EVERYBODY,
    "GET /masuk/{issuer}/kembali": EVERYBODY,
    "POST /masuk/{issuer}/hubungkan": EVERYBODY,
    "GET /masuk/{issuer}/keluar": EVERYBODY,
    "POST /keluar": SIGNED_IN,
    "GET /bahasa/{code}": EVERYBODY,
    "GET /langsung/{building}/{floor}": SIGNED_IN,
    "GET /akun": SIGNED_IN,
    "POST /akun/keluar": SIGNED_IN,
    "POST /akun/keluar-semua": SIGNED_IN,
}
UNGUARDED = {"/api/v1/openapi.json", "/static", "/static/htmx"}
"""Answered to everybody without a guard: files of ours, and the description of the API."""

SAMPLES = {
    "issuer": "tidak-ada",
    "code": "en",
    "building": "utama",
    "floor": "l01",
    "zone": "timur",
    "space": "d-001",
}
"""Values of parameters in paths."""

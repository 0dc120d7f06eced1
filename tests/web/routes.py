"""Who may use which route: every route of pages/ and api/ stands here. A new one is added by whoever makes it."""

from __future__ import annotations

from gateway.web.viewer import Role

DISPLAY, KIOSK, EMPLOYEE = Role.DISPLAY, Role.KIOSK, Role.EMPLOYEE
OPERATOR, ANALYST, INTEGRATOR = Role.OPERATOR, Role.ANALYST, Role.INTEGRATOR
SIGNED_IN = frozenset(Role)
LOOKS = frozenset({DISPLAY, EMPLOYEE, OPERATOR})
AT_KIOSK = frozenset({KIOSK})
OPERATES = frozenset({OPERATOR})
REPORTS = frozenset({OPERATOR, ANALYST})
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
    "GET /denah": LOOKS,
    "GET /denah/saya": LOOKS,
    "GET /denah/{building}/{floor}": LOOKS,
    "GET /denah/{building}/{floor}/tempat/{zone}/{space}": LOOKS,
    "GET /d": frozenset({EMPLOYEE}),
    "GET /display/{code}.png": LOOKS | {KIOSK},
    "GET /kiosk": AT_KIOSK,
    "GET /kiosk/tamu": AT_KIOSK,
    "POST /kiosk/hadir": AT_KIOSK,
    "POST /kiosk/kartu": AT_KIOSK,
    "POST /kiosk/lepas": AT_KIOSK,
    "POST /kiosk/meja": AT_KIOSK,
    "POST /kiosk/pakai": AT_KIOSK,
    "POST /kiosk/pilih": AT_KIOSK,
    "POST /kiosk/selesai": AT_KIOSK,
    "POST /kiosk/tamu": AT_KIOSK,
    "GET /laporan": REPORTS,
    "GET /laporan/grafik/{chart}.svg": REPORTS,
    "GET /laporan/rekap.pdf": REPORTS,
    "GET /laporan/tabel.csv": REPORTS,
    "GET /laporan/tabel.xlsx": REPORTS,
    "GET /api/v1/reports/coverage": REPORTS,
    "GET /api/v1/reports/dwell": REPORTS,
    "GET /api/v1/reports/no-show": REPORTS,
    "GET /api/v1/reports/peak": REPORTS,
    "GET /api/v1/reports/units": REPORTS,
    "GET /api/v1/reports/utilization": REPORTS,
    "GET /operator": OPERATES,
    "GET /operator/isi": OPERATES,
    "POST /operator/bisukan": OPERATES,
    "GET /operator/denah/{building}/{floor}": OPERATES,
    "POST /operator/denah/{building}/{floor}": OPERATES,
    "GET /operator/gerbang": OPERATES,
    "GET /operator/gerbang/laporan": OPERATES,
    "GET /operator/gerbang/laporan.csv": OPERATES,
    "GET /operator/perangkat": OPERATES,
    "GET /operator/perangkat.csv": OPERATES,
    "GET /operator/perangkat/{name}": OPERATES,
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
    "chart": "heatmap",
    "name": "mmw-d-001",
}
"""Values of parameters in paths."""

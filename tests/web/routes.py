"""Who may use which route: every route of pages/ and api/ stands here. A new one is added by whoever makes it."""

from __future__ import annotations

from gateway.web.viewer import Role

DISPLAY, KIOSK, EMPLOYEE = Role.DISPLAY, Role.KIOSK, Role.EMPLOYEE
OPERATOR, ANALYST, INTEGRATOR = Role.OPERATOR, Role.ANALYST, Role.INTEGRATOR
SIGNED_IN = frozenset(Role)
EMPLOYEES = frozenset({EMPLOYEE})
MACHINES = frozenset({OPERATOR, INTEGRATOR})
LOOKS = frozenset({DISPLAY, EMPLOYEE, OPERATOR})
AT_KIOSK = frozenset({KIOSK})
OPERATES = frozenset({OPERATOR})
REPORTS = frozenset({OPERATOR, ANALYST})
EVERYBODY: frozenset[Role] | None = None
"""Without signing in as well."""

EXPECTED: dict[str, frozenset[Role] | None] = {
    # signing in
    "GET /masuk": EVERYBODY,
    "POST /masuk": EVERYBODY,
    "GET /masuk/{issuer}": EVERYBODY,
    "GET /masuk/{issuer}/kembali": EVERYBODY,
    "POST /masuk/{issuer}/hubungkan": EVERYBODY,
    "GET /masuk/{issuer}/keluar": EVERYBODY,
    "POST /keluar": SIGNED_IN,
    "GET /bahasa/{code}": EVERYBODY,
    "GET /akun": SIGNED_IN,
    "POST /akun/keluar": SIGNED_IN,
    "POST /akun/keluar-semua": SIGNED_IN,
    # employees
    "GET /": SIGNED_IN,
    "GET /beranda/kini": EMPLOYEES,
    "POST /beranda/ambil": EMPLOYEES,
    "POST /beranda/batal": EMPLOYEES,
    "POST /beranda/datang": EMPLOYEES,
    "POST /beranda/lepas": EMPLOYEES,
    "GET /d": EMPLOYEES,
    "GET /d/{code}": EMPLOYEES,
    "GET /d/{code}/kini": EMPLOYEES,
    "POST /d/{code}/ambil": EMPLOYEES,
    "POST /d/{code}/batal": EMPLOYEES,
    "POST /d/{code}/datang": EMPLOYEES,
    "POST /d/{code}/lapor": EMPLOYEES,
    "POST /d/{code}/lepas": EMPLOYEES,
    "POST /d/{code}/pesan": EMPLOYEES,
    "GET /orang": EMPLOYEES,
    "GET /privasi": EMPLOYEES,
    "POST /privasi/berbagi": EMPLOYEES,
    "POST /privasi/senyap": EMPLOYEES,
    "GET /riwayat": EMPLOYEES,
    "GET /riwayat/gangguan": EMPLOYEES,
    "GET /riwayat/gangguan/{tanggal}": EMPLOYEES,
    "GET /riwayat/hapus": EMPLOYEES,
    "POST /riwayat/hapus": EMPLOYEES,
    "GET /riwayat/koreksi": EMPLOYEES,
    "POST /riwayat/koreksi": EMPLOYEES,
    "POST /riwayat/koreksi/tarik": EMPLOYEES,
    "GET /riwayat/unduh.csv": EMPLOYEES,
    "GET /riwayat/unduh.json": EMPLOYEES,
    # floors and screens on walls
    "GET /denah": LOOKS,
    "GET /denah/saya": LOOKS,
    "GET /denah/{building}/{floor}": LOOKS,
    "GET /denah/{building}/{floor}/tempat/{zone}/{space}": LOOKS,
    "GET /langsung/{building}/{floor}": SIGNED_IN,
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
    # operators and analysts
    "GET /operator": OPERATES,
    "GET /operator/isi": OPERATES,
    "POST /operator/bisukan": OPERATES,
    "GET /operator/denah/{building}/{floor}": OPERATES,
    "POST /operator/denah/{building}/{floor}": OPERATES,
    "GET /operator/gerbang": OPERATES,
    "GET /operator/gerbang/laporan": OPERATES,
    "GET /operator/gerbang/laporan.csv": OPERATES,
    "GET /operator/koreksi": OPERATES,
    "GET /operator/koreksi/{identity}": OPERATES,
    "POST /operator/koreksi/{identity}": OPERATES,
    "POST /operator/koreksi/masalah/{identity}": OPERATES,
    "GET /operator/perangkat": OPERATES,
    "GET /operator/perangkat.csv": OPERATES,
    "GET /operator/perangkat/{name}": OPERATES,
    "GET /mengapa": OPERATES,
    "POST /mengapa/orang": OPERATES,
    "GET /laporan": REPORTS,
    "GET /laporan/grafik/{chart}.svg": REPORTS,
    "GET /laporan/rekap.pdf": REPORTS,
    "GET /laporan/tabel.csv": REPORTS,
    "GET /laporan/tabel.xlsx": REPORTS,
    # backends
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": MACHINES,
    "GET /api/v1/asyncapi.yaml": EVERYBODY,
    "GET /api/v1/schemas": EVERYBODY,
    "GET /api/v1/schemas/{name}/{version}": EVERYBODY,
    "GET /api/v1/me": SIGNED_IN,
    "GET /api/v1/me/checkins": EMPLOYEES,
    "GET /api/v1/places": SIGNED_IN,
    "GET /api/v1/places/{path:path}": SIGNED_IN,
    "GET /api/v1/availability": SIGNED_IN,
    "POST /api/v1/checkins": EMPLOYEES,
    "POST /api/v1/checkins/{checkin_id}/end": EMPLOYEES | OPERATES,
    "GET /api/v1/reservations": EMPLOYEES,
    "POST /api/v1/reservations": EMPLOYEES,
    "DELETE /api/v1/reservations/{booking_ref}": EMPLOYEES,
    "GET /api/v1/attendance": MACHINES,
    "GET /api/v1/devices": MACHINES,
    "GET /api/v1/devices/{device}": MACHINES,
    "GET /api/v1/gateways": MACHINES,
    "GET /api/v1/gateways/{gateway}": MACHINES,
    "GET /api/v1/gateways/{gateway}/gaps": MACHINES,
    "GET /api/v1/gateways/{gateway}/health": MACHINES,
    "GET /api/v1/events": MACHINES,
    "GET /api/v1/stream": MACHINES,
    "GET /api/v1/stream/{building}/{floor}": SIGNED_IN,
    "GET /api/v1/reports/coverage": REPORTS,
    "GET /api/v1/reports/dwell": REPORTS,
    "GET /api/v1/reports/no-show": REPORTS,
    "GET /api/v1/reports/peak": REPORTS,
    "GET /api/v1/reports/units": REPORTS,
    "GET /api/v1/reports/utilization": REPORTS,
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
    "chart": "jam",
    "name": "mmw-d-001",
    "version": "1",
    "tanggal": "2026-11-26",
    "identity": "c-none",
    "path": "kantor/utama/l01/timur/d-001",
    "checkin_id": "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0ca",
    "booking_ref": "none",
    "device": "mmw-d-001",
    "gateway": "gw-01",
}
"""Values of parameters in paths."""

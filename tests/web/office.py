"""An office for the web's tests: one floor, two agencies' zones, a gateway, real files in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.cli import main
from gateway.clock import SECOND
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.web.live import Live

FLOOR = "kantor/utama/l01"
DESK, OTHER, ROOM, FOREIGN = (f"{FLOOR}/{rest}" for rest in ("timur/d-001", "timur/d-002", "timur/r-01", "barat/d-003"))
GATEWAY, BOOT = "gw-01", "000001-abcd"
OFFICE = """
version: 1
site: kantor
name: Kantor Uji
buildings:
  - id: utama
    name: Gedung Utama
    coordinator: gw-01
    floors:
      - id: l01
        name: Lantai 1
        owner: gw-01
        zones:
          - id: timur
            name: Timur
            unit: panrb
            neighbours: [barat]
            spaces:
              - {{id: d-001, kind: desk, name: Meja 1}}
              - {{id: d-002, kind: desk, name: Meja 2, accessible: true}}
              - {{id: r-01, kind: room, name: Ruang Mahakam, capacity: 8}}
          - id: barat
            name: Barat
            unit: bkn
            neighbours: [timur]
            spaces:
              - {{id: d-003, kind: desk, name: Meja 3}}
          - {{id: musala, name: Musala, private: true}}
gateways:
  - id: gw-01
    place: utama/l01
    sources:
      - {{id: reader, type: serial, port: {folder}/tty-reader, device: rdr-d-001}}
      - {{id: radar, type: serial, port: {folder}/tty-radar, device: mmw-d-001}}
      - {{id: radar-2, type: serial, port: {folder}/tty-radar-2, device: mmw-d-002}}
      - {{id: radar-3, type: serial, port: {folder}/tty-radar-3, device: mmw-d-003}}
devices:
  - {{id: rdr-d-001, driver: rdm6300, place: utama/l01/timur/d-001, role: desk}}
  - {{id: mmw-d-001, driver: ld2410, place: utama/l01/timur/d-001}}
  - {{id: mmw-d-002, driver: ld2410, place: utama/l01/timur/d-002}}
  - {{id: mmw-d-003, driver: ld2410, place: utama/l01/barat/d-003}}
broker: {{port: {port}}}
web: {{port: {web_port}}}
clock: {{trust: always}}
"""


def write_office(folder: Path, *, port: int, web_port: int = 8080, more: str = "") -> Path:
    """Keys and office.yaml in `folder`; the path of office.yaml."""
    assert main(["init", str(folder), "--site", "kantor"]) == 0
    file = folder / "office.yaml"
    file.write_text(OFFICE.format(folder=folder, port=port, web_port=web_port) + more, encoding="utf-8")
    return file


def told(live: Live, place: str, state: str, now: int, **more: Any) -> None:
    """A gateway's retained state of a place, as it would come over the broker at office time `now`."""
    values = {"confidence": 0.9, "gateway": GATEWAY, "boot": BOOT, "sequence": 1, "cause": None, **more}
    live.take(topics.state(place), wire.place_state(state, valid_until=now + 90 * SECOND, **values))


def ready(live: Live, now: int, state: str = "ready") -> None:
    """The gateway says that it is there, and the web has a broker."""
    live.set_connected(True)
    status = wire.gateway_status(state, boot=BOOT, version="0.1.0", config="c0ffee", at=now)
    live.take(topics.gateway_status("kantor", GATEWAY), status)

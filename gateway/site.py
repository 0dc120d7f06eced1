"""`hadir init`: a folder with the site's key, a first office.yaml to edit, and `var` for what the daemons keep."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.config.model import People
from gateway.config.types import IDENTIFIER
from gateway.errors import HadirError
from gateway.people import SiteKey

OFFICE = """\
# hadir: one file describes the office. Check it with:  hadir check office.yaml
version: 1
site: {site}
timezone: Asia/Makassar

buildings:
  - id: utama
    coordinator: gw-01           # sees to one desk a person, and to where tags are
    floors:
      - id: l01
        owner: gw-01             # the gateway that decides the places of this floor
        zones:
          - id: timur
            spaces:
              - {{id: d-001, kind: desk}}
              - {{id: d-002, kind: desk}}
              - {{id: r-01, kind: room, capacity: 6}}

gateways:
  - id: gw-01
    place: utama/l01
    sources:
      # ls -l /dev/serial/by-id shows the stable names; ttyUSB numbers move
      - {{id: reader-d-001, type: serial, port: /dev/serial/by-id/CHANGE-ME-1, device: rdr-d-001}}
      - {{id: radar-d-001, type: serial, port: /dev/serial/by-id/CHANGE-ME-2, device: mmw-d-001}}
      - {{id: ble-timur, type: ble, adapter: hci0, device: rcv-timur}}

devices:
  - {{id: rdr-d-001, driver: rdm6300, place: utama/l01/timur/d-001, role: desk}}
  - {{id: mmw-d-001, driver: ld2410, place: utama/l01/timur/d-001}}
  - {{id: rcv-timur, driver: receiver, place: utama/l01/timur}}

broker:
  port: 1883
  embedded: true                 # `hadir up` starts a broker on this port; in production name yours with tls
"""


def init(folder: Path, site: str) -> list[Path]:
    """Make the files that are not there, and overwrite none. Raises HadirError, also when there is nothing to make."""
    if not re.match(IDENTIFIER, site):
        raise HadirError(f'"{site}" is not an identifier: lower-case letters, digits and inner hyphens, 1 to 32')
    office, key, people = folder / "office.yaml", folder / "keys" / "site.key", folder / People().table
    made = [path for path in (office, key) if not path.exists()]
    if not made:
        raise HadirError(f"{office} is there already; choose another folder or move it away")
    if key in made and people.exists():
        text = f"people were enrolled in {people} under a key that is not there; put {key} back"
        raise HadirError(f"{text}, or move the table away and enrol everybody again")
    try:
        key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        people.parent.parent.mkdir(exist_ok=True, mode=0o700)
        if key in made:
            SiteKey.create(key)
        if office in made:
            office.write_text(OFFICE.format(site=site), encoding="utf-8")
    except OSError as error:
        raise HadirError(f"{error.filename or folder}: {error.strerror}") from error
    return made

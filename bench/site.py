"""The office that the benches run in: one gateway with four radio receivers and four badge readers, real files."""

from __future__ import annotations

from pathlib import Path

import yaml

from bench.adverts import RECEIVERS, tag_name
from gateway import durable
from gateway.config.load import load
from gateway.config.model import Office
from gateway.credentials import SiteKey
from gateway.decode import installed
from gateway.people import PeopleTable

SITE, BUILDING, FLOOR, GATEWAY = "bench", "b1", "l01", "gw-01"
ZONES = ("utara", "timur", "selatan", "barat")


def card(number: int) -> bytes:
    """The five bytes of a badge."""
    return b"\x0f" + number.to_bytes(4, "big")


def make(folder: Path, port: int, *, tags: int = 0, cards: int = 0, batch: int = 100) -> Office:
    """Write and read an office whose people have `tags` and `cards`; the gateway knows them already."""
    folder.mkdir(parents=True)
    file = folder / "office.yaml"
    file.write_text(yaml.safe_dump(_document(port, batch), sort_keys=False), encoding="utf-8")
    key_file = folder / "keys" / "site.key"
    key_file.parent.mkdir(mode=0o700)
    key = SiteKey.create(key_file)
    (folder / "var" / "archive").mkdir(parents=True)
    (folder / "var" / GATEWAY).mkdir()
    with PeopleTable(folder / "var" / "archive" / "people.sqlite", key) as table:
        for number in range(max(tags, cards)):
            values = [tag_name(number)] if number < tags else []
            values += [f"em4100:{card(number).hex().upper()}"] if number < cards else []
            table.enrol(unit=f"u{number % 5}", credentials=[(value, SITE) for value in values])
        body = table.snapshot(GATEWAY, since=None)
    durable.replace(folder / "var" / GATEWAY / "people", body)
    return load(file, drivers=installed())


def _document(port: int, batch: int) -> dict[str, object]:
    receivers = [f"rx-{n}" for n in range(RECEIVERS)]
    readers = [f"rdr-{n}" for n in range(len(ZONES))]
    return {
        "version": 1,
        "site": SITE,
        "simulated": True,
        "buildings": [
            {
                "id": BUILDING,
                "coordinator": GATEWAY,
                "floors": [
                    {
                        "id": FLOOR,
                        "owner": GATEWAY,
                        "zones": [
                            {"id": zone, "neighbours": [z for z in ZONES if z != zone], "spaces": [{"id": f"d-{zone}"}]}
                            for zone in ZONES
                        ],
                    }
                ],
            }
        ],
        "gateways": [
            {
                "id": GATEWAY,
                "place": f"{BUILDING}/{FLOOR}",
                "sources": [
                    *(
                        {"id": f"hci{n}", "type": "ble", "adapter": f"hci{n}", "device": rx}
                        for n, rx in enumerate(receivers)
                    ),
                    *(
                        {"id": f"tty-{n}", "type": "serial", "port": f"/dev/none-{n}", "device": rd}
                        for n, rd in enumerate(readers)
                    ),
                ],
            }
        ],
        "devices": [
            *(
                {"id": rx, "driver": "receiver", "place": f"{BUILDING}/{FLOOR}/{ZONES[n]}"}
                for n, rx in enumerate(receivers)
            ),
            *(
                {"id": rd, "driver": "rdm6300", "place": f"{BUILDING}/{FLOOR}/{ZONES[n]}", "role": "zone"}
                for n, rd in enumerate(readers)
            ),
        ],
        "broker": {"port": port},
        "outbox": {"batch": batch},
    }

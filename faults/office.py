"""The office of the proof: desks with a door system's reader each, one person a desk, one gateway, one archive.

A door system is the medium that says what was accepted: its request is answered 202 when the tap is durable and not
before. A tap carries its own time, so each event in the store can be led back to the one tap that caused it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import yaml

from faults.book import Action
from firmware_sim import door_system
from gateway.credentials import SiteKey
from gateway.people import PeopleTable
from tests.conftest import Mosquitto, free_port
from tests.system.site import Site

DESKS = 120
GATEWAY, ARCHIVE = "gw-01", "archive"
PLACE = "kantor/utama/l01/timur"
TOKEN = "3b1f8a0c5e7d42969b1f8a0c5e7d4296"
FIELDS = {"reader": "door.reader", "badge": "card.number", "at": "time", "id": "event.id"}
MS = 1_000_000


class RealOffice(Site):
    """Its processes, and the door system's side of it."""

    def __init__(
        self, folder: Path, broker: Mosquitto, *, port: int = 0, second: str = "", settings: Mapping[str, Any]
    ) -> None:
        """`port`: where gateways and archive find the broker (a proxy before it); `settings`: keys of office.yaml."""
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        text = document(self.port, port or broker.port, second, settings)
        with redirect_stdout(io.StringIO()):  # `hadir init` says what to do next
            super().__init__(folder, broker, text.replace("{", "{{").replace("}", "}}"), ())
        token = folder / "door.token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        self.people = self._enrol()

    def _enrol(self) -> list[str]:
        key = SiteKey.load(self.folder / "keys" / "site.key")
        with PeopleTable(self.folder / "var" / "archive" / "people.sqlite", key) as table:
            return [
                table.enrol(unit="bkn", credentials=[(f"em4100:{_card(number).hex().upper()}", "kantor")])
                for number in range(DESKS)
            ]

    @property
    def ledger(self) -> Path:
        return self.folder / "var" / "archive" / "ledger.sqlite"

    def post(self, actions: Sequence[Action], timeout: float = 8.0) -> int:
        """HTTP status of the answer; 0: none."""
        taps = [door_system.Tap(_desk(a.card), door_system.tag_hex(_card(a.card)), a.at, a.number) for a in actions]
        client = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            client.request("POST", "/", door_system.message(*taps), {"Authorization": f"Bearer {TOKEN}"})
            answer = client.getresponse()
            body = answer.read()
        except (OSError, HTTPException):
            return 0
        finally:
            client.close()
        if answer.status == 202 and json.loads(body).get("dropped"):
            raise AssertionError(f"a tap was dropped: {body!r}")
        return answer.status


def document(hook_port: int, broker_port: int, second: str, more: Mapping[str, Any]) -> str:
    """The text of office.yaml. `second`: another gateway, which coordinates the building; empty: there is none."""
    desks = [_desk(number) for number in range(DESKS)]
    hook = {"id": "hook", "type": "door_webhook", "port": hook_port, "token_file": "door.token", "fields": FIELDS}
    zone = {"id": "timur", "spaces": [{"id": desk} for desk in desks]}
    floor = {"id": "l01", "owner": GATEWAY, "zones": [zone]}
    reader = {"driver": "door", "profile": "em4100_hex"}
    whole = {
        "version": 1,
        "site": "kantor",
        "timezone": "Asia/Makassar",
        "buildings": [{"id": "utama", "coordinator": second or GATEWAY, "floors": [floor]}],
        "gateways": [
            {"id": GATEWAY, "place": "utama/l01", "sources": [hook | {"devices": [f"reader-{d}" for d in desks]}]},
            *([{"id": second, "place": "utama"}] if second else []),
        ],
        "devices": [
            {"id": f"reader-{desk}", **reader, "address": desk, "place": f"utama/l01/timur/{desk}"} for desk in desks
        ],
        "rules": {"desk": {"end_of_day": "23:59"}},  # nobody is sent home while the proof runs
        **more,
        "broker": {"port": broker_port, **more.get("broker", {})},
    }
    return yaml.safe_dump(whole, sort_keys=False)


def place(card: int) -> str:
    """Of the desk whose card that is."""
    return f"{PLACE}/{_desk(card)}"


def _desk(number: int) -> str:
    return f"d-{number:03d}"


def _card(number: int) -> bytes:
    return bytes((0x0F, 3, 0, 0, number))

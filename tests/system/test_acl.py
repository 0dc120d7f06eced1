"""config/hadir.acl on a real Mosquitto: a site works with it, and a display sees no person."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Mosquitto
from tests.system.acl import guarded, seen_by
from tests.system.site import Site
from tests.system.test_two_gateways import FIRST, OFFICE, SECOND


def test_a_site_works_with_the_example_and_a_display_sees_no_person(
    tmp_path: Path, make_mosquitto: Callable[..., Mosquitto]
) -> None:
    broker, secret = guarded(make_mosquitto, tmp_path, ("gw-01", "gw-02", "archive", "display"))
    site = Site(tmp_path / "site", broker, OFFICE, ("one", "two"))
    office = site.file.read_text()
    try:
        for name in ("archive", "gw-01", "gw-02"):
            site.file = site.folder / f"{name}.yaml"
            named = f"broker: {{username: {name}, password_file: {secret}, port:"
            site.file.write_text(office.replace("broker: {port:", named))
            site.start(name)

        def day() -> None:
            site.ready("gw-01")
            site.ready("gw-02")
            site.tap("one")
            site.until(lambda status: status["desks"] == {"taken": 1}, "gw-01")
            time.sleep(1.6)  # a card that is held is one tap; this is another
            site.tap("two")  # a reading for gw-02, and a command from the coordinator back to gw-01
            site.until(lambda status: status["desks"] == {"taken": 1}, "gw-02")
            site.until(lambda status: status["desks"] == {"free": 1}, "gw-01")
            site.drained("gw-01")
            site.drained("gw-02")

        assert asyncio.run(seen_by(broker.port, "display", day)) == {"state", "agg", "place"}
        assert [event["subject"] for event in site.stored("desk.checkin.started")] == [FIRST, SECOND]
    finally:
        site.close()

"""config/hadir.acl on a real Mosquitto: the web application works as its own user, who hears of no person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx

from gateway.web.viewer import Role
from tests.conftest import Mosquitto
from tests.system.acl import guarded, seen_by
from tests.web.office import DESK
from tests.web.running import RunningWeb


def test_the_web_has_a_user_of_its_own_that_hears_of_no_person(
    tmp_path: Path, make_mosquitto: Callable[..., Mosquitto]
) -> None:
    broker, secret = guarded(make_mosquitto, tmp_path, ("gw-01", "archive", "web"))
    site = RunningWeb(tmp_path / "site", broker)
    office = site.file.read_text()
    own = f"broker: {{username: web, password_file: {secret}, port: {broker.port}}}"
    try:
        for name in ("archive", "gw-01"):
            site.file = site.folder / f"{name}.yaml"
            named = f"broker: {{username: {name}, password_file: {secret}, port:"
            text = office.replace("broker: {port:", named).replace("web: {port:", f"web: {{{own}, port:")
            site.file.write_text(text)
            site.start(name)
        site.file = site.folder / "archive.yaml"  # the web's box is the archive's: its own user stands in web.broker
        site.serve()
        site.ready()
        code = site.code(Role.EMPLOYEE, pid=site.holder())

        def take() -> None:
            with httpx.Client(base_url=site.url, headers={"accept": "application/json"}) as client:
                entered = client.post("/masuk", data={"kode": code})
                client.headers["cookie"] = entered.headers["set-cookie"].split(";")[0]  # Secure: browsers send it here
                page = client.get("/akun", headers={"accept": "text/html"}).text
                csrf = {"x-csrf-token": page.split('name="csrf" value="')[1].split('"')[0]}
                answer = client.post("/api/v1/checkins", json={"place": DESK}, headers=csrf)
                assert answer.status_code == 201, (answer.text, site.log())
                site.drained()

        seen = asyncio.run(seen_by(broker.port, "web", take))
        assert seen >= {"state", "gw", "res"}
        assert seen <= {"state", "agg", "gw", "dev", "res"}
        assert [event["data"]["method"] for event in site.stored("desk.checkin.started")] == ["web"]
    finally:
        site.close()

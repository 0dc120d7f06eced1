"""`hadir why` over real ledgers: what was held at a time, why, what lost, and what would change it."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.cli import main
from gateway.contract.envelope import ClockQuality, Envelope, Origin, decode, encode
from gateway.ledger import Ledger
from rules.api import SECOND, Event

OFFICE = """\
site: kantor
buildings:
  - id: utama
    coordinator: gw-01
    floors:
      - id: l01
        owner: gw-01
        zones:
          - id: timur
            unit: panrb
            guests: refuse
            spaces: [{id: d-001}, {id: d-002}, {id: r-01, kind: room}]
          - id: barat
            spaces: [{id: d-003}]
gateways:
  - {id: gw-01, place: utama/l01}
devices:
  - {id: mmw-1, driver: ld2410, place: utama/l01/timur/d-001}
  - {id: rdr-1, driver: rdm6300, place: utama/l01/timur/d-001}
calendar:
  notes: [{first: 2026-11-23, last: 2026-11-25, text: masa WFA}]
"""
DESK, ZONE = "kantor/utama/l01/timur/d-001", "kantor/utama/l01/timur/_"
CHECKIN = "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0ca"
VISIT = "5b0c5c8e-1111-5222-8333-444455556666"
BOOT = "000001-aaaa"
RADAR = {"dev": "mmw-1", "modality": "radar", "kind": "occupied", "value": True, "age_s": 0.4, "weight": 0.92}
DAY = "2026-11-24"
"""A Tuesday."""


def at(clock: str, day: str = DAY) -> int:
    return (
        round(datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=ZoneInfo("Asia/Makassar")).timestamp()) * SECOND
    )


class Site:
    """A folder with office.yaml, keys and a ledger that a test writes."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["init", str(folder), "--site", "kantor"]) == 0
        self.file = folder / "office.yaml"
        self.file.write_text(OFFICE, encoding="utf-8")
        self._capsys = capsys
        self._sequence = 0
        self._ledger = folder / "var" / "archive" / "ledger.sqlite"
        self._ledger.parent.mkdir(parents=True, exist_ok=True)

    def enrol(self) -> str:
        self._capsys.readouterr()
        assert main(["people", str(self.file), "enrol", "--unit", "panrb", "--credential", "em4100:0F0368568B"]) == 0
        return self._capsys.readouterr().out.strip()

    def tell(self, *events: Event, boot: str = BOOT) -> None:
        told: list[Envelope] = []
        origin = Origin(site="kantor", building="utama", gateway="gw-01", boot=boot)
        rules = {"occupancy": "occupancy/1", "desk": "desk/1", "presence": "presence/1"}
        for event in events:
            self._sequence += 1
            rule = rules.get(event.type.partition(".")[0], "")
            clock = ClockQuality("ntp")
            made = encode(event, origin, sequence=self._sequence, recorded_at=event.at, rule=rule, clock=clock)
            told.append(decode(made.body))
        ledger = Ledger(self._ledger)
        try:
            assert {outcome.state for outcome in ledger.commit(told)} == {"stored"}
        finally:
            ledger.close()

    def why(self, what: str, when: str, *more: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main(["why", str(self.file), what, "--at", when, *more])
        return code, *self._capsys.readouterr()

    def json(self, what: str, when: str) -> dict[str, Any]:
        code, out, error = self.why(what, when, "--json")
        assert code == 0, error
        answer: dict[str, Any] = json.loads(out)
        return answer


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    return Site(tmp_path / "site", capsys)


def changed(clock: str, state: str, prev: str, cause: str | None = None, place: str = DESK, **more: Any) -> Event:
    data = {"state": state, "prev": prev, "cause": cause, "since": at(clock), "confidence": 0.92, "evidence": [RADAR]}
    return Event("occupancy.changed", place, at(clock), {**data, **more})


def gateway(clock: str, what: str) -> Event:
    return Event(f"gateway.{what}", "kantor/utama/l01/_/_", at(clock), {})


def checkin(clock: str, what: str, person: str = "", **more: Any) -> list[Event]:
    tapped = {**RADAR, "dev": "rdr-1", "modality": "badge", "kind": "badge", "weight": 1.0, "age_s": 0.0}
    data: dict[str, Any] = {
        "checkin_id": CHECKIN,
        "method": "badge",
        "matches_reservation": False,
        "evidence": [tapped],
    }
    data |= more
    if what == "ended":
        data |= {"last_evidence": at(clock), "dwell_s": 1.0, "start": at("09:00"), "place": DESK, "ended_by": "act"}
    events = [Event(f"desk.checkin.{what}", DESK, at(clock), data)]
    return [*events, events[0]._replace(cls="who", person=person, unit="panrb")] if person else events


def morning(site: Site, person: str = "") -> None:
    """08.00 starting, 09.00 taken and occupied, 10.00 vacant, 10.30 unknown, 10.40 vacant, 12.00 left."""
    site.tell(
        gateway("08:00", "started"),
        changed("08:00", "unknown", "unknown", "starting", evidence=[]),
        changed("08:01", "vacant", "unknown"),
        *checkin("09:00", "started", person),
        changed("09:00:30", "occupied", "vacant", challenger={"state": "vacant", "weight": 0.3}),
        changed("10:00", "vacant", "occupied"),
        changed("10:30", "unknown", "vacant", "sensor_stale"),
        changed("10:40", "vacant", "unknown"),
        *checkin("12:00", "ended", person, reason="user"),
    )


# --- a place --------------------------------------------------------------------------------------------------------


def test_the_state_in_force_with_its_evidence_and_what_lost(site: Site) -> None:
    morning(site)
    told = site.json(DESK, f"{DAY} 09:15")
    held = told["occupancy"]
    assert (held["state"], held["cause"], held["since"]) == ("occupied", None, "2026-11-24T01:00:30.000Z")
    assert (held["confidence"], held["rule"], held["gateway"], held["boot"]) == (0.92, "occupancy/1", "gw-01", BOOT)
    assert held["evidence"] == [{**RADAR, "age_now_s": 870.4}]
    assert held["challenger"] == {"state": "vacant", "weight": 0.3}
    assert [one["type"] for one in told["before"]] == ["occupancy.changed", "desk.checkin.started", "occupancy.changed"]
    assert [one.get("state") for one in told["after"]] == ["vacant", "unknown", "vacant"]
    assert (told["calendar"]["kind"], told["calendar"]["notes"]) == ("work", ["masa WFA"])
    text = site.why(DESK, f"{DAY} 09:15")[1]
    for words in (
        f"{DESK} at 2026-11-24 09:15:00 WITA, as the archive has it",
        "calendar: working time, until 12:00:00, masa WFA",
        "occupied since 09:00:30, confidence 0.92",
        "decided 09:00:30 by occupancy/1 on gw-01, event 000001-aaaa/5",
        "mmw-1 (radar) occupied: yes, weight 0.92, 0.4 s old when it was decided, 870.4 s by then",
        "lost: vacant, weight 0.3",
        "desk: taken since 09:00:00",
        "it belongs to panrb; it refuses other units",
        "10:00:00  vacant, was occupied",
        "vacant: when the devices of the place (mmw-1, rdr-1) have seen nobody",
        "free: the day ends at 19:00:00",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("clock", "state", "life", "due"),
    [
        ("07:30", "unknown", "free", None),
        ("08:30", "vacant", "free", None),
        ("09:30", "occupied", "taken", None),
        ("10:03", "vacant", "taken", "2026-11-24T03:00:00.000Z"),
        ("10:06", "vacant", "away", "2026-11-24T03:00:00.000Z"),
        ("10:35", "unknown", "taken", None),
        ("10:50", "vacant", "away", "2026-11-24T03:40:00.000Z"),
        ("13:00", "vacant", "free", None),
    ],
)
def test_life_goes_with_what_was_sensed(site: Site, clock: str, state: str, life: str, due: str | None) -> None:
    """While nobody knows, nothing is due: the grace begins again at 10.40."""
    morning(site)
    told = site.json("utama/l01/timur/d-001", f"{DAY} {clock}")
    assert (told["occupancy"]["state"], told["desk"]["life"]) == (state, life)
    assert told["desk"].get("release_due") == due


def test_the_grace_that_is_told_counts_no_breaks(site: Site) -> None:
    site.tell(*checkin("11:00", "started"), changed("11:30", "vacant", "occupied"))
    assert site.json(DESK, f"{DAY} 11:45")["desk"]["release_due"] == "2026-11-24T05:30:00.000Z", "13.30, behind lunch"
    assert "a break is on, which pauses that" in site.why(DESK, f"{DAY} 12:15")[1]


def test_a_gateway_that_was_not_there_is_unknown_and_says_so(site: Site) -> None:
    morning(site)
    site.tell(gateway("14:00", "started"), changed("14:00:01", "unknown", "vacant", "starting"), boot="000002-bbbb")
    told = site.json(DESK, f"{DAY} 13:00")["occupancy"]
    assert (told["state"], told["cause"], told["since"]) == ("unknown", "gateway_down", "2026-11-24T04:00:00.000Z")
    assert told["last_told"]["state"] == "vacant"
    text = site.why(DESK, f"{DAY} 13:00")[1]
    assert "because gateway gw-01, which decides it, was not heard" in text
    assert "last said: vacant since 10:40:00" in text
    assert "while nobody knows, nothing is released" not in text, "the desk is free"
    assert site.json(DESK, f"{DAY} 11:59")["occupancy"]["state"] == "vacant"


def test_a_reservation_is_told_while_it_keeps_the_desk(site: Site) -> None:
    def booked(clock: str, what: str, **more: Any) -> Event:
        data = {"booking_ref": "r1", "due": at("13:00"), "until": at("15:00"), "cause": "user", **more}
        return Event(f"desk.reservation.{what}", DESK, at(clock), data)

    site.tell(changed("08:00", "vacant", "unknown"), booked("09:00", "created"))
    assert site.json(DESK, f"{DAY} 12:30")["desk"]["life"] == "free"
    told = site.json(DESK, f"{DAY} 12:50")["desk"]
    assert (told["life"], told["release_due"]) == ("reserved", "2026-11-24T05:15:00.000Z")
    assert told["reservation"] == {"since": "2026-11-24T05:00:00.000Z", "until": "2026-11-24T07:00:00.000Z"}
    assert "the reservation is released as a no-show at 13:15:00" in site.why(DESK, f"{DAY} 13:01")[1]
    site.tell(booked("13:15", "released", cause="no_show"))
    assert site.json(DESK, f"{DAY} 13:16")["desk"]["life"] == "free"
    assert "13:15:00  reservation released (no_show)" in site.why(DESK, f"{DAY} 13:16")[1]


def test_a_zone_says_what_its_spaces_say(site: Site) -> None:
    morning(site)
    told = site.json("timur", f"{DAY} 09:15")
    assert (told["kind"], told["place"]) == ("zone", ZONE)
    assert [held["state"] for held in told["spaces"].values()] == ["occupied", "unknown", "unknown"]
    assert f"{DESK}: occupied since 09:00:30" in site.why("timur", f"{DAY} 09:15")[1]


# --- a person -------------------------------------------------------------------------------------------------------


def presence(clock: str, what: str, person: str, **more: Any) -> Event:
    data = {"visit_id": VISIT, "state": "present", "zone": ZONE, "method": "tag", "last_evidence": at(clock), **more}
    return Event(f"presence.{what}", ZONE, at(clock), data, "sense", person, "panrb")


def day_of(site: Site) -> str:
    pid = site.enrol()
    heard = [{"modality": "tag", "via": "rcv-1"}]
    lost = {"zone": "kantor/utama/l01/barat/_", "weight": -71.5}
    nothing = {"state": "unknown", "cause": "no_evidence"}
    site.tell(gateway("08:00", "started"), presence("08:55", "started", pid, evidence=heard, challenger=lost))
    morning(site, pid)
    site.tell(
        presence("12:10", "idle", pid, cause="no_evidence"),
        presence("13:00", "ended", pid, **nothing, ended_by="inferred", last_evidence=at("12:00")),
    )
    return pid


def test_a_person_at_a_moment(site: Site) -> None:
    pid = day_of(site)
    told = site.json(pid, f"{DAY} 09:15")
    held = told["presence"]
    assert (held["state"], held["zone"], held["since"]) == ("present", ZONE, "2026-11-24T00:55:00.000Z")
    assert held["challenger"]["zone"] == "kantor/utama/l01/barat/_"
    assert (told["desk"]["open"], told["desk"]["place"]) == (True, DESK)
    assert told["workplace"] is None
    text = site.why(pid, f"{DAY} 09:15")[1]
    for words in (
        "for the person and the keeper of the people table only (visibility: self)",
        f"present in {ZONE} since 08:55:00",
        "evidence: a tag, heard by rcv-1",
        "lost: kantor/utama/l01/barat/_, weight -71.5",
        f"desk: checked in at {DESK} since 09:00:00 by badge",
        "left: only an act",
    ):
        assert words in text, words
    gone = site.why(pid, f"{DAY} 13:30")[1]
    assert "unknown (no_evidence)" in gone
    assert "no evidence of absence" in gone
    assert site.json(pid, f"{DAY} 07:00")["presence"] == {"state": "unknown", "cause": "no_evidence", "since": None}


def test_a_place_names_nobody(site: Site) -> None:
    pid = day_of(site)
    for clock in ("09:15", "12:05", "13:30"):
        for what in (DESK, "timur"):
            told = "".join(site.why(what, f"{DAY} {clock}", *more)[1] for more in ((), ("--json",)))
            assert told
            assert pid not in told
            assert not re.search(r"p-[0-9a-f]{16}", told)


def test_who_may_not_ask_is_told_why(site: Site, tmp_path: Path) -> None:
    pid = day_of(site)
    code, out, error = site.why("p-0123456789abcdef", f"{DAY} 09:15")
    assert (code, out) == (1, "")
    assert "nobody has the pid" in error
    key = site.file.parent / "keys" / "site.key"
    key.rename(tmp_path / "elsewhere")
    code, out, error = site.why(pid, f"{DAY} 09:15")
    assert (code, out) == (1, "")
    assert "cannot be opened without the site's key" in error
    (tmp_path / "elsewhere").rename(key)
    assert main(["people", str(site.file), "erase", "--pid", pid]) == 0
    code, out, error = site.why(pid, f"{DAY} 09:15")
    assert (code, out) == (1, "")
    assert "was erased: nothing is kept" in error
    (site.file.parent / "var" / "archive" / "people.sqlite").unlink()
    assert "only where the people table is kept" in site.why(pid, f"{DAY} 09:15")[2]


# --- what is wrong with a question ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "when", "words"),
    [
        ("utama/l01/timur/d-01", "2026-11-24 09:15", 'did you mean "kantor/utama/l01/timur/d-001"?'),
        ("d-01", "2026-11-24 09:15", 'there is no space "d-01"; did you mean "d-001"?'),
        ("utama/l01", "2026-11-24 09:15", "is neither a space nor a zone: ask about one of those in it"),
        (DESK, "quarter past nine", 'is no time; write "09:15" (today)'),
        (DESK, "2026-11-24 25:15", "is no time"),
        (DESK, "2126-11-24 09:15", "is still to come"),
    ],
)
def test_an_error_says_what_to_do(site: Site, what: str, when: str, words: str) -> None:
    morning(site)
    code, out, error = site.why(what, when)
    assert (code, out) == (1, "")
    assert words in error


def test_without_a_ledger_or_an_office_it_says_where_to_ask(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "ask on the archive's box" in site.why(DESK, f"{DAY} 09:15")[2]
    monkeypatch.chdir(tmp_path)
    assert main(["why", DESK]) == 1
    assert f"which site? hadir why office.yaml {DESK} --at TIME" in capsys.readouterr().err
    morning(site)
    monkeypatch.chdir(site.file.parent)
    assert main(["why", "d-001", "--at", f"{DAY} 09:15"]) == 0, "office.yaml of this folder"
    assert main(["why", str(site.file.parent / "var" / "gw-01" / "control.sock"), "d-001", "--at", "09:15"]) == 1
    assert "a gateway knows only now" in capsys.readouterr().err

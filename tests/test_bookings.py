"""A reservation at one gateway keeps the desk at another: heard by the coordinator, asked of the desk's owner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway import wiring
from gateway.bookings import booked
from gateway.config.load import load
from gateway.config.places import Places
from gateway.contract.envelope import Origin, decode, encode
from gateway.counters import Counters
from gateway.engine import Engine
from rules.api import SECOND, Booked, Command, Event, Life, Reading
from tests.conftest import Mosquitto
from tests.delivery.links import linked, until
from tests.test_coordinator import ANA, DESK, OLD, T0, World

GONE = ("cancelled", "released")


@pytest.fixture
async def coordinator(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[World]:
    made = World(tmp_path, mosquitto.port)
    async with linked(made.link, made.other):
        yield made


def reservation(what: str, sequence: int, *, until_s: int | None = 7200) -> tuple[str, bytes]:
    data = {"booking_ref": "r1", "due": T0 + 60 * SECOND, "cause": "user"}
    if until_s is not None:
        data["until"] = T0 + until_s * SECOND
    event = Event(f"desk.reservation.{what}", DESK, T0 + sequence, data, "who", ANA, "bkn")
    origin = Origin(site="ikn", building="kk2", gateway="gw-2", boot=OLD)
    made = encode(event, origin, sequence=sequence, recorded_at=T0, rule="desk/1")
    return made.topic, made.body


async def test_the_coordinator_hears_of_reservations_elsewhere(coordinator: World) -> None:
    for sequence, what in enumerate(("created", "changed", *GONE), start=1):
        await coordinator.other.deliver(*reservation(what, sequence))
    await until(lambda: len(coordinator.intake) == 4)
    news = coordinator.taken()
    assert all(isinstance(item, Booked) for item in news)
    assert [(item.place, item.person, item.ref) for item in news if isinstance(item, Booked)] == [(DESK, ANA, "r1")] * 4
    start, end = T0 + 60 * SECOND, T0 + 7200 * SECOND
    ends = [(item.start, item.end) for item in news if isinstance(item, Booked)]
    assert ends == [(start, end), (start, end), (start, 0), (start, 0)]


def test_a_reservation_of_an_older_gateway_keeps_nothing() -> None:
    """It does not say until when: nobody is held to be there for ever."""
    assert booked(decode(reservation("created", 1, until_s=None)[1])).end == 0


OFFICE = """\
site: ikn
buildings:
  - id: kk2
    coordinator: gw-1
    floors:
      - {id: l01, owner: gw-1, zones: [{id: a, spaces: [{id: d-1}, {id: d-2}]}]}
      - {id: l02, owner: gw-2, zones: [{id: b, spaces: [{id: d-3}]}]}
gateways: [{id: gw-1, place: kk2/l01}, {id: gw-2, place: kk2/l02}]
"""


def test_taps_and_bookings_elsewhere_reach_the_desk_that_is_held(tmp_path: Path) -> None:
    """The desk is of the other gateway: the coordinator's rule asks its owner, by the place of the command."""
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE, encoding="utf-8")
    office = load(file)
    places = Places(office)
    rules = wiring.make_rules(office, places, "gw-1", {}, unit_sizes={}, now=T0)
    engine = Engine(rules, wiring.make_route(places, "gw-1", {}), Counters())
    held, other = "ikn/kk2/l02/b/d-3", "ikn/kk2/l01/a/d-1"

    def asked(outcome: object) -> list[tuple[str, str, int, int | None]]:
        emitted = getattr(outcome, "emitted")  # noqa: B009
        found = [item for item in emitted if isinstance(item, Command)]
        return [(item.name, item.place, item.at, item.args.get("until")) for item in found]

    engine.feed(Life(held, "taken", T0, T0, ANA, "bkn", "c1"), T0)
    at = T0 + 100 * SECOND
    tap = Reading("rdr-9", "badge", True, "ikn/kk2/l01/a/_", at, "badge", "zone", ANA, "bkn")
    assert asked(engine.feed(tap, at)) == [("extend", held, at, None)], (
        "how long a tap keeps a desk is its owner's choice"
    )
    args = {"booking_ref": "r1", "start": T0 + 500 * SECOND, "end": T0 + 5000 * SECOND}
    assert asked(engine.feed(Command("reserve", other, at + 1, ANA, "bkn", "user", args), at + 1)) == []
    assert asked(engine.advance(T0 + 600 * SECOND)) == [("extend", held, args["start"], args["end"])]
    stranger = tap._replace(person="", refused="unknown", at=at + 5)
    assert asked(engine.feed(stranger, at + 5)) == []

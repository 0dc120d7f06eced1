"""The live picture: what may not be believed is unknown, and never free."""

from __future__ import annotations

import asyncio

from gateway.clock import SECOND
from gateway.web.live import Live, status_of
from gateway.web.readers import MOST_EACH
from gateway.web.stream import MOST_BEHIND
from tests.web.conftest import NOON, Web
from tests.web.office import DESK, FLOOR, OTHER, ROOM, ready, told

EVENING = int(8.5 * 3600)
"""Seconds from NOON to the end of the site's day, 19:00."""


async def test_a_place_is_unknown_until_it_is_told_and_after_its_word_has_expired(web: Web) -> None:
    live = web.site.live
    assert (live.now(DESK).status, live.now(DESK).cause) == ("unknown", "gateway_down")
    told(live, DESK, "vacant", NOON, life="free")
    assert live.now(DESK).status == "free"
    web.clock.advance(91)
    live.expire()
    assert (live.now(DESK).status, live.now(DESK).cause) == ("unknown", "gateway_down")


async def test_a_lost_gateway_and_a_lost_broker_make_everything_unknown(web: Web) -> None:
    live = web.site.live
    told(live, DESK, "vacant", NOON, life="free")
    told(live, OTHER, "vacant", NOON, life="taken")
    ready(live, NOON, "lost")
    assert (live.now(DESK).status, live.now(DESK).cause) == ("unknown", "gateway_down")
    assert live.now(OTHER).status == "taken"  # a claim outlives its gateway's silence
    ready(live, NOON)
    assert live.now(DESK).status == "free"
    live.set_connected(False)
    assert (live.now(DESK).status, live.now(DESK).cause) == ("unknown", "not_connected")


async def test_a_claim_outlives_its_gateway_until_the_end_of_its_day_and_a_reservation_does_not(web: Web) -> None:
    live = web.site.live
    told(live, DESK, "occupied", NOON, life="taken", life_since=NOON - 3600 * SECOND, sensed="occupied")
    told(live, OTHER, "vacant", NOON, life="reserved", life_since=NOON - 3600 * SECOND)
    told(live, ROOM, "vacant", NOON, life="out_of_order")
    web.clock.advance(91)
    live.expire()
    assert (live.now(DESK).status, live.now(DESK).cause) == ("taken", "gateway_down")
    assert live.now(DESK).sensed == "unknown"
    assert (live.now(OTHER).status, live.now(OTHER).life, live.now(OTHER).since) == ("unknown", "", 0)
    assert live.now(ROOM).status == "closed"  # no time opens it
    web.clock.advance(EVENING - 100)
    live.expire()
    assert live.now(DESK).status == "taken"
    version = live.version
    web.clock.advance(10)
    live.expire()
    assert (live.now(DESK).status, live.now(DESK).life, live.now(DESK).cause) == ("unknown", "", "gateway_down")
    assert live.changed_since(version) == [DESK]
    live.set_connected(False)
    assert (live.now(DESK).status, live.now(OTHER).status) == ("unknown", "unknown")
    assert live.now(DESK).cause == "not_connected"


async def test_a_claim_of_the_late_evening_is_not_believed_the_next_morning(web: Web) -> None:
    live, late = web.site.live, web.clock.office() + (EVENING + 3600) * SECOND
    web.clock.advance(EVENING + 3600)
    told(live, DESK, "occupied", late, life="taken", life_since=late)
    told(live, OTHER, "occupied", late, life="away")
    web.clock.advance(91)
    live.expire()
    assert (live.now(DESK).status, live.now(OTHER).status) == ("taken", "taken")
    web.clock.advance(4 * 3600)
    live.expire()
    assert (live.now(DESK).status, live.now(OTHER).status) == ("unknown", "unknown")


async def test_who_comes_back_is_told_what_changed_and_a_stranger_everything(web: Web) -> None:
    live = web.site.live
    before = live.version
    told(live, DESK, "vacant", NOON, life="free")
    told(live, OTHER, "occupied", NOON, life="free")
    assert set(live.changed_since(before)) == {DESK, OTHER}
    assert live.changed_since(live.version) == []
    assert live.changed_since(live.version + 1) is None


async def test_a_number_of_an_earlier_start_gets_everything(web: Web) -> None:
    live = web.site.live
    told(live, DESK, "vacant", NOON, life="free")
    last = live.version
    web.clock.advance(3)
    again = Live(web.site.office, web.clock)
    for place in (DESK, OTHER, ROOM):
        told(again, place, "occupied", web.clock.office(), life="taken")
    again.set_connected(True)
    assert again.changed_since(last) is None


def test_no_unknown_is_free() -> None:
    for life in ("", "free", "taken", "away", "reserved", "out_of_order"):
        for mode in ("walk_up", "bookable", "assigned", "out_of_order"):
            assert status_of(state="unknown", life=life, mode=mode) != "free"
    assert status_of(state="vacant", life="reserved", mode="bookable") == "reserved"
    assert status_of(state="occupied", life="reserved", mode="bookable") == "taken"


async def test_a_page_that_knows_its_picture_is_told_only_what_came_after(web: Web) -> None:
    live = web.site.live
    told(live, DESK, "vacant", NOON, life="free")
    page = live.version
    told(live, OTHER, "occupied", NOON, life="taken")
    after = web.site.stream.follow(FLOOR, page, "anna")
    first = (await anext(after)).decode()
    assert "event: places" in first
    assert OTHER in first
    assert DESK not in first
    await after.aclose()  # type: ignore[attr-defined]


async def test_an_account_opens_so_many_streams_and_no_more(web: Web) -> None:
    stream = web.site.stream
    opened = [stream.follow(FLOOR, None, "anna") for _ in range(MOST_EACH)]
    for one in opened:
        await anext(one)
    assert (stream.readers.has_room("anna"), stream.readers.has_room("budi")) == (False, True)
    await opened[0].aclose()
    assert stream.readers.has_room("anna")
    for one in opened[1:]:
        await one.aclose()
    assert stream.readers.count == 0


async def test_who_does_not_read_is_not_remembered_for_ever(web: Web) -> None:
    """What waits for one reader is bounded; it has to come again, and others are not concerned."""
    live, stream = web.site.live, web.site.stream
    slow, quick = stream.follow(FLOOR, live.version, "slow"), stream.follow(FLOOR, live.version, "quick")
    await anext(slow)
    await anext(quick)
    reading = asyncio.create_task(anext(slow))
    for number in range(MOST_BEHIND + 2):
        told(live, DESK, "vacant", NOON, life=("free", "taken")[number % 2])
        stream._tell()
        assert DESK in (await anext(quick)).decode()
        await reading
    assert [part async for part in slow] == []
    assert stream.readers.count == 1
    await quick.aclose()

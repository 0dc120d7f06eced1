"""Up to when nothing can come any more: said on evidence only, and never too early."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.clock import ManualClock
from gateway.config.model import Office
from gateway.contract.envelope import Origin, decode, encode
from gateway.web.records.complete import SETTLE_S, Proofs
from rules.api import SECOND, Event
from tests.web.records.ledgers import BOOT, DAY, HOUR, Book, make_office
from tests.web.records.telling import LAG, health, speak

SECOND_BOOT = "000002-bbbb"


def until(watch: Proofs, book: Book) -> int | None:
    return watch.now(book.rows).until


def test_nothing_is_known_before_every_gateway_has_spoken_for_a_while(book: Book, clock: ManualClock) -> None:
    watch = Proofs(book.office, clock)
    assert until(watch, book) is None
    speak(watch, clock, SETTLE_S + 10, "gw-1")
    found = watch.now(book.rows)
    assert found.until is None
    assert (found.standings[0].gateway, found.standings[0].cause) == ("gw-2", "never_heard")
    assert found.standings[1].cause == "others"
    speak(watch, clock, SETTLE_S, "gw-1", "gw-2")
    assert until(watch, book) is None
    assert {each.cause for each in watch.now(book.rows).standings} == {"returned", "others"}
    speak(watch, clock, 10, "gw-1", "gw-2")
    assert until(watch, book) == clock.office() - LAG
    assert watch.now(book.rows, ["gw-1"]).standings[0].cause == "told"


@pytest.mark.parametrize(
    ("lacks", "cause"),
    [
        ({"waiting": 3}, "waiting"),
        ({"backlog": None}, "waiting"),
        ({"clock": {"sync": "none"}}, "clock"),
        ({"clock": None}, "clock"),
        ({"alarms": ({"name": "outbox_stalled"},)}, "alarm"),
        ({"alarms": ({"name": "archive_silent"},)}, "alarm"),
        ({"forwarding": None}, "waiting"),
    ],
)
def test_it_stands_still_while_something_may_be_held(
    book: Book, clock: ManualClock, lacks: dict[str, Any], cause: str
) -> None:
    watch = Proofs(book.office, clock)
    speak(watch, clock, 200, "gw-1", "gw-2")
    before = until(watch, book)
    for _ in range(12):
        clock.advance(10)
        watch.told("gw-1", health(clock))
        watch.told("gw-2", health(clock, **lacks))
    found = watch.now(book.rows)
    assert (found.until, found.standings[0].gateway, found.standings[0].cause) == (before, "gw-2", cause)
    assert found.why.startswith("gw-2: ")
    speak(watch, clock, 10, "gw-1", "gw-2")
    assert until(watch, book) == clock.office() - LAG


def test_a_gateway_that_returns_has_to_be_heard_for_a_while_first(book: Book, clock: ManualClock) -> None:
    watch = Proofs(book.office, clock)
    speak(watch, clock, 200, "gw-1", "gw-2")
    before = clock.office() - LAG
    speak(watch, clock, 3600, "gw-1")
    assert until(watch, book) == before
    causes = {each.gateway: each.cause for each in watch.now(book.rows).standings}
    assert causes == {"gw-1": "others", "gw-2": "not_heard"}
    speak(watch, clock, SETTLE_S, "gw-1", "gw-2")  # taps that gw-1 kept for it are on their way
    causes = {each.gateway: each.cause for each in watch.now(book.rows).standings}
    assert (until(watch, book), causes) == (before, {"gw-1": "others", "gw-2": "returned"})
    speak(watch, clock, 10, "gw-1", "gw-2")
    assert until(watch, book) == clock.office() - LAG


def test_a_new_boot_and_two_boxes_of_one_name_have_to_settle(book: Book, clock: ManualClock) -> None:
    watch = Proofs(book.office, clock)
    speak(watch, clock, 200, "gw-1", "gw-2")
    before = clock.office() - LAG
    for n in range(60):
        clock.advance(10)
        watch.told("gw-1", health(clock))
        watch.told("gw-2", health(clock, BOOT if n % 2 else SECOND_BOOT))
    assert until(watch, book) == before


def test_a_clock_that_is_ahead_proves_nothing_of_the_future(book: Book, clock: ManualClock) -> None:
    watch = Proofs(book.office, clock)
    for _ in range(20):
        clock.advance(10)
        ahead = ManualClock(clock.office() + HOUR)
        watch.told("gw-1", health(ahead))
        watch.told("gw-2", health(clock))
    assert until(watch, book) == clock.office() - LAG


def test_a_doors_system_that_cannot_be_heard_holds_its_gateway_back(book: Book, clock: ManualClock) -> None:
    source = {
        "type": "door_csv",
        "id": "doors",
        "path": "doors.csv",
        "fields": {"reader": "r", "badge": "b", "at": "t"},
        "devices": ["reader"],
    }
    gateways = [{"id": "gw-1", "place": "kk2/l1", "sources": [source]}, {"id": "gw-2", "place": "kk2/l2"}]
    watch = Proofs(make_office(book.office.path(book.office.archive.ledger).parent, gateways=gateways), clock)
    speak(watch, clock, 200, "gw-1", "gw-2")
    assert watch.now(book.rows).standings[0].cause == "source"
    alive = {"doors": {"alive": True}}
    speak(watch, clock, 200, "gw-1", "gw-2", sources=alive)
    assert until(watch, book) == clock.office() - LAG


def test_where_a_door_system_may_tell_later_the_ledger_alone_proves_nothing(book: Book, clock: ManualClock) -> None:
    source = {"type": "door_mqtt", "id": "doors", "topic": "doors/#", "devices": ["reader"]}
    fields = {"reader": "r", "badge": "b", "at": "t"}
    gateways = [{"id": "gw-1", "place": "kk2/l1", "sources": [source | {"fields": fields}]}]
    watch = Proofs(make_office(book.office.path(book.office.archive.ledger).parent, gateways=gateways), clock)
    both(book)
    for _ in range(2 * SETTLE_S // 10):
        speak(watch, clock, 10, "gw-1", sources={"doors": {"alive": False, "cause": "lost"}})
        watch.look(book.rows)
    found = watch.now(book.rows)
    assert (found.until, found.standings[0].cause) == (None, "source")


def test_what_was_proven_outlives_the_process(book: Book, clock: ManualClock) -> None:
    watch = Proofs(book.office, clock)
    speak(watch, clock, 200, "gw-1", "gw-2")
    after = Proofs(book.office, clock)
    after.restore({**watch.proven, "gone": 7})
    assert until(after, book) == until(watch, book)


# --- the ledger alone -------------------------------------------------------------------------------------------------


def alone(book: Book) -> Office:
    """The same office with gw-1 alone."""
    folder = book.office.path(book.office.archive.ledger).parent
    return make_office(folder, gateways=[{"id": "gw-1", "place": "kk2/l1"}])


def looked(book: Book, clock: ManualClock) -> Proofs:
    watch = Proofs(alone(book), clock)
    watch.look(book.rows)
    clock.advance(SETTLE_S)
    watch.look(book.rows)
    return watch


def both(book: Book, at: int = DAY) -> None:
    for gateway in ("gw-1", "gw-2"):
        book.started(at, gateway=gateway)
        book.changed(at + HOUR, gateway=gateway, place=f"ikn/kk2/l{gateway[-1]}/north/d-1")


def test_the_ledger_alone_has_it_up_to_the_last_word_without_a_hole(book: Book, clock: ManualClock) -> None:
    both(book)
    fresh = Proofs(alone(book), clock)
    fresh.look(book.rows)
    assert until(fresh, book) is None
    assert "has to stand" in watch_why(fresh, book)
    assert until(looked(book, clock), book) == DAY + HOUR + 5_000_000 - LAG


def test_where_gateways_keep_taps_for_each_other_the_ledger_alone_proves_nothing(
    book: Book, clock: ManualClock
) -> None:
    both(book)
    watch = Proofs(book.office, clock)
    watch.look(book.rows)
    clock.advance(SETTLE_S)
    watch.look(book.rows)
    assert until(watch, book) is None


def watch_why(watch: Proofs, book: Book) -> str:
    return watch.now(book.rows).why


def test_a_hole_stops_it_and_a_declared_loss_does_not(book: Book, clock: ManualClock) -> None:
    both(book)
    book.skip("gw-1", n=2)
    book.changed(DAY + 2 * HOUR)
    book.changed(DAY + 2 * HOUR, gateway="gw-2", place="ikn/kk2/l2/north/d-1")
    assert until(looked(book, clock), book) == DAY + HOUR + 5_000_000 - LAG
    (hole,) = watch_holes(book, clock)
    assert (hole.first, hole.last, hole.declared) == (3, 4, False)
    assert (hole.since, hole.until) == (DAY + HOUR + 5_000_000, DAY + 2 * HOUR + 5_000_000)
    gap(book, "gw-1", 3, 4)
    assert until(looked(book, clock), book) == DAY + 3 * HOUR - LAG
    assert watch_holes(book, clock)[0].declared


def gap(book: Book, gateway: str, first: int, last: int) -> None:
    data = {"boot": BOOT, "first": first, "last": last, "lost": last - first + 1, "cause": "disk"}
    number = book._next[gateway, BOOT]
    book.skip(gateway)
    origin = Origin(site="ikn", building="kk2", gateway=gateway, boot=BOOT)
    event = Event("gateway.gap", "ikn/kk2/l1/_/_", DAY + 3 * HOUR, data)
    body = encode(event, origin, sequence=number, recorded_at=event.at).body
    book.ledger.commit([decode(body)], event.at)


def watch_holes(book: Book, clock: ManualClock) -> Any:
    return looked(book, clock).now(book.rows).holes


def test_a_boot_that_was_killed_may_have_left_something(book: Book, clock: ManualClock) -> None:
    both(book)
    book.started(DAY + 2 * HOUR, boot=SECOND_BOOT)
    watch = looked(book, clock)
    assert until(watch, book) == DAY + HOUR + 5_000_000 - LAG
    assert watch.now(book.rows, ["gw-1"]).standings[0].cause == "boot_open"


def test_a_boot_that_said_goodbye_has_not(book: Book, clock: ManualClock) -> None:
    both(book)
    book.tell("gateway.stopped", DAY + 90 * 60 * SECOND, reason="update")
    book.started(DAY + 2 * HOUR, boot=SECOND_BOOT)
    assert looked(book, clock).now(book.rows, ["gw-1"]).until == DAY + 2 * HOUR + 5_000_000 - LAG


def test_a_boot_number_that_was_never_heard_may_hold_something(book: Book, clock: ManualClock) -> None:
    both(book)
    book.tell("gateway.stopped", DAY + 90 * 60 * SECOND, reason="update")
    book.started(DAY + 2 * HOUR, boot="000003-cccc")
    found = looked(book, clock).now(book.rows, ["gw-1"])
    assert found.until == DAY + 90 * 60 * SECOND + 5_000_000 - LAG
    assert "boots 2 to 2 were never heard" in found.why


def test_events_whose_time_nobody_knows_are_named(book: Book, clock: ManualClock) -> None:
    both(book)
    book.tell("gateway.stopped", DAY + 90 * 60 * SECOND, reason="update")
    book.started(DAY, boot=SECOND_BOOT, sync="none")
    found = looked(book, clock).now(book.rows, ["gw-1"])
    assert found.until == DAY + 90 * 60 * SECOND + 5_000_000 - LAG
    assert [(each.boot, each.events) for each in found.unplaced] == [(SECOND_BOOT, 1)]


def test_it_never_goes_back(book: Book, clock: ManualClock) -> None:
    both(book)
    watch = looked(book, clock)
    before = until(watch, book)
    assert before is not None
    book.skip("gw-1")
    book.changed(DAY + 2 * HOUR)
    for _ in range(30):
        clock.advance(10)
        watch.look(book.rows)
        assert until(watch, book) == before

"""Up to when nothing can come any more: said on evidence only, and never too early."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.clock import ManualClock
from gateway.config.model import Office
from gateway.contract.envelope import Origin, decode, encode
from gateway.contract.times import written
from gateway.web.records.complete import LAG_S, SETTLE_S, Proofs
from rules.api import SECOND, Event
from tests.web.records.ledgers import BOOT, DAY, HOUR, Book, make_office

LAG = LAG_S * SECOND
SECOND_BOOT = "000002-bbbb"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(DAY, 0)


def health(clock_: ManualClock, boot: str = BOOT, *, waiting: int = 0, **more: Any) -> dict[str, Any]:
    backlog = {"count": waiting, "bytes": waiting * 500, "oldest_s": 30.0 if waiting else None, "dead": 0}
    told = {"boot": boot, "at": written(clock_.office()), "backlog": backlog, "clock": {"sync": "ntp", "err_ms": None}}
    return told | {"alarms": (), "sources": {}, "forwarding": forwarding(clock_, ())} | more


def forwarding(clock_: ManualClock, kept: Sequence[int]) -> dict[str, Any]:
    """Of taps at these times."""
    return {"count": len(kept), "oldest_s": (clock_.office() - min(kept)) / SECOND if kept else None}


def speak(watch: Proofs, clock: ManualClock, seconds: int, *gateways: str, **more: Any) -> None:
    """For so long, every ten seconds."""
    for _ in range(seconds // 10):
        clock.advance(10)
        for gateway in gateways:
            watch.told(gateway, health(clock, **more))


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


# --- what gateways keep for each other --------------------------------------------------------------------------------


class Site:
    """Two gateways, the broker between, and an archive: what happens, where it waits, and what has arrived."""

    def __init__(self, book: Book, clock: ManualClock) -> None:
        self.book, self.clock = book, clock
        self.watch = Proofs(book.office, clock)
        self.joined = {"gw-1": True, "gw-2": True}
        self.archive = True
        self.web = True
        self.denied = False
        """The broker lets nobody send a reading to another gateway."""
        self.kept: dict[tuple[str, str], list[int]] = {(a, b): [] for a in self.joined for b in self.joined if a != b}
        """Taps at a reader of the first that are the second's to decide."""
        self.outbox: dict[str, list[int]] = {name: [] for name in self.joined}
        self.waiting: list[int] = []

    def act(self, at: str, by: str) -> None:
        """Somebody taps at a reader of `at`, which `by` decides."""
        now = self.clock.office()
        (self.outbox[by] if at == by else self.kept[at, by]).append(now)
        self.waiting.append(now)

    def step(self, drains: bool = True) -> None:
        """Ten seconds."""
        self.clock.advance(10)
        for (at, by), taps in self.kept.items():
            if self.joined[at] and self.joined[by] and not self.denied:
                self.outbox[by] += taps
                taps.clear()
        for name, rows in self.outbox.items():
            if self.joined[name] and self.archive and drains:
                for row in rows:
                    self.waiting.remove(row)
                rows.clear()
            if self.joined[name] and self.web:
                kept = [tap for (at, _), taps in self.kept.items() if at == name for tap in taps]
                told = health(self.clock, waiting=len(rows), forwarding=forwarding(self.clock, kept))
                self.watch.told(name, told)

    def check(self) -> None:
        """Nothing that is said to be here is missing."""
        until = self.watch.now(self.book.rows).until
        early = [at for at in self.waiting if until is not None and at < until]
        assert not early, "said too early"


def test_a_tap_that_waits_where_it_was_read_holds_back_also_whom_it_is_for(book: Book, clock: ManualClock) -> None:
    site = Site(book, clock)
    for _ in range(30):
        site.step()
    site.joined["gw-1"] = False
    site.act("gw-1", "gw-2")
    for _ in range(30):
        site.step()
        site.check()
    site.joined["gw-2"] = False
    for _ in range(10):
        site.step()
        site.check()
    site.joined["gw-1"] = True  # its own outbox is empty, and it says so for long
    for _ in range(60):
        site.step()
        site.check()
    site.joined["gw-2"] = True
    for _ in range(30):
        site.step()
        site.check()
    assert not site.waiting
    assert site.watch.now(book.rows).until == clock.office() - LAG


def test_a_tap_that_no_other_gateway_takes_holds_back_until_it_is_in_the_ledger(book: Book, clock: ManualClock) -> None:
    site = Site(book, clock)
    for _ in range(30):
        site.step()
    site.denied = True
    site.act("gw-1", "gw-2")
    for _ in range(360):
        site.step()
        site.check()
    standing = site.watch.now(book.rows).standings[0]
    assert (standing.gateway, standing.cause) == ("gw-1", "waiting")
    assert "1 readings wait there for other gateways, the oldest since" in standing.why
    site.denied = False
    for _ in range(60):  # it is in the other's outbox, and the archive is slow
        site.step(drains=False)
        site.check()
    for _ in range(30):
        site.step()
        site.check()
    assert not site.waiting
    assert site.watch.now(book.rows).until == clock.office() - LAG


OPERATIONS = st.sampled_from(
    [
        "pass",
        "pass",
        "pass",
        "gw-1",
        "gw-2",
        "cut gw-1",
        "cut gw-2",
        "join",
        "join",
        "deny",
        "archive",
        "web",
        "slow",
        "long",
    ]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(st.tuples(OPERATIONS, st.booleans()), max_size=60))
def test_it_is_never_said_too_early(book: Book, operations: list[tuple[str, bool]]) -> None:
    site = Site(book, ManualClock(DAY, 0))
    for _ in range(20):
        site.step()
    for what, other in operations:
        match what:
            case "gw-1" | "gw-2":
                site.act(what, "gw-1" if (what == "gw-2") == other else "gw-2")
            case "cut gw-1" | "cut gw-2":
                site.joined[what[4:]] = False
                site.act(what[4:], "gw-1" if other else "gw-2")
            case "join":
                site.joined = dict.fromkeys(site.joined, True)
            case "deny":
                site.denied = other
                site.act("gw-1", "gw-2")
            case "archive":
                site.archive = other
            case "web":
                site.web = other
            case _:
                pass
        for _ in range(20 if what == "long" else 1):
            site.step(drains=what != "slow")
            site.check()
    site.joined, site.archive, site.web, site.denied = dict.fromkeys(site.joined, True), True, True, False
    for _ in range(20):
        site.step()
        site.check()
    assert not site.waiting
    assert site.watch.now(book.rows).until == site.clock.office() - LAG


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

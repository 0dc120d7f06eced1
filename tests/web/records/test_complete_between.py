"""How far the record is complete where gateways keep taps for each other: never said too early."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.clock import ManualClock
from tests.web.records.ledgers import DAY, Book
from tests.web.records.telling import LAG, Site


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

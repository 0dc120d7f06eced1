"""What other gateways' receivers heard, as it comes: of clocks that are wrong, and of nothing."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import snapshots
from gateway.clock import SECOND, ManualClock
from gateway.contract.exchange import Sightings
from gateway.contract.state import write
from gateway.contract.times import written
from gateway.counters import Counters
from gateway.credentials import KEY_BYTES, SiteKey
from gateway.people import DAY_S, Directory, Entry, Resolver
from gateway.sightings import MOST_A_SECOND, received
from gateway.skew import AHEAD_S, ALARM, Skew
from gateway.snapshots import Snapshot
from rules.api import Sighting

KEY = SiteKey(bytes(range(KEY_BYTES)))
ANA = "p-00000000000000a1"
NOW = 1_795_484_700 * SECOND


@pytest.fixture
def resolver(tmp_path: Path) -> Resolver:
    directory = Directory(tmp_path / "people", KEY, "gw-1")
    directory.apply(snapshots.write(Snapshot("gw-1", 1, {KEY.index("em4100:0f0368568b", "ikn"): Entry(ANA)}), KEY))
    return Resolver(directory, KEY)


def message(at: int, count: int = 1) -> bytes:
    token = KEY.token(ANA, at // (DAY_S * SECOND))
    return write(Sightings, {"at": written(at), "boot": "000007-00aa", "heard": [("rx-2", token, -61.5, count)]})


@given(skew=st.integers(-86_400 * 40, 86_400 * 40))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_message_is_of_the_future(resolver: Resolver, skew: int) -> None:
    counters, at = Counters(), NOW + skew * SECOND
    plausible = partial(Skew(ManualClock(NOW, 0), counters).plausible, "gw-2")
    (found,) = received(message(at), resolver, counters, plausible)
    ahead = skew > AHEAD_S
    assert found == Sighting(ANA, "rx-2", -61.5, NOW if ahead else at, 1)
    assert counters.get(ALARM, "gw-2") == ahead


def test_packets_that_were_none_or_too_many_are_not_believed(resolver: Resolver) -> None:
    counters = Counters()
    assert received(message(NOW, 0), resolver, counters, lambda at: at) == []
    assert counters.get("sightings.dropped", "empty") == 1
    assert received(message(NOW, 10**9), resolver, counters, lambda at: at)[0].heard == MOST_A_SECOND

"""A canary that waits for its answer is what counts, not that another has gone since."""

from __future__ import annotations

import pytest

from gateway import truth
from gateway.clock import SECOND, ManualClock
from gateway.truth import Canary
from tests.conftest import Mosquitto
from tests.delivery.links import linked, make_link
from tests.delivery.world import T0, origin, running, until


async def test_an_archive_that_answers_late_is_not_silent(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(truth, "EVERY_S", 0.2)
    clock = ManualClock(T0, SECOND)
    link = make_link(mosquitto.port, "gw-1")
    canary = Canary(link, origin(), clock)
    async with linked(link), running(canary):
        for number in range(1, 5):  # each answer comes when the next one is out
            await until(lambda number=number: canary._number == number)
            canary.answered(number - 1)
            assert canary.silent_s == 0
            clock.advance(3)
            assert canary.silent_s == 0
        clock.advance(truth.SILENT_S)
        assert canary.silent_s > truth.SILENT_S
        canary.answered(canary._number)
        assert canary.silent_s == 0

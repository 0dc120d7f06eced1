"""Which gateways are there, by what their statuses say and do not say."""

from __future__ import annotations

from typing import Any

from gateway.clock import SECOND
from gateway.contract.state import VALID_S
from gateway.roll import MOST_BOOTS, Roll

OFFICE = 1_795_484_700 * SECOND
OLD, NEW = "000041-b7f3", "000042-00aa"


class Day:
    """A roll of two gateways, and the seconds since it began."""

    def __init__(self) -> None:
        self.roll = Roll(["gw-1", "gw-2"], 0)

    def told(
        self, state: str, boot: str = OLD, *, at: float, retained: bool = False, gateway: str = "gw-1"
    ) -> tuple[bool, float] | None:
        found = self.roll.told(
            gateway,
            {"state": state, "boot": boot},
            retained=retained,
            machine=int(at * SECOND),
            office=OFFICE + int(at * SECOND),
        )
        return None if found is None else (found[0], (found[1] - OFFICE) / SECOND if found[1] else 0.0)

    def missing(self, at: float, connected: float = 0.0) -> dict[str, float]:
        found = self.roll.missing(int(at * SECOND), int(connected * SECOND))
        return {gateway: (since - OFFICE) / SECOND if since else 0.0 for gateway, since in found}


def test_a_lost_gateway_is_silent_since_its_last_word_and_one_that_says_goodbye_since_then() -> None:
    day = Day()
    assert day.told("ready", at=10) == (True, 0)
    assert day.told("lost", at=55) == (False, 10)
    assert day.told("ready", NEW, at=60) == (True, 0)
    assert day.told("disconnected", NEW, at=70) == (False, 70)
    assert day.told("lost", at=80, gateway="gw-2") == (False, 0), "it was never heard: since its last event"


def test_the_last_will_of_an_earlier_life_says_nothing_of_the_present_one() -> None:
    day = Day()
    day.told("ready", NEW, at=10)
    assert day.told("lost", OLD, at=11) is None
    assert day.told("lost", NEW, at=12) == (False, 10)


def test_a_retained_word_is_old_news() -> None:
    day = Day()
    assert day.told("ready", at=0, retained=True) is None, "its broker may have died with it"
    assert day.told("lost", at=0, retained=True) == (False, 0)
    assert day.told("ready", at=20) == (True, 0)
    assert day.told("lost", at=60, retained=True) == (False, 20)


def test_who_does_not_repeat_that_it_is_there_is_missed_also_without_a_last_will() -> None:
    day = Day()
    for at in (1, 31, 61):
        day.told("ready", at=at)
    assert day.missing(VALID_S) == {}
    assert day.missing(VALID_S + 1) == {"gw-2": 0.0}, "it was not heard since the archive began"
    assert day.missing(61 + VALID_S + 1) == {"gw-1": 61.0, "gw-2": 0.0}
    assert day.missing(400, connected=350) == {}, "while we were away ourselves nobody could be heard"
    assert day.missing(350 + VALID_S + 1, connected=350) == {"gw-1": 61.0, "gw-2": 0.0}


def test_two_boots_that_both_speak_on_are_two_boxes() -> None:
    roll = Roll(["gw-1"], 0)

    def says(boot: str, second: int) -> str:
        status: dict[str, Any] = {"state": "ready", "boot": boot, "at": f"2026-11-24T01:00:{second:02d}.000Z"}
        return roll.beside("gw-1", status)

    assert [says(OLD, 1), says(OLD, 31), says(NEW, 40)] == ["", "", ""], "a restart"
    assert says(OLD, 31) == "", "a copy of what was said before"
    assert says(NEW, 41) == ""
    assert says(OLD, 59) == NEW
    for number in range(3 * MOST_BOOTS):
        assert says(f"{number + 50:06d}-0000", 1) == ""


def test_a_status_without_a_time_is_never_proof_of_two_boxes() -> None:
    roll = Roll(["gw-1"], 0)
    for boot in (OLD, NEW, OLD, NEW):
        assert roll.beside("gw-1", {"state": "ready", "boot": boot}) == ""

"""The pairing window: a new card becomes an index, for a minute, for who asked."""

from __future__ import annotations

from gateway.clock import SECOND, ManualClock
from gateway.credentials import SiteKey
from gateway.enrolment import Enrolment, Found

T0 = 1_795_484_700 * SECOND
KEY = SiteKey(bytes(range(32)))
CARD, OTHER = "em4100:0F0368568B", "em4100:0F0368568C"


def make() -> tuple[Enrolment, ManualClock, list[str]]:
    clock, said = ManualClock(T0, SECOND), list[str]()
    return Enrolment(KEY, clock, lambda name: name == "rdr-1", said.append), clock, said


def ask(enrolment: Enrolment, clock: ManualClock, reader: str = "rdr-1", word: str = "w1", left: int = 60) -> Found:
    return enrolment.asked({"window": word, "until": clock.office() + left * SECOND, "reader": reader})


def test_a_new_card_is_told_as_its_index_until_the_window_is_forgotten() -> None:
    enrolment, clock, _ = make()
    assert not enrolment.stranger("rdr-1", CARD, "kantor")
    assert ask(enrolment, clock).reason == "waiting"
    assert not enrolment.stranger("rdr-2", CARD, "kantor")
    assert enrolment.stranger("rdr-1", CARD, "kantor")
    assert enrolment.stranger("rdr-1", CARD, "kantor")
    assert ask(enrolment, clock) == Found(KEY.index(CARD, "kantor"), "")
    clock.advance(61)
    assert not enrolment.stranger("rdr-1", OTHER, "kantor")
    assert ask(enrolment, clock).card
    clock.advance(30)
    assert ask(enrolment, clock, left=0) == Found("", "closed")


def test_two_cards_are_nobodys_and_a_known_or_torn_one_says_so() -> None:
    enrolment, clock, _ = make()
    ask(enrolment, clock)
    enrolment.other("rdr-1", "taken")
    assert ask(enrolment, clock).reason == "taken"
    enrolment.stranger("rdr-1", CARD, "kantor")
    enrolment.stranger("rdr-1", OTHER, "kantor")
    assert ask(enrolment, clock) == Found("", "several")


def test_no_window_is_longer_than_a_minute_or_opened_again_after_its_end() -> None:
    enrolment, clock, _ = make()
    end = clock.office() + 3600 * SECOND
    assert enrolment.asked({"window": "w", "until": end, "reader": "rdr-1"}).reason == "waiting"
    clock.advance(61)
    assert enrolment.asked({"window": "w", "until": end, "reader": "rdr-1"}).reason == "closed"
    assert ask(enrolment, clock, "radar").reason == "no_reader"
    assert enrolment.asked({"window": "", "until": end}).reason == "invalid"
    assert enrolment.asked({"window": "w", "until": "soon"}).reason == "invalid"
    assert [ask(enrolment, clock, word=f"n{n}").reason for n in range(18)].count("full") >= 2


def test_devices_are_said_at_once_while_a_window_is_open_and_not_too_often() -> None:
    enrolment, clock, said = make()
    enrolment.heard("mmw-1")
    ask(enrolment, clock, reader="")
    enrolment.heard("mmw-1")
    enrolment.heard("mmw-1")
    enrolment.heard("mmw-2")
    assert said == ["mmw-1", "mmw-2"]
    clock.advance(2)
    enrolment.heard("mmw-1")
    clock.advance(60)
    enrolment.heard("mmw-1")
    assert said == ["mmw-1", "mmw-2", "mmw-1"]


def test_a_device_that_nobody_configured_is_named_and_no_phone_or_card_ever() -> None:
    enrolment, clock, _ = make()
    enrolment.unbound("hub", "enocean:erp1", "05A4B2C1")
    ask(enrolment, clock, reader="")
    ask(enrolment, clock, word="card")
    enrolment.unbound("hub", "enocean:erp1", "05A4B2C1")
    enrolment.unbound("radio", "ble_adv", "AA:BB:CC:DD:EE:FF")
    enrolment.unbound("door", "door", "Gate 1")
    for n in range(40):
        enrolment.unbound("hub", "enocean:erp1", f"{n:08X}")
    found = ask(enrolment, clock, reader="")
    assert found.strangers[0] == ("hub", "enocean:erp1", "05A4B2C1")
    assert {one.medium for one in found.strangers} == {"enocean:erp1"}
    assert len(found.strangers) == 16
    assert ask(enrolment, clock, word="card").strangers == ()

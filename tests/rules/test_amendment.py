"""What an operator puts right is said beside the record, and changes nothing of it."""

from __future__ import annotations

from rules import presence
from rules.api import SECOND, Command

TARGET = "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0ca"
ASKED = Command(
    name="amend",
    place="kantor/utama/l01/timur/d-001",
    at=100 * SECOND,
    person="p-00000000000000a1",
    unit="bkn",
    actor="operator",
    args={"target_id": TARGET, "field": "event", "old": "", "new": "", "reason": "lupa_tap"},
)


def test_it_is_said_of_the_person_once_a_time_it_is_asked_and_the_state_stays() -> None:
    rule = presence.rule()
    before = rule.start(ASKED.person, None, 0).state
    step = rule.step(before, ASKED)
    (event,) = step.events
    assert (event.type, event.cls, event.person, event.unit) == ("presence.corrected", "who", ASKED.person, "bkn")
    assert event.data == {
        "target_id": TARGET,
        "field": "event",
        "old": None,
        "new": None,
        "reason": "lupa_tap",
        "actor_role": "operator",
    }
    assert step.state == before
    assert not step.facts


def test_nobody_but_an_operator_amends_and_nobody_is_amended_without_a_name() -> None:
    rule = presence.rule()
    before = rule.start(ASKED.person, None, 0).state
    for asked in (ASKED._replace(actor="user"), ASKED._replace(person="")):
        assert rule.step(before, asked).events == ()

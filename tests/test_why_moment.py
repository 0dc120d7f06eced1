"""A time as people write it at a site."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import HadirError
from gateway.why.moment import moment
from rules.api import SECOND


def at(clock: str, day: str = "2026-11-24") -> int:
    return (
        round(datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=ZoneInfo("Asia/Makassar")).timestamp()) * SECOND
    )


NOW = at("15:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("09:15", at("09:15")),
        ("9:15", at("09:15")),
        ("09:15:30", at("09:15:30")),
        ("2026-11-23 09:15", at("09:15", "2026-11-23")),
        ("2026-11-24T01:15:00Z", at("09:15")),
        ("2026-11-24T09:15:00+08:00", at("09:15")),
        ("2026-11-24", at("00:00")),
    ],
)
def test_a_time_as_people_write_it(text: str, expected: int) -> None:
    assert moment(text, "Asia/Makassar", NOW) == expected


def test_an_hour_that_is_not_there_and_one_that_is_there_twice() -> None:
    with pytest.raises(HadirError, match="was leapt over in Europe/Berlin"):
        moment("2026-03-29 02:30", "Europe/Berlin", NOW)
    first = moment("2026-10-25 02:30", "Europe/Berlin", NOW)
    assert first == moment("2026-10-25T00:30:00Z", "Europe/Berlin", NOW)


@given(text=st.text(max_size=30))
def test_any_text_is_a_time_or_an_error_that_helps(text: str) -> None:
    try:
        found = moment(text, "Asia/Makassar", NOW)
    except HadirError:
        return
    assert 0 <= found <= NOW

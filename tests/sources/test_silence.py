"""How long a radio may be silent, in still and in busy air."""

from __future__ import annotations

from gateway.clock import SECOND
from gateway.sources.silence import Silence

WATCHDOG = 15 * SECOND


def listen(silence: Silence, seconds: int, every: float = 1.0, begin: int = 0) -> int:
    """Adverts for so long; when the last one came."""
    at, adverts = begin, int(begin)
    silence.begin(at, adverts)
    for _ in range(int(seconds / every)):
        at += int(every * SECOND)
        adverts += 1
        assert not silence.deaf(at)
        assert silence.hears(at, adverts)
    return at


def deaf_after(silence: Silence, since: int) -> float:
    """Seconds."""
    at = since
    while not silence.deaf(at):
        at += SECOND // 10
    return (at - since) / SECOND


def test_the_watchdog_of_the_configuration_holds_at_first() -> None:
    silence = Silence(WATCHDOG)
    silence.begin(0, 0)
    assert deaf_after(silence, 0) == 15.1


def test_in_busy_air_a_few_seconds_say_it() -> None:
    silence = Silence(WATCHDOG)
    assert deaf_after(silence, listen(silence, 240, 0.5)) == 5.1


def test_a_pause_is_remembered_and_fades() -> None:
    silence = Silence(WATCHDOG)
    last = listen(silence, 240, 0.5)
    assert silence.hears(last + 4 * SECOND, -1)
    assert silence.patience == WATCHDOG
    listen(silence, 360, 0.5, last)
    assert silence.patience == 5 * SECOND


def test_a_scan_anew_in_busy_air_is_heard_soon_or_never() -> None:
    silence = Silence(WATCHDOG)
    last = listen(silence, 240, 0.5)
    deaf_after(silence, last)
    silence.begin(last, 0)
    assert deaf_after(silence, last) == 2.1


def test_patience_with_an_empty_office_doubles_up_to_sixteen_minutes() -> None:
    silence, found = Silence(WATCHDOG), []
    for _ in range(9):
        silence.begin(0, 0)
        found.append(round(deaf_after(silence, 0)))
    assert found == [15, 30, 60, 120, 240, 480, 960, 960, 960]
    assert silence.hears(0, 1)
    assert silence.patience == WATCHDOG


def test_a_short_watchdog_is_never_lengthened() -> None:
    silence = Silence(SECOND)
    assert deaf_after(silence, listen(silence, 100, 0.2)) == 1.1

"""What goes wrong on a simulated wire: as often as it is said, the same for a seed, and never to a tap's harm."""

from __future__ import annotations

from collections import Counter

import pytest

from firmware_sim.faults import NONE, SOME, Rates, Sent, Trouble

FRAME = b"\xf4\xf3\xf2\xf1\x0d\x00\x02\xaa" + bytes(15)


def sent(rates: Rates, *, seed: str = "seed", count: int = 2000, **more: bool) -> list[list[Sent[int]]]:
    """Frames with their numbers, each of a sender of that number."""
    trouble: Trouble[int] = Trouble(rates, seed)
    return [list(trouble.over(FRAME + n.to_bytes(2, "big"), n, **more)) for n in range(count)]


def numbers(made: list[list[Sent[int]]]) -> list[int]:
    return [int.from_bytes(one.data[-2:], "big") for ones in made for one in ones if one.whole]


def test_without_faults_frames_go_out_as_they_are() -> None:
    assert sent(NONE, count=3) == [[Sent(FRAME + n.to_bytes(2, "big"), True, n)] for n in range(3)]


def test_the_same_seed_has_the_same_faults() -> None:
    assert sent(SOME) == sent(SOME)
    assert sent(SOME) != sent(SOME, seed="other")


def test_losses_and_doubles_are_as_often_as_they_are_said() -> None:
    lost = set(range(2000)) - set(numbers(sent(Rates(loss=0.1))))
    assert 140 < len(lost) < 260
    doubled = [n for n, times in Counter(numbers(sent(Rates(duplicate=0.1)))).items() if times == 2]
    assert 140 < len(doubled) < 260


def test_a_frame_that_is_overtaken_comes_after_the_next() -> None:
    made = numbers(sent(Rates(reorder=0.1)))
    assert sorted(made) == list(range(len(made)))
    overtaken = [i for i in range(1, len(made)) if made[i] < made[i - 1]]
    assert 100 < len(overtaken) < 260
    assert all(made[i] == made[i - 1] - 1 for i in overtaken)


@pytest.mark.parametrize("checked", [True, False])
def test_one_bit_of_a_damaged_frame_is_wrong_and_the_good_one_is_not_sent(checked: bool) -> None:
    trouble: Trouble[None] = Trouble(Rates(flip=1.0), "seed", checked=checked)
    for _ in range(200):
        (damaged,) = trouble.over(FRAME, None)
        assert not damaged.whole
        wrong = [a ^ b for a, b in zip(damaged.data, FRAME, strict=True)]
        assert sum(byte.bit_count() for byte in wrong) == 1
        assert checked or not any(wrong[4:]), "without a checksum only the mark is damaged"


def test_a_tap_always_arrives_once_at_least_and_in_order() -> None:
    made = sent(Rates(loss=1.0, duplicate=0.5, reorder=1.0, flip=1.0, chatter=1.0), tap=True)
    assert list(dict.fromkeys(numbers(made))) == list(range(2000))
    assert all(not ones[0].whole for ones in made), "amid noise and a damaged copy"


def test_a_frame_that_is_overtaken_stays_its_senders() -> None:
    made = [one for ones in sent(SOME) for one in ones if one.whole]
    assert all(one.sender == int.from_bytes(one.data[-2:], "big") for one in made)


def test_some_media_have_no_noise() -> None:
    assert all(len(ones) == 1 for ones in sent(Rates(chatter=1.0), noise=False))
    assert all(len(ones) == 2 for ones in sent(Rates(chatter=1.0)))

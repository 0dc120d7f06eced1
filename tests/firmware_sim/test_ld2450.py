"""Frames of the LD2450 against bytes worked out by hand, and what the driver reads in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Frame
from drivers.occupancy.ld2450 import DRIVER
from firmware_sim import ld2450
from firmware_sim.ld2450 import Target

amounts = st.integers(-ld2450.MOST, ld2450.MOST)
targets = st.lists(st.builds(Target, amounts, amounts, amounts, st.integers(1, 0xFFFF)), max_size=3)


def test_report_of_the_data_sheet() -> None:
    made = ld2450.report([Target(-782, 1713, -16, 320)])
    assert made.hex() == "aaff03000e03b18610004001" + "00" * 16 + "55cc"


def test_report_of_nobody() -> None:
    assert ld2450.report().hex() == "aaff0300" + "00" * 24 + "55cc"


def test_acknowledgements() -> None:
    assert ld2450.acknowledgement(ld2450.MULTI_TARGET).hex() == "fdfcfbfa04009001000004030201"
    assert ld2450.acknowledgement(0x00FF).hex() == "fdfcfbfa0800ff0100000100400004030201"
    assert ld2450.acknowledgement(0x0080, failed=True).hex() == "fdfcfbfa04008001010004030201"


def test_what_a_radar_cannot_see() -> None:
    with pytest.raises(ValueError, match="3 targets"):
        ld2450.report([Target(0, 1)] * 4)
    with pytest.raises(ValueError, match="15 bits"):
        ld2450.report([Target(0, 0x8000)])


@given(seen=targets)
def test_the_driver_reads_it_back(seen: list[Target]) -> None:
    made = DRIVER.decode(Frame("serial:ld2450", "test", "", ld2450.report(seen)))
    assert [(m.kind, m.value) for m in made[:2]] == [("occupied", bool(seen)), ("count", len(seen))]
    read = {m.channel: m.value for m in made[2:]}
    assert read == {number: [t.x_mm / 1000, t.y_mm / 1000, t.speed_cm_s / 100] for number, t in enumerate(seen, 1)}

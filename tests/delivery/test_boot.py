"""The boot number never goes back, whatever is left of its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.boot import counter, next_boot
from tests.delivery.world import origin


def test_it_counts_up(tmp_path: Path) -> None:
    boots = [next_boot(tmp_path / "deep" / "folder") for _ in range(5)]
    assert [counter(boot) for boot in boots] == [1, 2, 3, 4, 5]
    assert all(origin(boot).boot == boot for boot in boots), "a boot can stand in a source"
    assert [path.name for path in (tmp_path / "deep" / "folder").iterdir()] == ["boot"]


def test_a_replaced_card_starts_above_what_others_have_seen(tmp_path: Path) -> None:
    assert counter(next_boot(tmp_path, 41)) == 42
    assert counter(next_boot(tmp_path, 7)) == 43


@pytest.mark.parametrize(
    "left", [b"", b"\n", b"4", b"\x00" * 16, b"-9\n", b"forty\n", b"41 00000000\n", b"\xff\xfe", b"4 2\n"]
)
def test_a_damaged_file_falls_back_on_the_floor(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "boot").write_bytes(left)
    made = next_boot(tmp_path, 12)
    assert counter(made) == 13
    origin(made)


def test_a_cut_between_write_and_rename_changes_nothing(tmp_path: Path) -> None:
    next_boot(tmp_path)
    (tmp_path / "boot.new").write_text("99")
    assert counter(next_boot(tmp_path)) == 2


@pytest.mark.parametrize(
    "boot", ["", "000001", "1-abcd", "000001-ABCD", "000001-abcde", "x00001-abcd", "000001-abcd\n"]
)
def test_what_is_no_boot_counts_nothing(boot: str) -> None:
    assert counter(boot) == 0

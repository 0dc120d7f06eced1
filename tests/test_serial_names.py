"""Names of serial adapters, on a folder as udev makes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.serial_names import advice


@pytest.fixture
def serial(tmp_path: Path) -> Path:
    for name in ("by-id", "by-path"):
        (tmp_path / "serial" / name).mkdir(parents=True)
    return tmp_path / "serial"


def plug(serial: Path, tty: str, by_path: str, by_id: str = "") -> Path:
    """An adapter; without `by_id` another one has that name."""
    device = serial.parent / tty
    device.touch()
    (serial / "by-path" / by_path).symlink_to(device)
    if by_id:
        (serial / "by-id" / by_id).symlink_to(device)
    return device


def test_a_name_that_stays_needs_no_advice(serial: Path) -> None:
    plug(serial, "ttyUSB0", "pci-0:1", "usb-reader-A1")
    plug(serial, "ttyUSB1", "pci-0:2", "usb-reader-B2")
    assert advice(str(serial / "by-id" / "usb-reader-A1"), serial) == ""
    assert advice(str(serial / "by-path" / "pci-0:1"), serial) == ""


def test_two_alike_are_told_apart_by_their_places(serial: Path) -> None:
    plug(serial, "ttyUSB0", "pci-0:1")
    plug(serial, "ttyUSB1", "pci-0:2", "usb-CH340")
    said = advice(str(serial / "by-id" / "usb-CH340"), serial)
    assert "several adapters alike" in said
    assert str(serial / "by-path" / "pci-0:1") in said
    assert str(serial / "by-path" / "pci-0:2") in said
    assert advice(str(serial / "by-path" / "pci-0:1"), serial) == ""


def test_a_number_moves() -> None:
    assert "may be another device tomorrow" in advice("/dev/ttyUSB7", Path("/nowhere"))


def test_without_udev_nothing_is_said(tmp_path: Path) -> None:
    assert advice(str(tmp_path / "tty-1"), tmp_path / "serial") == ""

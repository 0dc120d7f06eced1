"""The file of device keys: read whole or not at all, and never repeated in an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.api import Context
from gateway.config.device_keys import load
from gateway.errors import ConfigError

KEY = "231d39c1d7cc1ab1aee224cd096db932"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "devices.keys"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_missing_file_has_no_keys(tmp_path: Path) -> None:
    assert load(tmp_path / "devices.keys", ["th-1"]) == {}


def test_keys_by_device(tmp_path: Path) -> None:
    path = written(tmp_path, f"# sensors\nth-1  {KEY}\n\nth-2 23 1d 39c1  # in groups\n")
    assert load(path, ["th-1", "th-2"]) == {"th-1": bytes.fromhex(KEY), "th-2": bytes.fromhex("231d39c1")}


def test_every_mistake_is_told_with_its_line_and_no_key_with_it(tmp_path: Path) -> None:
    text = f"th-1 {KEY}\nth-1 {KEY}\nth-2 {KEY}zz\nth-3\n{KEY} th-2\nth-2 {'00' * 65}\n"
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, text, 0o644), ["th-1", "th-2", "th-3"])
    said = [str(problem) for problem in caught.value.problems]
    assert len(said) == 6
    assert "chmod 600" in said[0]
    assert [problem.line for problem in caught.value.problems][1:] == [2, 3, 4, 5, 6]
    assert KEY not in "".join(said)


def test_what_is_no_text_is_said(tmp_path: Path) -> None:
    path = tmp_path / "devices.keys"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a text file"):
        load(path, [])


def test_what_is_made_of_a_key_does_not_show_it() -> None:
    key = bytes.fromhex(KEY)
    assert repr(key)[2:-1] not in repr(Context(key=key))
    assert Context(key=key) != Context()

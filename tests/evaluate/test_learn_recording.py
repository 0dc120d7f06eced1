"""`hadir learn` from a recording: the room's own motion sensor teaches what its gateway heard beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.config.load import load
from gateway.config.room_models import load as load_models
from gateway.recording import header, line
from tests.simulated_room import days

OFFICE = """
site: s
buildings:
  - {id: b, coordinator: g, floors: [{id: f, owner: g, zones: [{id: z, spaces: [{id: room, kind: room}]}]}]}
gateways: [{id: g, place: b/f}]
"""
ROOM = "s/b/f/z/room"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording")
    (folder / "office.yaml").write_text(OFFICE)
    named = {"pir": "pir"}
    lines = [header(load(folder / "office.yaml"), "g"), json.dumps({"facts": {}})]
    for one in days(5, 2).readings:
        if one.kind in ("motion", "illuminance"):
            item = one._replace(place=ROOM, modality=named.get(one.dev, "environment"))
            lines.append(line(item, item.at))
    (folder / "made.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "made.jsonl"


def test_a_recorded_room_teaches_itself(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = recording.parent / "models"
    models.mkdir()
    assert main(["learn", str(recording), "--place", ROOM, "--out", str(models / "r.json")]) == 0
    (model,) = load_models(models).values()
    assert {(one.dev, one.kind) for one in model.sensors} == {("lamp", "illuminance")}
    assert model.accuracy > 0.85
    assert "the room's own" in capsys.readouterr().out


def test_a_place_that_it_has_nothing_of_is_named_with_those_that_it_has(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["learn", str(recording), "--place", "s/b/f/z/hall", "--out", str(recording.parent / "x.json")]) != 0
    said = capsys.readouterr().err
    assert "no reading of a sensor at s/b/f/z/hall" in said
    assert ROOM in said

"""The file of a survey: resumed, undone, and mended where a power cut has torn it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigError, HadirError
from gateway.survey.ground import Heard, Visit
from gateway.survey.store import HEADER, Store

T0 = 1_795_484_700.0
VISITS = [
    Visit(1.5 + n, 2.0, tuple(Heard(T0 + 100 * n + k / 4, f"r{k % 3}", -60.0 - k) for k in range(6))) for n in range(4)
]
NAMES = ["survey.csv", "survey.csv.gz"]


def text(path: Path) -> str:
    return (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()


def filled(path: Path, visits: list[Visit] = VISITS) -> Store:
    made = Store(path)
    for visit in visits:
        made.add(visit)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_survey_goes_on_where_it_was_left(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    filled(path, VISITS[:2])
    again = Store(path)
    assert again.visits == VISITS[:2]
    assert not again.repaired
    for visit in VISITS[2:]:
        again.add(visit)
    assert Store(path).visits == VISITS
    assert text(path).splitlines()[0] == HEADER
    assert text(path).count(HEADER) == 1
    assert len(text(path).splitlines()) == 25


@pytest.mark.parametrize("name", NAMES)
def test_undo_takes_the_last_spot_out_also_of_an_earlier_walk(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    filled(path)
    again = Store(path)
    assert again.undo() == VISITS[3]
    assert again.undo() == VISITS[2]
    assert Store(path).visits == VISITS[:2]
    again.add(VISITS[3])
    assert Store(path).visits == [*VISITS[:2], VISITS[3]]
    assert [Store(tmp_path / "none.csv").undo()] == [None]


@pytest.mark.parametrize("name", NAMES)
@given(cut=st.integers(0, 4000), junk=st.sampled_from([b"", b"\0" * 37, b"17954"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wherever_it_is_torn_whole_rows_stay_and_it_goes_on(tmp_path: Path, name: str, cut: int, junk: bytes) -> None:
    path = tmp_path / name
    path.unlink(missing_ok=True)
    filled(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: min(cut, len(whole))] + junk)
    torn = Store(path)
    kept = [one for visit in torn.visits for one in visit.heard]
    written = [one for visit in VISITS for one in visit.heard]
    assert kept == written[: len(kept)]
    if min(cut, len(whole)) < len(whole) - 1 and torn.repaired is False:
        assert text(path).endswith("\n") or text(path) == ""  # cut between two rows: nothing is torn
    new = Visit(9.0, 9.0, (Heard(T0 + 5000, "r1", -50.0),))
    torn.add(new)
    again = Store(path)
    assert not again.repaired
    assert again.visits == [*torn.visits[:-1], new]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    body = b"t,beacon,receiver,rssi,x,y,zone\n1,p,r,-60,1,1,z\n"
    path.write_bytes(gzip.compress(body) if name.endswith("gz") else body)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="another with --out"):
        Store(path)
    assert path.read_bytes() == before


def test_a_bad_row_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(f"{HEADER}\n1,r,-60,1,1\n2,r,loud,1,1\n")
    with pytest.raises(ConfigError, match=r"s\.csv:3: rssi: 'loud'"):
        Store(path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(HadirError, match="is not written"):
        Store(tmp_path / "none" / "s.csv").add(VISITS[0])

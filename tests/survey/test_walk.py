"""Whole walks over a floor whose radio is made: obedient, wilful, on a tape, live; and the map that comes of them."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import re
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("numpy")

from gateway import radio
from gateway.cli import main
from gateway.clock import SystemClock
from gateway.config.load import load
from gateway.control import Control, call
from gateway.errors import HadirError
from gateway.recording import Tap, header
from gateway.recording import line as recorded
from gateway.survey.feed import Live, Told
from gateway.survey.ground import Ground, Heard, ground
from gateway.survey.store import Store
from gateway.survey.walk import Walk
from rules.api import SECOND, Sighting
from tests.simulated_floor import ANCHORS, ROOMS, T0, Floor, found, office

GROUND = ground(ROOMS, {name: (at.x, at.y) for name, at in ANCHORS.items()}, frozenset({"z20"}))
FLOOR = Floor()
PID, OTHER = "p-00000000000000a1", "p-00000000000000b2"


class Person(io.StringIO):
    """Walks where the prompt says, or where `words` say; carries the tag, whose packets it hands on as a feed."""

    def __init__(self, out: io.StringIO, words: list[str] | None = None, hears: bool = True) -> None:
        super().__init__()
        self.out = out
        self.words = words
        self.hears = hears
        self.random, self.at = Random(3), T0 / SECOND

    def readline(self, size: int | None = -1, /) -> str:
        if self.words is not None:
            return f"{self.words.pop(0)}\n" if self.words else ""
        return "q\n" if "every spot is" in self.out.getvalue()[-200:] else "\n"

    def stand(self, seconds: float, told: Told) -> list[Heard]:
        x, y = map(float, re.findall(r"stand still at (\S+) (\S+) ", self.out.getvalue())[-1])
        made = [
            Heard(self.at + second, name, round(rssi, 1))
            for second in range(int(seconds))
            for name, rssi in FLOOR.heard(x, y, self.random)
            if self.hears
        ]
        self.at += seconds + 10
        return made

    def wind(self, word: str) -> None:
        raise HadirError(f"{word} cannot be wound")


def walk(
    path: Path, words: list[str] | None = None, *, hears: bool = True, where: Ground = GROUND
) -> tuple[str, Store]:
    out = io.StringIO()
    person, store = Person(out, words, hears), Store(path)
    Walk(where, store, person, 20.0, person, out, tty=False).run()
    return out.getvalue(), store


def test_who_obeys_gets_a_survey_of_every_zone_and_a_map_that_is_right(tmp_path: Path) -> None:
    (tmp_path / "office.yaml").write_text(office(survey="s.csv.gz"))
    said, store = walk(tmp_path / "s.csv.gz")
    assert len(store.visits) == len(GROUND.spots)
    assert "every spot is covered" in said
    assert said.isascii()
    found_office = load(tmp_path / "office.yaml")
    building, floor = found_office.buildings[0], found_office.buildings[0].floors[0]
    assert radio.doubtful(found_office, building, floor, radio.survey(found_office, floor)) == ()
    made = radio.maps(found_office, frozenset({"b"})).floors[0].radio
    right = found(made, FLOOR)  # zones are places there
    assert right.metres < 1.2


def test_skip_undo_own_coordinates_another_zone_and_nonsense(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    said, store = walk(path, ["s", "", "3.1 3.3", "u", "z z21", "", "900 1", "-3 2", "what", "z nowhere", "p", "q", ""])
    assert [(v.x, v.y) for v in store.visits] == [(v.x, v.y) for v in Store(path).visits]
    places = [(v.x, v.y) for v in store.visits]
    assert len(places) == 3
    assert (3.1, 3.3) not in places
    assert places[1] == (10.0, 6.0)
    assert places[2] == (-3.0, 2.0)
    assert "taken out: " in said
    assert "900 1 is far outside the floor" in said
    assert "-3 2 is in no zone" in said
    assert "there is no zone nowhere" in said
    assert (GROUND.spots[0].x, GROUND.spots[0].y) not in places


def test_a_walk_that_was_left_is_resumed_and_the_end_of_input_is_the_end(tmp_path: Path) -> None:
    path = tmp_path / "s.csv.gz"
    walk(path, ["", "", ""])
    assert len(Store(path).visits) == 3
    _, store = walk(path)
    assert len(store.visits) == len(GROUND.spots)
    assert len({(v.x, v.y) for v in store.visits}) == len(GROUND.spots)


def test_who_carries_a_dead_tag_writes_nothing_and_comes_to_an_end(tmp_path: Path) -> None:
    said, store = walk(tmp_path / "s.csv", None, hears=False)
    assert said.count("nothing was heard") == len(GROUND.spots)
    assert not (tmp_path / "s.csv").exists()
    assert store.visits == []


# --- the command ------------------------------------------------------------------------------------------------------


def taped(folder: Path, spots: list[tuple[float, float]]) -> list[str]:
    """A tape of two tags, and a walker's notes: when, and where."""
    random, notes = Random(5), []
    with gzip.open(folder / "tape.csv.gz", "wt", newline="") as file:
        out = csv.writer(file)
        out.writerow(["t", "beacon", "receiver", "rssi"])
        at = T0 / SECOND
        for x, y in spots:
            notes.append(f"@{at:.0f} {x} {y}")
            for second in range(20):
                out.writerows([f"{at + second:.3f}", "mine", n, f"{r:.1f}"] for n, r in FLOOR.heard(x, y, random))
                out.writerow([f"{at + second:.3f}", "other", "r0", "-40"])
            out.writerow([f"{at:.3f}", "mine", "r0", "127"])
            at += 45
    return notes


def survey(folder: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{one}\n" for one in lines)))
    return main(["survey", "b/f", "--office", str(folder / "office.yaml"), *more])


def test_a_tape_and_notes_make_a_survey(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "office.yaml").write_text(office())
    spots = [(spot.x, spot.y) for spot in GROUND.spots]
    notes = taped(tmp_path, spots)
    tape = ("--from", str(tmp_path / "tape.csv.gz"), "--tag", "mine")
    assert survey(tmp_path, notes[:9], monkeypatch, *tape) == 0
    said = capsys.readouterr().out
    assert said.endswith("survey: b-f-survey.csv.gz\n")
    assert 'nobody surveyed zone "z21"' in said
    assert survey(tmp_path, [], monkeypatch, "--check") == 1
    assert "unsurveyed: nobody surveyed" in capsys.readouterr().out
    assert survey(tmp_path, notes[9:], monkeypatch, *tape) == 0
    said = capsys.readouterr().out
    assert "goes on after 9 spots" in said
    assert "nothing is wrong with it\n" in said
    assert survey(tmp_path, [], monkeypatch, "--check") == 0
    with gzip.open(tmp_path / "b-f-survey.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    assert {(float(row["x"]), float(row["y"])) for row in rows} == set(spots)
    assert "127" not in {row["rssi"] for row in rows}
    assert all(row["receiver"] in ANCHORS for row in rows)


def test_a_recording_is_a_tape_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "office.yaml").write_text(office())
    lines = [header(load(tmp_path / "office.yaml"), "gw"), '{"facts":{}}']
    for second in range(20):
        at = T0 + second * SECOND
        lines += [recorded(Sighting(who, "r1", -60.0, at, 2), at) for who in (PID, OTHER)]
    (tmp_path / "made.jsonl").write_text("\n".join(lines) + "\n")
    assert survey(tmp_path, ["2 2", "2 2"], monkeypatch, "--from", str(tmp_path / "made.jsonl"), "--tag", PID) == 0
    said = capsys.readouterr().out
    assert "written: 40 packets of 1 receivers" in said
    assert "that is thin" in said or "1 spots" in said
    assert "the tape is over" in said


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "which tag do you carry"),
        (("--from", "{}/tape.csv.gz"), "on {}/tape.csv.gz are mine, other"),
        (("--from", "{}/tape.csv.gz", "--tag", "nobody"), "which tag was carried"),
        (("--from", "{}/none.csv"), "cannot be read"),
        (("--tag", PID), "no gateway runs here"),
        (("--tag", "em"), "is neither a pid, nor a credential"),
        (("--check",), "there is no such file"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    words: str,
) -> None:
    (tmp_path / "office.yaml").write_text(office())
    taped(tmp_path, [(2.0, 2.0)])
    assert survey(tmp_path, [], monkeypatch, *(one.format(tmp_path) for one in more)) in (1, 2)
    assert words.format(tmp_path) in capsys.readouterr().err


def test_a_floor_that_is_not_there_or_not_measured_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(office())
    assert main(["survey", "l09", "--office", str(file)]) == 1
    assert "there is no floor l09: b/f" in capsys.readouterr().err
    file.write_text(re.sub(r", at: \[.*\]", "", office()))
    assert main(["survey", "f", "--office", str(file)]) == 1
    assert "no receiver has a position" in capsys.readouterr().err


def test_check_of_the_office_tells_doubts_with_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "office.yaml"
    wrong = {**ANCHORS, "r0": ANCHORS["r4"], "r4": ANCHORS["r0"]}
    (tmp_path / "keys").mkdir()
    file.write_text(office(survey="s.csv", anchors=wrong))
    (tmp_path / "s.csv").write_text(
        "t,receiver,rssi,x,y\n"
        + "".join(f"{one.at},{one.receiver},{one.rssi:.1f},{one.x},{one.y}\n" for one in FLOOR.survey())
    )
    main(["check", str(file)])
    said = capsys.readouterr()
    (tmp_path / "keys" / "site.key").write_text("")
    notes = radio.notes(load(file), document(file))
    assert [str(note) for note in notes] == [
        f'{file}:8: floor "f": receivers "r0" and "r4" were heard as if each hung where the other is said to hang; '
        "exchange their positions (at) or their names; until then the map exchanges them"
    ]
    assert "site_key" in said.err  # a site without its key is a mistake; its notes come when that is mended


def document(file: Path) -> Any:
    from gateway.config.document import Document

    return Document.read(file)


# --- live -------------------------------------------------------------------------------------------------------------


class Gateway:
    """A control socket with a real tap behind it, into which receivers are heard."""

    def __init__(self, path: Path, name: str, *, coordinator: bool) -> None:
        self.tap = Tap()
        self.control = Control(path, {"status": self._status, "record": self._record})
        self.name = name
        self._told = {"gateway": name, "coordinator": coordinator}

    async def _status(self, _args: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._told

    async def _record(self, args: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.tap.after(args.get("after"))

    def hear(self, person: str, receiver: str) -> None:
        item = Sighting(person, receiver, -61.5, T0, 2)
        if self.tap.on:
            self.tap.take(item, T0)


async def listening(sockets: list[Path], *gateways: Gateway) -> list[Heard]:
    """What is heard in two seconds of running gateways."""
    live = Live(sockets, PID, SystemClock())
    async with asyncio.TaskGroup() as group:
        tasks = []
        for one, socket in zip(gateways, sockets, strict=False):  # one by one: each changes the process's umask a while
            tasks.append(group.create_task(one.control.run()))
            async with asyncio.timeout(10):
                while not socket.exists():  # noqa: ASYNC110 the server binds it, and tells nobody
                    await asyncio.sleep(0.01)
            await call(socket, "status")  # it serves, so the umask is as it was
        names = await asyncio.to_thread(live.open)
        assert names == [one.name for one in gateways if one._told["coordinator"]] or len(names) > 1
        standing = group.create_task(asyncio.to_thread(live.stand, 1.5, lambda _left, _counts: None))
        async with asyncio.timeout(10):
            while not all(one.tap.on for one in gateways if one.name in names):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for n, one in enumerate(gateways):
            one.hear(PID, f"r{n}")
            one.hear(OTHER, "r5")
        heard = await standing
        for task in tasks:
            task.cancel()
    return heard


async def test_the_coordinator_is_asked_which_hears_of_all(tmp_path: Path) -> None:
    sockets = [tmp_path / "a.sock", tmp_path / "b.sock", tmp_path / "gone.sock"]
    gateways = [Gateway(s, n, coordinator=n == "gw-b") for s, n in zip(sockets, ("gw-a", "gw-b"), strict=False)]
    assert await listening(sockets, *gateways) == [Heard(T0 / SECOND, "r1", -61.5)] * 2


async def test_where_it_runs_elsewhere_those_that_are_here_are_asked(tmp_path: Path) -> None:
    sockets = [tmp_path / "a.sock", tmp_path / "b.sock"]
    gateways = [Gateway(s, n, coordinator=False) for s, n in zip(sockets, ("gw-a", "gw-b"), strict=True)]
    heard = await listening(sockets, *gateways)
    assert {one.receiver for one in heard} == {"r0", "r1"}

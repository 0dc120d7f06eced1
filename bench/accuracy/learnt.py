"""What CO2 means in rooms that have nothing else, learned as docs/rooms.md says: `hadir learn` from some days.

An operator has written down when such a room was used on six days, which are days of other seeds than the one that is
judged: in the same building with the same sensors, with other meetings.
"""

from __future__ import annotations

import csv
import io
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.accuracy import office_file
from bench.accuracy.building import Building
from bench.accuracy.days import Ear
from firmware_sim.actions import SECOND
from firmware_sim.day_run import TAG_S, DayRun
from firmware_sim.day_truth import value_at
from firmware_sim.office import Office as Tower
from firmware_sim.scenario import DAYS, MINUTE
from firmware_sim.tower import place_of
from firmware_sim.watchers import Said
from gateway import cli
from rules.api import Reading

SEEDS = range(901, 907)
DAY_S = 86_400
Rows = dict[str, tuple[list[tuple[object, ...]], list[tuple[object, ...]]]]
"""By room: readings and labels, as the files have them."""


def learn(made: Tower, folder: Path) -> None:
    """A model of each such room of one building, into `folder`."""
    rows: Rows = {}
    for number, seed in enumerate(SEEDS):
        _day(rows, made, number, seed)
    for room, (readings, labels) in rows.items():
        with TemporaryDirectory(prefix="hadir-accuracy-") as pack:
            _write(Path(pack) / "train_readings.csv", ("t", "sensor", "kind", "value"), readings)
            _write(Path(pack) / "train_truth.csv", ("t", "occupied", "count"), labels)
            out = folder / f"{room.rsplit('/', 1)[1]}.json"
            with redirect_stdout(io.StringIO()):
                status = cli.main(["learn", pack, "--place", room, "--out", str(out)])
        if status:
            raise RuntimeError(f"hadir learn: status {status}")


def stuffy(made: Tower) -> dict[str, str]:
    """Sensor -> room, of rooms with nothing but an air sensor."""
    seen = {device.space for device in made.devices if device.modality not in ("", "environment")}
    return {
        device.id: place_of(made, device.space)
        for device in made.devices
        if device.modality == "environment" and device.space not in seen
    }


def _day(rows: Rows, made: Tower, number: int, seed: int) -> None:
    """One day's readings and a label a minute; days follow each other."""
    day = DAYS[number % len(DAYS)]
    rooms, run = stuffy(made), DayRun(made, day, seed)
    with TemporaryDirectory(prefix="hadir-accuracy-") as folder:
        building = Building(made, office_file.read(made, Path(folder), tag_s=TAG_S, positions=False), Ear())
    building.start(day.begin)
    shift = number * DAY_S * SECOND + DAYS[0].at(0) - day.at(0)
    for item in run.items():
        if isinstance(item, Said) and item.device in rooms:
            for _, made_of in building.inputs(item):
                if not isinstance(made_of, Reading) or isinstance(made_of.value, bool):
                    continue
                row = ((made_of.at + shift) / SECOND, made_of.dev, made_of.kind, made_of.value)
                rows.setdefault(rooms[item.device], ([], []))[0].append(row)
    for room in rooms.values():
        series = run.truth.occupied.get(room, ())
        rows[room][1].extend(
            ((at + shift) // SECOND, int(value_at(series, at)), "") for at in range(day.begin, day.end, MINUTE)
        )


def _write(path: Path, head: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)

"""A door system's CSV file: real files that grow, are rotated, cut, written anew, half written; restarts of ours."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim import door_system
from gateway.clock import SECOND, SystemClock
from gateway.config.sources import DoorCsvSource as Settings
from gateway.config.sources import DoorFields
from gateway.counters import Counters
from gateway.errors import PermanentError, TransientError
from gateway.sources import door_csv, door_file
from gateway.sources.base import SourceState
from gateway.sources.door_csv import DoorCsvSource
from gateway.sources.door_file import GrowingFile, Position
from gateway.sources.door_table import DELIMITERS, Encoding, table
from tests.sources.brokers import Taken
from tests.sources.conftest import soon
from tests.sources.doors import COLUMNS, FIELDS, MAKASSAR, READERS, tap, taps

HEADER = door_system.header()


def line(n: int, **more: Any) -> bytes:
    return door_system.line(tap(n, **more), MAKASSAR)


class Office:
    """A file, and a gateway that follows it, once or again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.csv"
        self.memory = folder / "data" / "door-door.position"
        self.memory.parent.mkdir()
        self.counters = Counters()

    def append(self, *lines: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(b"".join(lines))

    def source(self, encoding: Encoding = "utf-8", fields: DoorFields = COLUMNS) -> DoorCsvSource:
        state = SourceState()
        shared = taps(self.counters, state, fields)
        return DoorCsvSource(
            "door", self.path, fields, shared, state, self.memory, self.counters, encoding=encoding, poll_s=0.02
        )

    @asynccontextmanager
    async def following(self, *, at_once: bool = True, **more: Any) -> AsyncIterator[Taken]:
        """From the moment that it stands at the end of what is there."""
        source = self.source(**more)
        taken = Taken(at_once=at_once)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._kept(source, taken))
            await soon(lambda: source.state.up and (self.memory.exists() or not at_once))
            yield taken
            task.cancel()

    async def _kept(self, source: DoorCsvSource, taken: Taken) -> None:
        while True:
            try:
                await source.run(taken)
            except TransientError:
                await asyncio.sleep(0.02)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.append(HEADER)
    return made


def numbers(taken: Taken) -> list[int]:
    return [int(frame.payload[-4:]) - 5000 for frame in taken.frames]


async def test_a_file_is_followed_from_its_end_on(office: Office) -> None:
    office.append(line(1))
    async with office.following() as taken:
        at = SystemClock().office() - 3600 * SECOND
        office.append(line(2), line(3, at=at))
        frames = await taken.count(2)
        frames = sorted(frames, key=lambda frame: frame.payload)
        assert [frame.payload for frame in frames] == [b"1;5002", b"1;5003"]
        assert frames[0][:3] == ("door", "door", READERS[1])
        assert abs(frames[1].received_at - at) < SECOND  # milliseconds are written, in the site's time
        office.append(line(4))
        await taken.count(3)
    assert not office.counters.snapshot()


async def test_a_file_that_is_not_followed_any_more_is_let_go(office: Office) -> None:
    def held() -> int:
        links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
        return [os.readlink(link) for link in links if os.path.lexists(link)].count(str(office.path))

    for _ in range(20):  # a look may be under way at the end: then its thread has the file still
        before = held()
        async with office.following():
            assert held() == before + 1
            await asyncio.sleep(0.03)
        if held() == before:
            return
    pytest.fail("the file is open still")


async def test_half_a_line_waits_for_its_end(office: Office) -> None:
    async with office.following() as taken:
        whole = line(1) + line(2)
        for at in range(0, len(whole), 7):
            office.append(whole[at : at + 7])
            await asyncio.sleep(0.005)
        await taken.count(2)
    assert numbers(taken) == [1, 2]
    assert not office.counters.snapshot()


async def test_a_restart_neither_loses_nor_repeats(office: Office) -> None:
    got: list[int] = []
    for n in range(1, 10, 3):
        async with office.following() as taken:
            if n > 1:
                await taken.count(1)  # what came while nobody was here
            office.append(line(n + 1))
            await taken.count(1 if n == 1 else 2)
            got += numbers(taken)
        office.append(line(n + 3), b"half a li")
        office.append(b"ne\r\n")
    assert got == [2, 4, 5, 7, 8]
    assert office.counters.snapshot() == {"door.dropped{bad_line}": 2}


async def test_what_is_not_durable_is_read_again_after_a_crash(office: Office) -> None:
    async with office.following():
        pass
    office.append(*(line(n) for n in range(1, 6)))
    async with office.following(at_once=False) as taken:
        await taken.count(5)
        for durable in taken.waiting[:4]:
            durable()
    async with office.following() as taken:
        await taken.count(5)
    async with office.following() as taken:
        office.append(line(6))
        await taken.count(1)
        assert numbers(taken) == [6]


async def test_what_becomes_durable_while_the_daemon_stops_does_not_come_again(office: Office) -> None:
    async with office.following():
        pass
    office.append(line(1), line(2))
    async with office.following(at_once=False) as taken:
        await taken.count(2)
    for durable in taken.waiting:  # the source has ended, the outbox has not
        durable()
    async with office.following() as taken:
        office.append(line(3))
        await taken.count(1)
        assert numbers(taken) == [3]


def rename(office: Office) -> None:
    office.path.rename(office.path.with_suffix(".csv.1"))


async def test_a_rotated_file_is_read_to_its_end(office: Office) -> None:
    async with office.following() as taken:
        office.append(line(1))
        with office.path.open("ab") as old:
            rename(office)
            old.write(line(2))
            old.flush()
            office.append(HEADER, line(3))
            await taken.count(2)
        await taken.count(3)
        office.append(line(4))
        await taken.count(4)
        assert numbers(taken) == [1, 2, 3, 4]
    assert not office.counters.snapshot()


async def test_a_file_that_was_rotated_while_we_were_away_is_found_and_read_first(office: Office) -> None:
    async with office.following() as taken:
        office.append(line(1))
        await taken.count(1)
    office.append(line(2))
    rename(office)
    office.append(door_system.header(";"), door_system.line(tap(3), MAKASSAR, ";"))
    async with office.following() as taken:
        await taken.count(2)
        assert numbers(taken) == [2, 3]
    async with office.following() as taken:
        office.append(door_system.line(tap(4), MAKASSAR, ";"))
        await taken.count(1)
        assert numbers(taken) == [4]
    assert not office.counters.snapshot()


async def test_the_end_of_a_rotated_file_that_was_never_ended_is_counted(office: Office) -> None:
    async with office.following() as taken:
        office.append(line(1), line(2)[:-5])
        await taken.count(1)
        rename(office)
        office.append(HEADER, line(3))
        await taken.count(2)
        assert numbers(taken) == [1, 3]
    assert office.counters.snapshot() == {"door.dropped{unfinished}": 1}


async def test_a_file_that_is_gone_is_waited_for_and_then_all_of_it_is_new(office: Office) -> None:
    office.path.unlink()
    source, taken = office.source(), Taken()
    with pytest.raises(TransientError):
        await source.run(taken)
    assert source.state.cause == "missing"
    assert "No such file" in source.state.problem
    office.append(HEADER, line(1))
    task = asyncio.ensure_future(source.run(taken))
    await taken.count(1)
    rename(office)
    with pytest.raises(TransientError):
        await task
    assert source.state.cause == "missing"
    office.append(HEADER, line(2))
    task = asyncio.ensure_future(source.run(taken))
    await taken.count(2)
    assert (numbers(taken), source.state.opens) == ([1, 2], 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_file_cut_to_nothing_begins_anew(office: Office) -> None:
    async with office.following() as taken:
        office.append(line(1), line(2))
        await taken.count(2)
        office.path.write_bytes(b"")
        await asyncio.sleep(0.1)
        office.append(HEADER, line(3))
        await taken.count(3)
        assert numbers(taken) == [1, 2, 3]


async def test_a_file_written_anew_with_other_lines_is_read_from_its_start(office: Office) -> None:
    async with office.following() as taken:
        office.append(line(1))
        await taken.count(1)
        office.path.write_bytes(HEADER + line(2) + line(3) + line(4))  # longer than it was
        await taken.count(4)
        assert numbers(taken) == [1, 2, 3, 4]


async def test_an_export_that_is_written_anew_with_more_lines_repeats_none(office: Office) -> None:
    lines = [HEADER, *(line(n) for n in range(1, 5))]
    office.path.write_bytes(b"".join(lines[:2]))
    async with office.following() as taken:
        fresh = office.path.with_suffix(".tmp")
        for end in (3, 4):
            fresh.write_bytes(b"".join(lines[:end]))
            fresh.replace(office.path)  # another inode
            await taken.count(end - 2)
        office.path.write_bytes(b"".join(lines))  # the same one
        await taken.count(3)
        assert numbers(taken) == [2, 3, 4]
    assert not office.counters.snapshot()


async def test_many_lines_come_in_turns(office: Office) -> None:
    async with office.following():
        pass
    office.append(*(line(n) for n in range(1, 1001)))
    async with office.following(at_once=False) as taken:
        await taken.count(door_file.MOST_LINES)
        await asyncio.sleep(0.1)
        assert len(taken.frames) == door_file.MOST_LINES  # the rest waits in the file
    async with office.following() as taken:
        await taken.count(1000)
        assert numbers(taken) == list(range(1, 1001))


async def test_bad_lines_are_counted_and_cost_themselves_alone(office: Office) -> None:
    async with office.following() as taken:
        office.append(
            b"\r\n",
            HEADER,
            b"1,2,3\r\n",
            b'9,2026-11-26 08:12:03,Desk 12,1,"5009\r\n',
            b"9,2026-11-26 08:12:03,Desk 12,1,5009,granted,to,many\r\n",
            b"9,yesterday,Desk 12,1,5009,granted\r\n",
            b"9,2026-11-26 08:12:03,Desk 12,1,,forced open\r\n",
            b"\xff\xfe,,,,,\r\n",
            b"\x00" * 100 + b"\r\n",
            b"x" * 9000 + b"\r\n",
            b"y" * 200_000 + b"\r\n",
            line(1, reader="Car park"),
            line(2).replace(b"\r\n", b",,\n"),
            line(3),
        )
        await taken.count(2)
        assert numbers(taken) == [2, 3]
    assert office.counters.snapshot() == {
        "door.dropped{bad_line}": 4,
        "door.dropped{bad_time}": 1,
        "door.dropped{encoding}": 1,
        "door.dropped{no_badge}": 1,
        "door.dropped{oversize}": 2,
        "door.dropped{unbound}": 1,
    }


async def test_a_line_without_end_is_passed_over_once(office: Office) -> None:
    async with office.following() as taken:
        office.append(b"z" * 300_000)
        await asyncio.sleep(0.1)
        assert not office.counters.snapshot()
        office.append(b"z" * 300_000, b"\n", line(1))
        await taken.count(1)
    assert office.counters.snapshot() == {"door.dropped{oversize}": 1}


# --- the first line --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", list(DELIMITERS))
def test_the_first_line_shows_the_delimiter(delimiter: str) -> None:
    reader = table(door_system.header(delimiter), COLUMNS, "utf-8")
    assert reader.columns == door_system.COLUMNS
    row = reader.row(door_system.line(tap(1, reader="A,B;C\tD"), MAKASSAR, delimiter))
    assert row is not None
    assert (row["Reader"], row["Card"]) == ("A,B;C\tD", "5001")


def test_encodings() -> None:
    header = "Nº;Lector;Hora".encode("latin-1")
    fields = DoorFields(reader="Lector", badge="Nº", at="Hora")
    assert table(header, fields, "latin-1").columns == ("Nº", "Lector", "Hora")
    assert table(b"\xef\xbb\xbf" + header.decode("latin-1").encode(), fields, "utf-8").columns[0] == "Nº"
    for data, encoding, advice in ((header, "utf-8", "latin-1"), ("Nº;".encode("utf-16"), "utf-8", "UTF-16")):
        with pytest.raises(PermanentError, match=advice) as raised:
            table(data, fields, encoding)  # type: ignore[arg-type]
        assert raised.value.reason == "encoding"


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        (b"Event ID,Date/Time,Reader,Facility\r\n", "Card"),
        (b"Event ID,Date/Time,Reader,Facility,Card,Card\r\n", "Card"),
        (b"1,2026-11-26 08:12:03,Desk 12,1,5001,granted\r\n", "Reader, Card, Facility, Date/Time, Event ID"),
        (b"\r\n", "Reader, Card, Facility, Date/Time, Event ID"),
        (b'"Card\r\n', "Reader, Card, Facility, Date/Time, Event ID"),
    ],
)
def test_columns_that_are_not_there_are_named_and_no_line_is(header: bytes, missing: str) -> None:
    with pytest.raises(PermanentError) as raised:
        table(header, COLUMNS, "utf-8")
    assert raised.value.reason == "columns"
    assert str(raised.value).endswith(f": {missing}")
    assert "5001" not in str(raised.value)


@given(
    st.binary(max_size=80), st.sampled_from(["utf-8", "latin-1"]), st.sampled_from([HEADER, b"Reader;Card;Date/Time\n"])
)
def test_any_line_is_a_row_or_has_a_cause(data: bytes, encoding: Encoding, header: bytes) -> None:
    fields = DoorFields(reader="Reader", badge="Card", at="Date/Time")
    try:
        row = table(header, fields, encoding).row(data.replace(b"\n", b""))
    except PermanentError as error:
        assert error.reason in {"encoding", "bad_line"}  # noqa: PT017
    else:
        assert row is None or {"Reader", "Card", "Date/Time"} <= row.keys()
    try:
        table(data, fields, encoding)
    except PermanentError as error:
        assert error.reason in {"encoding", "columns"}  # noqa: PT017


async def test_a_wrong_first_line_is_said_and_may_be_mended(office: Office) -> None:
    office.path.write_bytes(b"no,such\r\n")
    source, taken = office.source(), Taken()
    with pytest.raises(TransientError):
        await source.run(taken)
    assert source.state.cause == "columns"
    assert "Card" in source.state.problem
    assert not source.state.up
    office.path.write_bytes(HEADER)
    task = asyncio.ensure_future(source.run(taken))
    await soon(lambda: source.state.up)
    office.append(line(1))
    await taken.count(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_file_needs_a_column_of_the_time() -> None:
    row = {"type": "door_csv", "id": "door", "path": "x", "devices": ["a"], "fields": {"reader": "R", "badge": "B"}}
    with pytest.raises(ValueError, match="must name the column of the time"):
        Settings.model_validate(row)


# --- what is remembered, and files that are none ---------------------------------------------------------------------


async def test_a_damaged_memory_is_counted_and_reading_begins_at_the_end(office: Office) -> None:
    for damaged in (
        b"",
        b"{}",
        b"[]",
        b'{"path":"x","inode":1,"offset":-1,"tail":""}',
        b"\xff",
        b'{"path":1,"inode":1}',
    ):
        office.append(line(1))
        office.memory.write_bytes(damaged)
        before = office.counters.get("door.memory", "damaged")
        async with office.following() as taken:
            await soon(lambda: office.memory.stat().st_size > 100)
            office.append(line(2))
            await taken.count(1)
            assert numbers(taken) == [2]
        assert office.counters.get("door.memory", "damaged") == before + 1


async def test_the_memory_of_another_file_is_none(office: Office) -> None:
    async with office.following() as taken:
        office.append(line(1))
        await taken.count(1)
    office.path = office.path.with_name("other.csv")
    office.append(HEADER, line(2))
    async with office.following() as taken:
        await soon(lambda: b"other.csv" in office.memory.read_bytes())
        office.append(line(3))
        await taken.count(1)
        assert numbers(taken) == [3]


async def test_a_start_that_changes_nothing_writes_nothing(office: Office) -> None:
    async with office.following():
        pass
    before = office.memory.stat()
    async with office.following():
        await asyncio.sleep(0.1)
    assert office.memory.stat().st_ino == before.st_ino
    assert before.st_mode & 0o777 == 0o600


async def test_a_memory_that_cannot_be_written_costs_no_tap(office: Office) -> None:
    async with office.following() as taken:
        office.memory.unlink()
        office.memory.parent.rmdir()
        office.append(line(1))
        await taken.count(1)
        await soon(lambda: office.counters.get("door.memory", "unwritten") == 1)
        office.memory.parent.mkdir()
        office.append(line(2))
        await taken.count(2)
        await soon(lambda: office.memory.exists())


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [folder, pipe])
async def test_what_is_no_file_is_down(office: Office, make: Callable[[Path], None]) -> None:
    office.path.unlink()
    make(office.path)
    source = office.source()
    with pytest.raises(TransientError):
        await source.run(Taken())
    assert source.state.cause == "missing"


async def test_a_share_that_hangs_is_down_and_holds_nobody_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, begun = threading.Event(), threading.Event()
    read = GrowingFile.read

    def hung(self: GrowingFile) -> object:  # no file system can be made to hang on demand
        begun.set()
        hanging.wait(30)
        return read(self)

    monkeypatch.setattr(door_csv, "HUNG_S", 0.05)
    monkeypatch.setattr(GrowingFile, "read", hung)
    source, taken = office.source(), Taken()
    for _ in range(3):
        with pytest.raises(TransientError):
            await source.run(taken)
        assert source.state.cause == "hung"
    assert begun.is_set()
    assert sum(thread.name == "aside" for thread in threading.enumerate()) == 1
    monkeypatch.setattr(door_csv, "HUNG_S", 20.0)
    hanging.set()
    task = asyncio.ensure_future(source.run(taken))
    await soon(lambda: source.state.up)
    office.append(line(1))
    await taken.count(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_position_is_written_and_read() -> None:
    position = Position("/x/ü.csv", 7, 4096, "ab")
    assert Position.parse(position.written()) == position


def test_fields_of_json_are_no_columns() -> None:
    with pytest.raises(PermanentError, match=r"card\.number"):
        table(HEADER, FIELDS, "utf-8")

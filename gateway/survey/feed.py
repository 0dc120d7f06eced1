"""What receivers hear of the walker's tag: from running gateways of this machine, or from a tape.

Live, the coordinator of the building is asked: it is told by all others what their receivers hear (sightings.py). It
hands on what its rules are given, by its control socket, as `hadir record` gets it: nothing but pseudonyms.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gateway import tables
from gateway.clock import SECOND, Clock
from gateway.control import call
from gateway.counters import Counters
from gateway.errors import HadirError, TransientError
from gateway.recording import Recording, parse
from gateway.survey.ground import Heard
from rules.api import Sighting, is_signal

FETCH_S = 0.5
MOST_SHOWN = 5
Told = Callable[[float, Mapping[str, int]], None]
"""(seconds that are left, packets by receiver until now)."""


class Ended(HadirError):
    """The tape is over."""


class Feed(Protocol):
    """Where packets come from."""

    def stand(self, seconds: float, told: Told) -> list[Heard]:
        """What is heard of the tag in the next seconds. Raises HadirError; Ended, when nothing will ever come again."""
        ...

    def wind(self, word: str) -> None:
        """Go to a time: a tape only. Raises HadirError."""
        ...


class Tape:
    """Sightings of a file: time is theirs, and goes on only while the walker stands."""

    def __init__(self, heard: Iterable[Heard]) -> None:
        """Raises HadirError for an empty tape."""
        self._heard = sorted(heard)
        if not self._heard:
            raise HadirError("nothing was heard of that tag on the tape")
        self._at = self._heard[0].at

    def stand(self, seconds: float, told: Told) -> list[Heard]:
        """The next seconds of the tape."""
        if self._at > self._heard[-1].at:
            raise Ended("the tape is over")
        begin, self._at = self._at, self._at + seconds
        found = [one for one in self._heard if begin <= one.at < self._at]
        told(0.0, Counter(one.receiver for one in found))
        return found

    def wind(self, word: str) -> None:
        """To seconds since 1970, or on (+) by seconds."""
        try:
            at = tables.number(word)
        except ValueError as error:
            raise HadirError(f"@{word[:20]}: {error}; write seconds since 1970, or +seconds") from error
        self._at = self._at + at if word.startswith("+") else at


def tape(path: Path, tag: str) -> Tape:
    """From a table t,beacon,receiver,rssi (.csv, .csv.gz) or a recording. `tag`: beacon or pid; "": the only one.

    Raises ConfigError with all mistakes of the file, HadirError for a tag that is not on it.
    """
    rows = list(_table(path) if path.name.endswith((".csv", ".csv.gz")) else _recording(path))
    tags = Counter(name for name, _ in rows)
    if not tag and len(tags) == 1:
        tag = next(iter(tags))
    if tag not in tags:
        shown = ", ".join(name for name, _ in tags.most_common(MOST_SHOWN)) or "none"
        raise HadirError(
            f"which tag was carried? give --tag; on {path} are {shown}{', ...' * (len(tags) > MOST_SHOWN)}"
        )
    return Tape(one for name, one in rows if name == tag and is_signal(one.rssi))


def _table(path: Path) -> Iterable[tuple[str, Heard]]:
    mistakes = tables.Mistakes()
    fields = {"t": tables.number, "beacon": tables.word, "receiver": tables.word, "rssi": tables.number}
    found = [(tag, Heard(at, receiver, rssi)) for at, tag, receiver, rssi in tables.rows(path, fields, mistakes)]
    mistakes.settle()
    return found


def _recording(path: Path) -> Iterable[tuple[str, Heard]]:
    return (
        (item.person, one)
        for _, item in Recording(path).inputs(Counters())
        if isinstance(item, Sighting)
        for one in _packets(item)
    )


def _packets(item: Sighting) -> list[Heard]:
    """A packet each, as the map counts packets; of those that another gateway has joined, only the mean is known."""
    return [Heard(item.at / SECOND, item.receiver, item.rssi)] * item.heard


class Live:
    """Running gateways, by their control sockets."""

    def __init__(self, sockets: Sequence[Path], person: str, clock: Clock) -> None:
        """`person`: pid of the tag that is carried."""
        self._sockets = sockets
        self._person = person
        self._clock = clock

    def open(self) -> list[str]:
        """Choose whom to ask; their names. Raises TransientError when nobody answers."""
        return asyncio.run(self._open())

    async def _open(self) -> list[str]:
        answers: list[tuple[Path, str, bool]] = []
        why = "there is none here"
        for socket in self._sockets:
            try:
                status = await call(socket, "status")
            except TransientError as error:
                why = str(error)
            else:
                answers.append((socket, str(status["gateway"]), bool(status["coordinator"])))
        if not answers:
            text = "no gateway runs here; walk where the building's coordinator runs, or give --socket or --from"
            raise TransientError(f"{text} ({why})")
        chosen = [one for one in answers if one[2]][:1] or answers  # the coordinator hears of all
        self._sockets = [socket for socket, _, _ in chosen]
        return [name for _, name, _ in chosen]

    def stand(self, seconds: float, told: Told) -> list[Heard]:
        """In real time."""
        return asyncio.run(self._stand(seconds, told))

    async def _stand(self, seconds: float, told: Told) -> list[Heard]:
        cursors = {socket: (await call(socket, "record", {"after": None}))["cursor"] for socket in self._sockets}
        end = self._clock.machine() + int(seconds * SECOND)
        heard: list[Heard] = []
        left = seconds
        while left > 0:
            await asyncio.sleep(min(FETCH_S, left))
            left = (end - self._clock.machine()) / SECOND
            for socket in self._sockets:
                answer = await call(socket, "record", {"after": cursors[socket]})
                if answer["lost"]:
                    raise HadirError("the gateway is busier than this walk, or was started anew: stand here once more")
                cursors[socket] = answer["cursor"]
                for line in answer["lines"]:
                    _, item = parse(line.encode())
                    if isinstance(item, Sighting) and item.person == self._person:
                        heard += _packets(item)
            told(max(0.0, left), Counter(one.receiver for one in heard))
        return sorted(heard)

    def wind(self, word: str) -> None:
        """Not in real time."""
        raise HadirError(f"@{word[:20]}: only a tape (--from) can be wound")

"""What can be replayed: a zone pack or a recording, as one gateway that decides everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from drivers.api import Frame
from gateway.config.model import Office
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.errors import Problem
from gateway.packs import GATEWAY, Pack
from gateway.people import Entry
from gateway.recording import Recording
from rules.api import Input


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """What can be replayed."""

    path: Path
    office: Office
    """With one gateway, `replay`, that decides everything."""
    data: Path
    """The file whose bytes name the replay."""
    items: Callable[[Counters], Iterator[tuple[int, Frame | Input]]]
    """(time, input), in order."""
    people: Callable[[SiteKey], dict[str, Entry]]
    """Index -> holder of what is heard."""
    facts: Mapping[str, Mapping[str, Mapping[str, Any]]]
    problems: list[Problem]
    """The first inputs that could not be read, once they were met."""


def tape(path: Path) -> Tape:
    """A zone pack (a folder) or a recording (a file). Raises ConfigError."""
    if path.is_dir():
        pack = Pack(path)

        def people(key: SiteKey) -> dict[str, Entry]:
            # the beacons of a pack are known by what the driver says of them; the key is of this run only
            realm = pack.office().site
            return {key.index(pack.credential(n), realm): pack.person(n) for n in range(pack.beacons())}

        return Tape(
            path=path,
            office=pack.office(),
            data=pack.sightings,
            items=lambda counters: ((frame.received_at, frame) for frame in pack.frames(counters)),
            people=people,
            facts={},
            problems=[],
        )
    recording = Recording(path)
    return Tape(
        path=path,
        office=_owned(recording),
        data=path,
        items=recording.inputs,
        people=lambda _key: {},
        facts=recording.facts,
        problems=recording.problems,
    )


def _owned(recording: Recording) -> Office:
    """The recording's office, with everything decided by the replay: other gateways are not there."""
    document = recording.office.model_dump(mode="json")
    box = next(gateway for gateway in document["gateways"] if gateway["id"] == recording.gateway)
    document["gateways"] = [{**box, "id": GATEWAY}]
    for building in document["buildings"]:
        building["coordinator"] = GATEWAY
        for floor in building["floors"]:
            floor["owner"] = GATEWAY
            for zone in floor["zones"]:
                zone["owner"] = None
                for space in zone["spaces"]:
                    space["owner"] = None
    return Office.model_validate(document)


def digest(played: Tape) -> str:
    """Four digits that name the recording and its configuration."""
    made = sha256()
    with played.data.open("rb") as data:
        while block := data.read(1 << 20):
            made.update(block)
    made.update(played.office.model_dump_json().encode())
    return made.hexdigest()[:4]

"""What a list of changes makes of office.yaml and of a floor's plan: new texts, their diffs, and every mistake in them.

Nothing is written before `save`, and only what was checked is written: by a new file beside the old one, flushed to the
disk, that takes its name; the old one stays as `.bak`.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway import durable
from gateway.config import plan_check
from gateway.config.document import Document, Where
from gateway.config.geometry import RECEIVER
from gateway.config.load import load
from gateway.config.model import Office
from gateway.config.owners import Owners
from gateway.config.places import Places
from gateway.config.sources import alone, shared
from gateway.errors import ConfigError, PermanentError, Problem
from gateway.web import plan_edit, yaml_edit
from gateway.web.changes import Add, Bind, Change, Hang, Move, Rename
from gateway.web.floorplan import Drawing
from gateway.web.floors import Storey
from gateway.web.yaml_edit import Append, EditError, Put

_SAVING = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file before and after."""

    path: Path
    name: str
    """As people know it: relative to office.yaml."""
    old: str
    """Empty: there is none yet."""
    new: str

    @property
    def diff(self) -> str:
        """Unified; empty where nothing changes."""
        return yaml_edit.diff(self.old, self.new, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """Who takes the changes only after a restart."""

    web: bool = False
    gateways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What would be saved."""

    files: tuple[File, ...]
    """Those that change; the plan before office.yaml, which may name it for the first time."""
    problems: tuple[Problem, ...]
    """With any of them nothing is saved."""
    restarts: Restarts
    base: str
    """Digest of the old texts: what was looked at is what is changed."""


def propose(
    file: Path, storey: Storey, drawing: Drawing, changes: Sequence[Change], drivers: Iterable[str]
) -> Proposal:
    """`drawing`: of the floor as its files are now. Raises ConfigError: office.yaml cannot be read at all."""
    old = file.read_bytes().decode("utf-8")
    document = Document.parse(old.encode(), str(file))
    problems: list[Problem] = []
    plan, new = None, old
    try:
        plan = _plan_file(file, storey, drawing, changes)
    except ConfigError as error:
        problems += error.problems
    try:
        new = yaml_edit.apply(old, list(_edits(document, storey, changes, plan)))
    except EditError as error:
        problems.append(Problem(file=str(file), line=None, text=str(error)))
    try:
        office = load(file, drivers=drivers, instead=new.encode())
        instead = {} if plan is None else {plan.path: plan.new.encode()}
        problems += plan_check.problems(office, Document.parse(new.encode(), str(file)), instead)
        restarts = _restarts(office, document, changes) if new != old else Restarts()
    except ConfigError as error:
        problems += error.problems
        restarts = Restarts(web=new != old)
    files = [plan] if plan is not None and plan.old != plan.new else []
    if new != old:
        files.append(File(path=file, name=file.name, old=old, new=new))
    return Proposal(
        files=tuple(files), problems=tuple(problems), restarts=restarts, base=_digest(old, plan.old if plan else "")
    )


def save(proposal: Proposal, base: str) -> None:
    """Write it. Raises PermanentError: it has mistakes, or a file was changed meanwhile; OSError."""
    with _SAVING:
        if proposal.problems:
            raise PermanentError("invalid", "it has mistakes")
        if proposal.base != base or any(_read(file.path) != file.old for file in proposal.files):
            raise PermanentError("changed", "a file was changed meanwhile")
        for file in proposal.files:
            _replace(file.path, file.old, file.new)


# --- the new texts --------------------------------------------------------------------------------------------------


def _plan_file(file: Path, storey: Storey, drawing: Drawing, changes: Sequence[Change]) -> File | None:
    """The plan with its spaces moved; None: no change is about it. Raises ConfigError: it has mistakes already."""
    moves = [change for change in changes if isinstance(change, Move)]
    drawn = any(isinstance(change, Hang | Add) for change in changes) and drawing.source == "made_up"
    if not moves and not drawn:
        return None
    kinds = {space.id: space.kind for zone in storey.floor.zones for space in zone.spaces}
    stands = {
        move.space: plan_edit.Stand(kind=kinds[move.space], x=move.x, y=move.y, rotation=move.rotation)
        for move in moves
        if move.space in kinds
    }
    name = storey.floor.plan or Path("plans") / f"{storey.building.id}-{storey.floor.id}.geojson"
    path = name if name.is_absolute() else file.parent / name
    old = _read(path) if storey.floor.plan is not None else ""
    text = old or plan_edit.from_drawing(drawing)
    return File(path=path, name=str(name), old=old, new=plan_edit.apply(text, stands, str(name)))


def _edits(
    document: Document, storey: Storey, changes: Sequence[Change], plan: File | None
) -> Iterator[yaml_edit.Change]:
    """Raises EditError: a change is about something that is not in the file."""
    where = _floor(document.data, storey)
    if plan is not None and storey.floor.plan is None:
        yield Put(where, "plan", plan.name, after="name")
    spaces = _spaces(document.data, where)
    devices = {row.get("id"): n for n, row in enumerate(_rows(document.data.get("devices")))}
    added: list[dict[str, Any]] = []
    for change in changes:
        match change:
            case Move() if change.space not in spaces:
                raise EditError(f'there is no space "{change.space}" on this floor')
            case Rename():
                if change.space not in spaces:
                    raise EditError(f'there is no space "{change.space}" on this floor')
                yield Put(spaces[change.space], "name", change.name, after="id")
            case Hang() | Bind():
                if change.device not in devices:
                    raise EditError(f'there is no device "{change.device}"')
                row: Where = ("devices", devices[change.device])
                if isinstance(change, Bind):
                    yield Put(row, "place", change.place)
                else:
                    known = document.data["devices"][row[1]].get("at")
                    height = known[2:] if isinstance(known, list) else []
                    yield Put(row, "at", [change.x, change.y, *height], after="place")
            case Add():
                at = {} if change.x is None or change.y is None else {"at": [change.x, change.y]}
                added.append({"id": change.device, "driver": change.driver, "place": change.place, **at})
            case _:
                pass
    if added:
        yield Append((), "devices", tuple(added))


def _floor(data: Any, storey: Storey) -> Where:
    for b, building in enumerate(_rows(data.get("buildings"))):
        for f, floor in enumerate(_rows(building.get("floors"))):
            if (building.get("id"), floor.get("id")) == (storey.building.id, storey.floor.id):
                return "buildings", b, "floors", f
    raise EditError("this floor is not in the file any more")


def _spaces(data: Any, floor: Where) -> dict[str, Where]:
    here = data
    for step in floor:
        here = here[step]
    return {
        space["id"]: (*floor, "zones", z, "spaces", s)
        for z, zone in enumerate(_rows(here.get("zones")))
        for s, space in enumerate(_rows(zone.get("spaces")))
        if "id" in space
    }


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row if isinstance(row, dict) else {} for row in value] if isinstance(value, list) else []


# --- who has to know ------------------------------------------------------------------------------------------------


def _restarts(office: Office, before: Document, changes: Sequence[Change]) -> Restarts:
    """Gateways that read or own what changes; coordinators where a receiver hangs elsewhere. Plans need nobody."""
    owners, places = Owners(office), Places(office)
    devices = {device.id: device for device in office.devices}
    bound = {row.get("id"): str(row.get("place")) for row in _rows(before.data.get("devices"))}
    readers = {
        name: gateway.id
        for gateway in office.gateways
        for source in gateway.sources
        for name in (alone(source), *shared(source))
        if name
    }
    found: set[str] = set()
    for change in changes:
        if isinstance(change, Rename):
            found |= {spot.owner for spot in places.spots.values() if spot.space.id == change.space}
        elif isinstance(change, Bind | Add):
            found.add(readers.get(change.device, ""))
            found |= {owners.owner(places.full(place) or "") for place in (change.place, bound.get(change.device, ""))}
        elif isinstance(change, Hang) and devices[change.device].driver == RECEIVER:
            found |= set(places.candidates.get(devices[change.device].place.split("/")[0], ()))
    return Restarts(web=True, gateways=tuple(sorted(found - {""})))


# --- files ----------------------------------------------------------------------------------------------------------


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def _read(path: Path) -> str:
    """Empty: there is no such file. Raises OSError."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""


def _replace(path: Path, old: str, new: str) -> None:
    """A power cut leaves the old file or the new one. Its mode stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    if old:
        durable.replace(path.with_name(f"{path.name}.bak"), old.encode(), mode=mode)
    durable.replace(path, new.encode(), mode=mode)

"""A drawing as it would be with the changes of a draft. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gateway.web.changes import Change, Hang, Move, Rename
from gateway.web.floorplan import Drawing, DrawnSpace


def drafted(drawing: Drawing, changes: Iterable[Change]) -> Drawing:
    """`drawing` with spaces and devices where the changes put them; the paper stays as large as it is."""
    moves: dict[str, Move] = {}
    names: dict[str, str] = {}
    hangs: dict[str, Hang] = {}
    for change in changes:
        match change:
            case Move():
                moves[change.space] = change
            case Rename():
                names[change.space] = change.name
            case Hang():
                hangs[change.device] = change
            case _:
                pass
    spaces = []
    for drawn in drawing.spaces:
        made = drawn
        if drawn.space.id in names:
            made = replace(made, space=drawn.space.model_copy(update={"name": names[drawn.space.id]}))
        if drawn.space.id in moves:
            made = _moved(made, drawing, moves[drawn.space.id])
        spaces.append(made)
    devices = []
    for hung in drawing.devices:
        hang = hangs.get(hung.device.id)
        x, y = (hung.x, hung.y) if hang is None else drawing.paper(hang.x, hang.y)
        devices.append(replace(hung, x=x, y=y, placed=hung.placed or hang is not None))
    return replace(drawing, spaces=tuple(spaces), devices=tuple(devices))


def _moved(drawn: DrawnSpace, drawing: Drawing, move: Move) -> DrawnSpace:
    x, y = drawing.paper(move.x, move.y)
    dx, dy = x - drawn.x, y - drawn.y
    turn = drawn.turn if move.rotation is None or drawn.outline else (180 - move.rotation) % 360 - 180
    return replace(
        drawn, x=x, y=y, turn=turn, placed=True, outline=tuple((px + dx, py + dy) for px, py in drawn.outline)
    )

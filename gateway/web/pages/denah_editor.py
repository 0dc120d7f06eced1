"""Denah editor: an operator moves places and devices on the plan, sees the diff of the files, and saves them.

The changes travel in the form until they are saved: nothing is kept on the server, and the page works without script,
one place at a time by number fields. What is edited is what the files say now, not what the daemons were started with.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from babel.numbers import format_decimal
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import ValidationError

from gateway.config.load import load
from gateway.config.model import Device
from gateway.decode import installed
from gateway.errors import ConfigError, PermanentError, Problem
from gateway.web import proposal
from gateway.web.changes import Add, Bind, Change, Changes, Hang, Move, Rename, merged, written
from gateway.web.drafting import drafted
from gateway.web.floors import Floors, Sketch, Storey
from gateway.web.proposal import Proposal
from gateway.web.rendering import N_, Language
from gateway.web.site import Site, TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allowed(Role.OPERATOR))]
Word = Annotated[str, Query(max_length=80)]
LOST = N_("Daftar perubahan di halaman ini tidak dapat dibaca. Mulailah lagi dari keadaan yang tersimpan.")
CHANGED = N_("Berkasnya sudah diubah orang lain sejak Anda meninjau. Periksa lagi perbedaannya sebelum menyimpan.")
NOT_WRITTEN = N_("Berkas tidak dapat ditulis: %(why)s")
WRONG = N_("Isian %(field)s salah. Angka memakai meter, misalnya 3.25; pengenal hanya huruf kecil, angka, dan tanda -.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What office.yaml and the plan say now."""

    storey: Storey
    sketch: Sketch
    devices: tuple[Device, ...]
    """Of this floor."""
    drivers: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    """(`building/floor/zone[/space]`, name) of this floor, to which a device may be bound."""


@dataclass(slots=True)
class Draft:
    """One request's form."""

    changes: list[Change] = field(default_factory=list)
    chosen: str = ""
    """`space:d-001` or `device:rdr-1`."""
    mistakes: list[str] = field(default_factory=list)
    """In the viewer's language."""


@router.get("/operator/denah/{building}/{floor}")
async def edit(
    request: Request, site: TheSite, viewer: Operator, building: str, floor: str, pilih: Word = ""
) -> Response:
    """The editor, without changes yet."""
    files = await _files(site, building, floor)
    return _page(request, site, viewer, files, Draft(chosen=pilih))


@router.post("/operator/denah/{building}/{floor}")
async def change(request: Request, site: TheSite, viewer: Operator, building: str, floor: str) -> Response:
    """Note a change, look at all of them, or save them: `aksi` says which."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    files = await _files(site, building, floor)
    language = site.pages.language(request, viewer)
    draft = Draft(chosen=form.get("pilih", "")[:80])
    try:
        draft.changes = Changes.validate_json(form.get("ubah") or "[]")
    except ValidationError:
        draft.mistakes.append(language.text(LOST))
        return _page(request, site, viewer, files, draft, status=422)
    action = form.get("aksi", "")
    if action.startswith("buang:"):
        number = action.removeprefix("buang:")
        draft.changes = [one for n, one in enumerate(draft.changes) if str(n) != number]
    elif action in ("catat", "tambah", "tinjau"):
        _note(draft, form, files, language, new=action == "tambah")
    if draft.mistakes or action not in ("tinjau", "simpan"):
        return _page(request, site, viewer, files, draft, status=422 if draft.mistakes else 200)
    if isinstance(files, ConfigError):
        raise HTTPException(409, "office.yaml has mistakes")
    proposed = await asyncio.to_thread(
        proposal.propose, site.file, files.storey, files.sketch.drawing, draft.changes, installed()
    )
    why = ""
    if action == "simpan":
        why = await _save(proposed, form.get("dasar", ""), language)
        if not why:
            return site.pages.page(
                request, "editor/tersimpan.html", viewer, storey=files.storey, proposed=proposed, file=site.file
            )
    return site.pages.page(
        request,
        "editor/tinjau.html",
        viewer,
        status=409 if why else 200,
        storey=files.storey,
        proposed=proposed,
        draft=draft,
        ubah=written(draft.changes),
        described=_described(draft.changes, language),
        said=_said(proposed.problems, site.file),
        why=why,
        new_devices=[one.device for one in draft.changes if isinstance(one, Add)],
    )


async def _files(site: Site, building: str, floor: str) -> Files | ConfigError:
    """Raises HTTPException 404: there is no such floor."""
    try:
        return await asyncio.to_thread(_read, site.file, building, floor)
    except ConfigError as error:
        return error


def _read(file: Path, building: str, floor: str) -> Files:
    drivers = installed()
    office = load(file, drivers=drivers)
    floors = Floors(office)
    storey = floors.find(building, floor)
    here = f"{storey.path}/"
    places = [
        (
            f"{here}{zone.id}{f'/{space.id}' if space else ''}",
            (space.name or space.id) if space else (zone.name or zone.id),
        )
        for zone in storey.floor.zones
        if not zone.private
        for space in (None, *zone.spaces)
    ]
    return Files(
        storey=storey,
        sketch=floors.sketch(storey),
        devices=tuple(device for device in office.devices if device.place.startswith(here)),
        drivers=tuple(sorted((*drivers, "receiver"))),
        places=tuple(places),
    )


async def _save(proposed: Proposal, base: str, language: Language) -> str:
    """Why it was not saved; empty: it was."""
    try:
        await asyncio.to_thread(proposal.save, proposed, base)
    except PermanentError as error:
        return language.text(CHANGED) if error.reason == "changed" else ""
    except OSError as error:
        return language.text(NOT_WRITTEN, why=f"{error.filename}: {error.strerror}")
    return ""


def _note(draft: Draft, form: Mapping[str, str], files: Files | ConfigError, language: Language, *, new: bool) -> None:
    """Add what the fields say to the changes, or say what is wrong with them."""
    if isinstance(files, ConfigError):
        return
    kind, _, name = draft.chosen.partition(":")
    asked: list[dict[str, Any]] = []
    if new:
        given = form.get("x_baru") or form.get("y_baru")
        at = {} if not given else {"x": _number(form, "x_baru", ""), "y": _number(form, "y_baru", "")}
        asked.append(
            {
                "op": "add",
                "device": form.get("id_baru", ""),
                "driver": form.get("driver", ""),
                "place": form.get("tempat_baru", ""),
                **at,
            }
        )
    elif kind == "space":
        asked += _of_space(name, form, drafted(files.sketch.drawing, draft.changes))
    elif kind == "device":
        asked += _of_device(name, form, files.devices)
    try:
        draft.changes = merged([*draft.changes, *Changes.validate_python(asked)])
    except ValidationError as error:
        fields = {str(item["loc"][-1]) for item in error.errors()}
        draft.mistakes += [language.text(WRONG, field=_FIELDS.get(name, name)) for name in sorted(fields)]


_FIELDS = {"device": "id", "name": "nama", "rotation": "putar", "place": "tempat"}
"""How the form calls what the model calls so."""


def _of_space(name: str, form: Mapping[str, str], drawing: Any) -> list[dict[str, Any]]:
    """Only what differs from what the page showed."""
    found = next((space for space in drawing.spaces if space.space.id == name), None)
    if found is None:
        return []
    made: list[dict[str, Any]] = []
    title = form.get("nama", "").strip()
    if title and title != found.name:
        made.append({"op": "rename", "space": name, "name": title})
    x, y = drawing.metres(found.x, found.y)
    at = _number(form, "x", x), _number(form, "y", y)
    turn = _number(form, "putar", -found.turn)
    if at != (x, y) or turn != -found.turn:
        made.append({"op": "move", "space": name, "x": at[0], "y": at[1], "rotation": turn})
    return made


def _of_device(name: str, form: Mapping[str, str], devices: Sequence[Device]) -> list[dict[str, Any]]:
    found = next((device for device in devices if device.id == name), None)
    if found is None:
        return []
    made: list[dict[str, Any]] = []
    if form.get("tempat", found.place) != found.place:
        made.append({"op": "bind", "device": name, "place": form["tempat"]})
    if form.get("dx") or form.get("dy"):
        at = _number(form, "dx"), _number(form, "dy")
        if found.at is None or at != found.at[:2]:
            made.append({"op": "hang", "device": name, "x": at[0], "y": at[1]})
    return made


def _number(form: Mapping[str, str], name: str, default: Any = None) -> Any:
    """A number as people write it, or the text that is none: the model says so."""
    text = form.get(name, "").strip().replace(",", ".")
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        return text


def _said(problems: Iterable[Problem], file: Path) -> list[str]:
    """With names of files as seen from office.yaml."""
    return [str(problem).removeprefix(f"{file.parent}/") for problem in problems]


def _described(changes: Sequence[Change], language: Language) -> list[str]:
    return [_in_words(one, language) for one in changes]


def _shown(metres: float, language: Language) -> str:
    return str(format_decimal(metres, format="0.##", locale=language.code))


def _in_words(one: Change, language: Language) -> str:
    match one:
        case Move():
            at = {"id": one.space, "x": _shown(one.x, language), "y": _shown(one.y, language)}
            if one.rotation:
                return language.text(N_("%(id)s di %(x)s; %(y)s m, diputar %(turn)g°"), **at, turn=one.rotation)
            return language.text(N_("%(id)s di %(x)s; %(y)s m"), **at)
        case Rename():
            return language.text(N_("%(id)s diberi nama “%(name)s”"), id=one.space, name=one.name)
        case Hang():
            at = {"id": one.device, "x": _shown(one.x, language), "y": _shown(one.y, language)}
            return language.text(N_("Perangkat %(id)s di %(x)s; %(y)s m"), **at)
        case Bind():
            return language.text(N_("Perangkat %(id)s melayani %(place)s"), id=one.device, place=one.place)
        case Add():
            return language.text(
                N_("Perangkat baru %(id)s (%(driver)s) di %(place)s"), id=one.device, driver=one.driver, place=one.place
            )


def _page(
    request: Request, site: Site, viewer: Viewer, files: Files | ConfigError, draft: Draft, status: int = 200
) -> Response:
    if isinstance(files, ConfigError):
        return site.pages.page(
            request, "editor/rusak.html", viewer, status=409, problems=_said(files.problems, site.file)
        )
    language = site.pages.language(request, viewer)
    drawing = drafted(files.sketch.drawing, draft.changes)
    spaces = {space.space.id: space for space in drawing.spaces}
    devices = {device.id: device for device in files.devices}
    kind, _, name = draft.chosen.partition(":")
    return site.pages.page(
        request,
        "editor/editor.html",
        viewer,
        status=status,
        storey=files.storey,
        problems=_said(files.sketch.problems, site.file),
        drawing=drawing,
        hung={drawn.device.id: drawn for drawn in drawing.devices},
        devices=files.devices,
        drivers=files.drivers,
        bindable=files.places,
        bound=json.dumps({device.id: device.place for device in files.devices}),
        draft=draft,
        ubah=written(draft.changes),
        described=_described(draft.changes, language),
        space=spaces.get(name) if kind == "space" else None,
        device=devices.get(name) if kind == "device" else None,
    )

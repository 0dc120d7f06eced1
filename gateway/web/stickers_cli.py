"""`hadir stickers`: sheets of desk stickers as a PDF."""

from __future__ import annotations

import argparse
import sys

from gateway.config.load import load
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.credentials import SiteKey
from gateway.errors import HadirError
from gateway.web.codes import made
from gateway.web.sticker_sheet import ENGLISH, INDONESIAN, SHEETS, Sticker, pdf
from gateway.web.stickers import Codes, readable


def stickers(arguments: argparse.Namespace) -> int:
    """Write the file; 0. Raises HadirError, which says what to do."""
    office = load(arguments.file)
    codes = made(office, SiteKey.load(office.path(office.people.site_key)))
    found = wanted(office, codes, arguments.place, arguments.url or office.web.address)
    sheet = SHEETS[arguments.sheet]
    if not 0 <= arguments.skip < sheet.labels:
        raise HadirError(f"--skip: a sheet of {arguments.sheet} has {sheet.labels} labels")
    body = pdf(found, sheet, ENGLISH if arguments.language == "en" else INDONESIAN, first=arguments.skip)
    try:
        arguments.out.write_bytes(body)
    except OSError as error:
        raise HadirError(f"{arguments.out} cannot be written: {error.strerror}") from error
    pages = -(-(len(found) + arguments.skip) // sheet.labels)
    sys.stdout.write(f"{arguments.out}: {len(found)} stickers on {pages} pages of {arguments.sheet} mm labels\n")
    for code, named in codes.shared.items():
        sys.stdout.write(f"{readable(code)} would be of {' and '.join(named)}: each has its second code instead\n")
    return 0


def wanted(office: Office, codes: Codes, prefix: str, url: str) -> list[Sticker]:
    """The stickers of all places at or below `prefix` (building/floor/..., empty: all). Raises HadirError: none."""
    if len(url) > 100 or "://" not in url:
        raise HadirError("--url is an address such as https://hadir.example.go.id, at most 100 characters")
    levels = [level for level in prefix.split("/") if level]
    known = Places(office)
    if levels and known.full("/".join(levels)) is None:
        raise HadirError(f'there is no place "{prefix}"; write building/floor/zone, as office.yaml does')
    found = []
    for building in office.buildings:
        for floor in building.floors:
            for zone in floor.zones:
                for space in zone.spaces:
                    path = [building.id, floor.id, zone.id, space.id]
                    code = codes.of("/".join([office.site, *path]))
                    if code is not None and path[: len(levels)] == levels:
                        where = ", ".join(one.name or one.id for one in (zone, floor))
                        name = space.name or space.id
                        found.append(Sticker(name, where, f"{url.rstrip('/')}/d/{code}", readable(code)))
    if not found:
        raise HadirError(f'nothing at "{prefix}" can be taken or booked: no stickers')
    return found

"""What office.yaml names on this machine: files that must be there, and things that are worth a look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from drivers.api import Driver
from gateway.config import device_keys, fixed_tags, geometry, plan_check, room_models, serial_names
from gateway.config.document import Document, Where
from gateway.config.model import EmbeddedStore, Office
from gateway.config.places import Places
from gateway.config.sources import Broker, DoorCsvSource, DoorWebhookSource, ReplaySource, Source, alone, shared
from gateway.errors import ConfigError, Problem

SITE_KEY = ("people", "site_key")
SCBK_BYTES = 16
"""Of the key of an OSDP reader."""


def missing(office: Office, document: Document) -> tuple[list[Problem], list[Problem]]:
    """Files without which no role starts: (mistakes, notes).

    A file that is not in its folder is a mistake. Where the folder is not there either, office.yaml is looked at away
    from its site, and that is a note.
    """
    mistakes: list[Problem] = []
    noted: list[Problem] = []
    for where, path in _needed(office):
        full = office.path(path)
        if not full.is_file():
            text = f"{'.'.join(where)}: there is no file {full}"
            if where == SITE_KEY:
                text += "; `hadir init` makes one for a new site, every other box of a site gets a copy"
            (mistakes if full.parent.is_dir() else noted).append(document.problem(where, text))
    return mistakes, noted


def _needed(office: Office) -> Iterator[tuple[tuple[str, ...], Path]]:
    yield SITE_KEY, office.people.site_key
    for inner, path in _secrets(office.broker):
        yield ("broker", *inner), path


def _secrets(broker: Broker) -> Iterator[tuple[tuple[str, ...], Path]]:
    if broker.password_file is not None:
        yield ("password_file",), broker.password_file
    if broker.tls is not None:
        for name, path in (("ca", broker.tls.ca), ("certificate", broker.tls.certificate), ("key", broker.tls.key)):
            if path is not None:
                yield ("tls", name), path


def keys(office: Office, drivers: Mapping[str, Driver]) -> list[Problem]:
    """What is wrong with the file of keys, where there is one: no gateway starts with it, or a device stays unread."""
    path = office.path(office.device_keys)
    try:
        found = device_keys.load(path, (device.id for device in office.devices))
    except ConfigError as error:
        return list(error.problems)
    on_bus = {name for source in _sources(office) if source.type == "osdp" for name in source.devices}
    mistakes = []
    for device in office.devices:
        if device.id not in found:
            continue
        driver = drivers.get(device.driver)
        sizes = (SCBK_BYTES,) if device.id in on_bus else () if driver is None else driver.key_sizes
        size = len(found[device.id])
        if size not in sizes:
            wanted = " or ".join(map(str, sizes))
            why = f"has {size} bytes, and {wanted} are wanted" if sizes else f'is of no use to driver "{device.driver}"'
            mistakes.append(Problem(file=str(path), line=None, text=f'the key of device "{device.id}" {why}'))
    return mistakes


def _keyless(office: Office, document: Document) -> Iterator[Problem]:
    """Readers that cannot be read because their key is not there."""
    path = office.path(office.device_keys)
    try:
        known = device_keys.load(path, (device.id for device in office.devices))
    except ConfigError:
        return  # `keys` has told
    for g, gateway in enumerate(office.gateways):
        for s, source in enumerate(gateway.sources):
            if source.type == "osdp" and source.secure:
                for i, name in enumerate(source.devices):
                    if name not in known:
                        text = f'OSDP reader "{name}" has no key in {path}: it will be down, never read in clear'
                        yield document.problem(("gateways", g, "sources", s, "devices", i), text)


def _sources(office: Office) -> Iterator[Source]:
    return (source for gateway in office.gateways for source in gateway.sources)


def _files_of(source: Source) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Files without which a source is down, by where it names them."""
    if isinstance(source, ReplaySource | DoorCsvSource):
        yield ("path",), source.path
    if isinstance(source, DoorWebhookSource):
        yield ("token_file",), source.token_file
    broker = getattr(source, "broker", None)
    if isinstance(broker, Broker):
        for inner, path in _secrets(broker):
            yield ("broker", *inner), path


def _unlearned(office: Office, document: Document) -> Iterator[Problem]:
    """What is wrong with the models of rooms, and models of places that are none."""
    if office.rules.room_models is None:
        return
    try:
        models = room_models.load(office.path(office.rules.room_models))
    except ConfigError as error:
        yield from error.problems
        return
    places = Places(office)
    for place in models:
        if place not in places.spots:
            yield document.problem(("rules", "room_models"), f"there is a model of {place}, which is no place here")


def notes(office: Office, document: Document) -> Iterator[Problem]:
    """What is no mistake in itself: the file may be meant for another machine, or hardware may come later."""
    heard: set[str] = set()
    for g, gateway in enumerate(office.gateways):
        for s, source in enumerate(gateway.sources):
            here: Where = ("gateways", g, "sources", s)
            heard.update(name for name in (alone(source), *shared(source)) if name)
            port = getattr(source, "port", None)
            if isinstance(port, str):
                if not Path(port).exists():
                    yield document.problem((*here, "port"), f"{port} is not on this machine")
                elif text := serial_names.advice(port):
                    yield document.problem((*here, "port"), text)
            for inner, path in _files_of(source):
                if not office.path(path).is_file():
                    yield document.problem((*here, *inner), f"there is no file {office.path(path)}")
    yield from _keyless(office, document)
    yield from _unlearned(office, document)
    yield from geometry.notes(office, document)
    yield from plan_check.notes(office, document)
    for d, device in enumerate(office.devices):
        if device.id not in heard and not fixed_tags.is_fixed(device):
            yield document.problem(("devices", d, "id"), f'no source reads device "{device.id}": it is never heard')
    for i, store in enumerate(office.archive.stores):
        if not isinstance(store, EmbeddedStore) and store.token_file is not None:
            path = office.path(store.token_file)
            if not path.is_file():
                text = f"there is no file {path}; the archive needs it"
                yield document.problem(("archive", "stores", i, "token_file"), text)

"""Payloads as names and as whatever may be asked: no page has an element, a handler or an address of theirs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from itertools import cycle
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from fastapi.dependencies.models import Dependant

from gateway.clock import ManualClock
from gateway.config.load import load
from gateway.web.serve import Serve
from gateway.web.viewer import SAFE, Role
from tests.conftest import free_port
from tests.web.conftest import NOON, Web
from tests.web.driver import Answer, Endpoint, Reader, endpoints, reader
from tests.web.hostile import NAMES, fill, write_hostile
from tests.web.office import DESK, OTHER, ready, told
from tests.web.payloads import HOST
from tests.web.routes import EXPECTED
from tests.web.test_routes import target

NEVER = frozenset({"base", "embed", "frame", "iframe", "object", "style", "marquee", "math", "foreignobject"})
ADDRESSES = frozenset(
    {"action", "data", "formaction", "href", "poster", "src", "srcset", "xlink:href", "hx-get", "hx-post", "hx-delete"}
)
DATA = frozenset({"application/json", "speculationrules"})


class Page(HTMLParser):
    """What a browser would do by itself with a page, and should not."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        again = re.fullmatch(r"\d+;\s*url=/(?!/).*", given.get("content") or "")
        if tag in NEVER or (tag == "meta" and "http-equiv" in given and not again):
            self.wrong.append(f"<{tag}>")
        if tag == "script" and "src" not in given and given.get("type") not in DATA:
            self.wrong.append("an inline script")
        for name, value in attrs:
            plain = name.removeprefix("data-")
            if plain.startswith(("on", "hx-on")) or name in ("style", "srcdoc", "nonce"):
                self.wrong.append(f"<{tag} {name}>")
            if plain in ADDRESSES and value and not _own(value):
                self.wrong.append(f"<{tag} {name}={value!r}>")
            self.seen.append(value or "")

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def _own(address: str) -> bool:
    first = re.match(r"[\s\x00-\x1f]*([^/?#]*)", address)
    scheme = first is not None and ":" in first[1]
    return not scheme and not address.lstrip().startswith(("//", "\\", "/\\")) and HOST not in address.split("?")[0]


def look(answer: Answer) -> list[str]:
    """What is wrong with an answer."""
    kind = answer.headers.get("content-type", "").split(";")[0]
    if kind == "text/html":
        page = Page()
        page.feed(answer.text)
        page.close()
        raw = [name for name in NAMES if "<" in name and name in answer.text]
        return page.wrong + [f"as it is: {name!r}" for name in raw]
    if kind == "image/svg+xml":
        drawn = ElementTree.fromstring(answer.body)
        found = [element.tag.rpartition("}")[2].lower() for element in drawn.iter()]
        handlers = [name for element in drawn.iter() for name in element.attrib if name.lower().startswith("on")]
        return [f"<{tag}>" for tag in found if tag in ("script", "foreignobject", "iframe")] + handlers
    if kind == "text/csv":
        rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), _dialect(answer.text)))
        return [f"a formula: {cell!r}" for row in rows for cell in row if _formula(cell)]
    return []


def _dialect(text: str) -> type[csv.Dialect]:
    first = text.removeprefix("\ufeff").splitlines()[0] if text.strip() else ""

    class Ours(csv.excel):
        delimiter = ";" if first.count(";") > first.count(",") else ","

    return Ours


def _formula(cell: str) -> bool:
    return cell.startswith(("=", "+", "@", "\t", "\r")) or (
        cell.startswith("-") and not re.fullmatch(r"-[\d.,]*", cell)
    )


def names(dependant: Dependant, kind: str) -> list[str]:
    """Parameters of a route and of what it depends on, as they are asked."""
    mine = [str(field.alias) for field in getattr(dependant, kind)]
    return mine + [name for inner in dependant.dependencies for name in names(inner, kind)]


@pytest.fixture
async def web(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Web]:
    file = write_hostile(tmp_path, port=1, web_port=free_port())
    made = Web(Serve(load(file), file, clock, clock), clock)
    ready(made.site.live, clock.office())
    for place, life in ((DESK, "taken"), (OTHER, "free")):
        told(made.site.live, place, "vacant", NOON, life=life)
    yield made
    made.serve.close()


def test_there_are_two_hundred_of_them() -> None:
    assert len(set(NAMES)) >= 200
    assert all("__xss" in name or HOST in name or name[0] in "=@+-" for name in NAMES)


def test_the_look_finds_what_it_should() -> None:
    head = {"content-type": "text/html; charset=utf-8"}
    bad = [name for name in NAMES if look(Answer(200, head, f'<p>{name}</p><i title="{name}"></i>'.encode()))]
    assert len(bad) > 120
    for page in (
        '<p style="x">',
        "<script>x</script>",
        '<a href="//x">',
        '<a href="java\tscript:x">',
        "<img src=data:x>",
    ):
        assert look(Answer(200, head, page.encode())), page
    assert look(Answer(200, {"content-type": "text/csv"}, b"a,b\n=1+1,x\n"))


async def test_no_page_of_any_role_is_more_than_its_texts(web: Web) -> None:
    accounts, payload = fill(web), cycle(NAMES)
    wrong: list[str] = []
    shown: set[str] = set()
    asked = sorted(endpoints(web.app), key=lambda endpoint: "keluar" in endpoint.path or "hapus" in endpoint.path)
    for role in (None, *Role):
        who = Reader(web.app) if role is None else reader(web.site, web.app, accounts[role.value])
        for endpoint in asked:
            may = EXPECTED.get(endpoint.name, frozenset(Role))
            if may is None or role in may:
                for answer in [answer async for answer in _asked(web, endpoint, who, payload)]:
                    wrong += [f"{endpoint.name} as {role}: {what}" for what in look(answer)]
                    if answer.headers.get("content-type", "").startswith("text/html"):
                        page = Page()
                        page.feed(answer.text)
                        text = "\n".join(page.seen)
                        shown |= {name for name in NAMES if name.strip() in text}
    assert not wrong, "\n".join(wrong[:40])
    assert len(shown) == len(NAMES)  # each was on a page, as the text that it is


async def _asked(web: Web, endpoint: Endpoint, who: Reader, payload: Any) -> AsyncIterator[Answer]:
    """As it is, and with payloads in everything that may be asked."""
    web.clock.advance(0.5)
    path, dependant = target(endpoint), endpoint.route.dependant
    if endpoint.method in SAFE:
        yield await who.ask(endpoint.method, path)
        if query := names(dependant, "query_params"):
            yield await who.ask("GET", f"{path}?{httpx.QueryParams({name: next(payload) for name in query})}")
        return
    form = {name: next(payload) for name in names(dependant, "body_params")}
    yield await who.ask(endpoint.method, path, data=form)

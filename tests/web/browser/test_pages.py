"""Every page, on a phone and on a desk, in both languages, light and dark: usable by everybody, without an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Response

from bench.screens.served import NOTES, Served
from gateway.config.places import Places
from gateway.web.menu import MENU
from tests.conftest import THOROUGH
from tests.web.browser import looks
from tests.web.browser.pages import PERSON, Seen, all_pages, is_there, not_looked_at
from tests.web.browser.windows import DESKTOP, PHONE, Windows

pytestmark = pytest.mark.timeout(150)


class Way(NamedTuple):
    """One way to look at a page."""

    name: str
    size: tuple[int, int]
    language: str


MOST_BYTES = 100_000
"""Of everything that a first look at a page fetches, as it goes over the network."""
PHONE_ID, DESKTOP_EN = Way("phone-id", PHONE, "id"), Way("desktop-en", DESKTOP, "en")


@pytest.fixture(scope="module")
def names(office: Served) -> frozenset[str]:
    """Words that are nobody's language: of places, people, gateways and devices."""
    configured = office.made.office
    texts = [configured.name or "", *(place for place in Places(configured).spots)]
    for building in configured.buildings:
        texts.append(building.name or "")
        for floor in building.floors:
            texts.append(floor.name or "")
            for zone in floor.zones:
                texts += [zone.name or "", *(space.name or "" for space in zone.spaces)]
    texts += [device.id for device in configured.devices]
    return looks.words_of(*texts, *office.people(), *NOTES)


def test_every_page_is_looked_at_and_the_menu_leads_to_pages() -> None:
    assert not_looked_at() == [], "add them to MORE of tests/web/browser/pages.py"
    assert [entry.path for entry in MENU if not is_there(entry.path)] == []


def ways() -> Iterator[Any]:
    """Every page both ways; where there is less time, in turn one way and the other."""
    for number, seen in enumerate(all_pages()):
        for turn, way in enumerate((PHONE_ID, DESKTOP_EN)):
            if THOROUGH or number % 2 == turn:
                yield pytest.param(seen, way, id=f"{seen.path}-{seen.who}-{way.name}")


@pytest.mark.parametrize(("seen", "way"), list(ways()))
def test_a_page(office: Served, kept: Windows, names: frozenset[str], seen: Seen, way: Way) -> None:
    kept.taken()
    page = kept.again((way.name, seen.who), office.url, lambda: _looking(office, seen, way))
    if seen.status >= 400:
        kept.expected.add(f"{seen.status} (")
    path = seen.path.format(**office.words)
    answer = page.goto(path + (f"?bahasa={way.language}" if seen.asks else ""))
    assert answer is not None
    assert answer.status == seen.status
    assert page.url.startswith(f"{office.url}{'/kiosk' if seen.asks else path}")  # a kiosk leaves no history
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == way.language
    wrong = looks.serious(page)
    if way == PHONE_ID:
        wrong += [f"too small to touch: {what}" for what in looks.too_small(page)]
        wrong += looks.keyboard(page, skip=not seen.asks)  # a kiosk has no menu to skip
    else:
        wrong += [f"not English: {text}" for text in looks.indonesian(page, names)]
        page.emulate_media(color_scheme="dark")
        wrong += [f"in the dark: {what}" for what in looks.serious(page, "color-contrast")]
        page.emulate_media(color_scheme="light")
    for width, height in (way.size, *({PHONE, DESKTOP} - {way.size})):
        page.set_viewport_size({"width": width, "height": height})
        wrong += [f"too wide at {width}: {what}" for what in looks.too_wide(page)]
        wrong += [f"spilt at {width}: {what}" for what in looks.spilt(page)]
    page.set_viewport_size({"width": way.size[0], "height": way.size[1]})
    wrong += kept.taken()
    assert not wrong, "\n".join(wrong)


def _looking(office: Served, seen: Seen, way: Way) -> dict[str, Any]:
    """How the window is opened."""
    cookies = {}
    if seen.roles or seen.person:
        place = f"{{site}}/{seen.place}/_/_".format(**office.words) if seen.place else ""
        session = office.session(*seen.roles, person=PERSON if seen.person else -1, place=place)
        cookies = {office.cookie: session}
    return {"size": way.size, "language": "" if seen.asks else way.language, "cookies": cookies}


@pytest.mark.parametrize("path", ["/masuk", "/", "/denah/{floor}", "/denah/{crowded}", "/d/{desk}", "/riwayat"])
def test_a_phone_on_a_slow_network_fetches_little(
    office: Served, windows: Windows, path: str, record_property: Callable[[str, object], None]
) -> None:
    cookies = {} if path == "/masuk" else {office.cookie: office.session(person=PERSON)}
    page = windows.open(office.url, size=PHONE, cookies=cookies)
    fetched: list[Response] = []
    page.on("response", lambda answer: fetched.append(answer))
    page.goto(path.format(**office.words), wait_until="load")
    took = 0
    for answer in fetched:
        if "/langsung/" not in answer.url:  # a stream, which begins when everything is there
            sizes = answer.request.sizes()
            took += sizes["responseBodySize"] + sizes["responseHeadersSize"]
    record_property("bytes", took)
    print(f"{path}: {took / 1000:.1f} kB in {len(fetched)} answers")
    assert took < MOST_BYTES

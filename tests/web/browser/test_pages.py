"""Every page, on a phone and on a desk, in both languages, light and dark: usable by everybody, without an error."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from bench.screens.served import Served
from gateway.config.places import Places
from tests.web.browser import looks
from tests.web.browser.pages import PERSON, Seen, all_pages
from tests.web.browser.windows import DESKTOP, PHONE, Windows


class Way(NamedTuple):
    """One way to look at a page."""

    name: str
    size: tuple[int, int]
    language: str
    dark: bool = False


WAYS = (Way("phone", PHONE, "id"), Way("desktop-en", DESKTOP, "en"), Way("phone-en-dark", PHONE, "en", dark=True))


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
    return looks.words_of(*texts, *office.people())


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("seen", list(all_pages()), ids=lambda seen: f"{seen.path}-{seen.who}")
def test_a_page(office: Served, kept: Windows, names: frozenset[str], seen: Seen, way: Way) -> None:
    page = kept.again((way.name, seen.who, seen.place), office.url, **_looking(office, seen, way))
    if seen.status >= 400:
        kept.expected.add(f"{seen.status} (")
    answer = page.goto(seen.path)
    assert answer is not None
    assert (answer.status, page.url) == (seen.status, f"{office.url}{seen.path}")
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == way.language
    wrong = [f"too wide: {what}" for what in looks.too_wide(page)]
    wrong += looks.serious(page)
    if way.language == "en":
        wrong += [f"not English: {text}" for text in looks.indonesian(page, names)]
    if way == WAYS[0]:
        wrong += [f"too small to touch: {what}" for what in looks.too_small(page)]
        wrong += looks.keyboard(page)
    assert not wrong, "\n".join(wrong)
    kept.check()


def _looking(office: Served, seen: Seen, way: Way) -> dict[str, Any]:
    """How the window is opened."""
    cookies = {}
    if seen.roles or seen.person:
        session = office.session(*seen.roles, person=PERSON if seen.person else -1, place=seen.place)
        cookies = {office.cookie: session}
    return {"size": way.size, "language": way.language, "dark": way.dark, "cookies": cookies}

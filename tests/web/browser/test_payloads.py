"""Payloads as names in a real Chromium: none is executed, none is even tried, nobody else is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from gateway.clock import ManualClock
from gateway.config.load import load
from gateway.web.security import POLICY
from gateway.web.serve import Serve
from gateway.web.viewer import Role
from tests.conftest import THOROUGH, free_port
from tests.web.browser.serving import Serving, serving
from tests.web.conftest import NOON, Web
from tests.web.driver import endpoints
from tests.web.hostile import NAMES, fill, write_hostile
from tests.web.routes import EXPECTED
from tests.web.test_routes import target

LISTEN = """
window.__tried = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.__tried.push(`${event.violatedDirective} ${event.sourceFile} ${event.sample}`);
});
"""
NO_PAGES = (".csv", ".json", ".pdf", ".png", ".svg", ".xlsx", "/masuk/", "/healthz", "/readyz", "/metrics", "/langsung")
ROLES = (Role.EMPLOYEE, Role.OPERATOR, Role.KIOSK, Role.ANALYST)


@dataclass
class Hostile:
    """A running office of payloads, and the accounts that look at it."""

    running: Serving
    accounts: dict[str, str]
    pages: dict[str, list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    folder = tmp_path_factory.mktemp("hostile")
    file = write_hostile(folder, port=1, web_port=free_port())
    clock = ManualClock(NOON, 10**12)
    web = Web(Serve(load(file), file, clock, clock), clock)
    accounts = fill(web)
    pages: dict[str, list[str]] = {"nobody": ["/masuk", "/masuk?lanjut=%22%3E%3Csvg%20onload=__xss=1%3E", "/tidak-ada"]}
    for endpoint in endpoints(web.app):
        path, may = target(endpoint), EXPECTED.get(endpoint.name)
        if endpoint.method == "GET" and may and not path.startswith("/api/") and not any(x in path for x in NO_PAGES):
            for role in ROLES:
                if role in may:
                    pages.setdefault(role.value, []).append(path)
    web.serve.close()
    with serving(file) as running:
        yield Hostile(running, accounts, pages)
        said = (folder / "web.log").read_text().splitlines()
    lines = [line for line in said if not line.startswith("hadir serve:")]
    assert not [line for line in lines if any(name in line for name in NAMES) or "p-" in line], "names in the log"


def look(page: Page, url: str) -> list[str]:
    """What a page did that it should not."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((url, "data:", "about:")):
            asked.append(request.url)

    page.on("request", note)
    return asked


def tried(page: Page) -> list[str]:
    page.mouse.move(180, 300)
    found = page.evaluate("[window.__xss ? 'executed' : '', ...window.__tried].filter(Boolean)")
    return [str(one) for one in found]


def window(chromium: Browser) -> BrowserContext:
    context = chromium.new_context(viewport={"width": 375, "height": 700})
    context.add_init_script(LISTEN)
    return context


@pytest.mark.parametrize("who", ["nobody", *(role.value for role in ROLES)] if THOROUGH else ["employee", "operator"])
def test_nothing_is_executed_or_tried_on_any_page(chromium: Browser, hostile: Hostile, who: str) -> None:
    context = window(chromium)
    page = context.new_page()
    asked, wrong = look(page, hostile.running.url), []
    page.on("dialog", lambda dialog: dialog.dismiss())
    if who != "nobody":
        page.goto(f"{hostile.running.url}/masuk")
        page.fill("#kode", hostile.running.code(account=hostile.accounts[who]))
        page.click("main button[type=submit]")
        page.wait_for_load_state("load")
    for path in hostile.pages[who]:
        page.goto(f"{hostile.running.url}{path}", wait_until="load")
        assert who == "nobody" or "/masuk" not in page.url
        wrong += [f"{path}: {what}" for what in tried(page)]
    context.close()
    assert hostile.pages[who]
    assert not asked
    assert not wrong, "\n".join(wrong)


def control(chromium: Browser, url: str, policy: str, body: str) -> tuple[list[str], list[str]]:
    """A page of payloads as they are: what it tried, and whom it asked."""
    context = window(chromium)
    page = context.new_page()
    asked = look(page, url)
    headers = {"content-type": "text/html; charset=utf-8"}
    headers |= {"content-security-policy": policy} if policy else {}
    page.route("**/control", lambda route: route.fulfill(status=200, headers=headers, body=body))
    page.goto(f"{url}/control", wait_until="load")
    found = tried(page)
    context.close()
    return found, asked


def test_the_look_finds_what_it_should(chromium: Browser, hostile: Hostile) -> None:
    """Names that are not escaped: with our policy they are tried, without it they are executed."""
    url, images = hostile.running.url, '<img src="//canary.invalid/">'
    found, asked = control(chromium, url, "", f"<body><script>__xss=1</script>{images}")
    assert (found, len(asked)) == (["executed"], 1)
    found, _ = control(chromium, url, POLICY, f"<body><script>__xss=1</script><svg onload=__xss=1>{images}")
    assert sorted(what.split()[0] for what in found) == ["img-src", "script-src-attr", "script-src-elem"]

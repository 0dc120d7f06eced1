"""Laporan in a real browser: a phone and a desktop, both languages, the keyboard, and what axe finds."""

from __future__ import annotations

import asyncio

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

from bench.screens.browser import launch
from gateway.web.viewer import Role
from tests.web.conftest import Web
from tests.web.reports.test_laporan import FLOOR, fill
from tests.web.reports.world import World


async def test_a_phone_and_a_desktop(office: Web, world: World) -> None:
    fill(world)
    accounts = office.site.accounts
    session = accounts.sign_in(accounts.create(roles=[Role.ANALYST], units=["*"]))
    assert session is not None
    running = asyncio.get_running_loop().create_task(office.serve.run())
    address = f"http://127.0.0.1:{office.serve.port}"
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(**launch("127.0.0.1"))
            for width, language in ((375, "id"), (1280, "en")):
                context = await browser.new_context(viewport={"width": width, "height": 800}, locale="id-ID")
                await context.add_cookies(
                    [
                        {"name": office.site.cookie, "value": session.secret, "url": address},
                        {"name": "hadir_bahasa", "value": language, "url": address},
                    ]
                )
                page = await context.new_page()
                said: list[str] = []
                page.on("console", lambda message, said=said: said.append(message.text))
                page.on("pageerror", lambda error, said=said: said.append(str(error)))
                await page.goto(f"{address}/laporan?{FLOOR}")
                assert await page.evaluate("document.documentElement.scrollWidth") == width
                for chart in await page.locator("img.chart").all():
                    await chart.scroll_into_view_if_needed()
                    assert await chart.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
                for details in await page.locator("details > summary").all():  # opened by keyboard
                    await details.focus()
                    await page.keyboard.press("Enter")
                assert await page.locator("details[open]").count() == await page.locator("details").count()
                found = (await Axe().run(page)).response["violations"]
                assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
                assert said == []
                await page.locator("#dari").fill("2026-11-03")  # a date that is filled in is meant
                assert await page.locator("#periode").input_value() == "rentang"
                await page.locator(".ask button").press("Enter")
                await page.wait_for_url("**dari=2026-11-03**")
                await context.close()
            await browser.close()
    finally:
        running.cancel()
        await asyncio.wait([running])

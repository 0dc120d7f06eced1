"""python -m bench.screens [--out docs/screenshots] [--only PATH]: pictures of the main pages, on a phone and on a desk.

Five working days of a small building are behind them, played through the real rules.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from bench.screens.browser import browser, launch
from bench.screens.served import Served, served
from bench.screens.shots import PHONE, SHOTS, SIZES, Shot
from gateway.web.viewer import Role

OUT, PAGE = Path("docs/screenshots"), Path("docs/web-screens.md")
MOST_BYTES = 150_000
TALLEST = {"phone": 1800, "desktop": 1400}
"""Pixels of a picture; what is longer is cut."""
COLOURS = 64
WIDTH = {"phone": 200, "desktop": 560}
"""As docs/web-screens.md shows them."""
# charts are fetched when they come into sight
ALL_PICTURES = """async () => {
  for (const it of document.images) it.loading = 'eager';
  await Promise.all([...document.images].map((it) => it.complete || new Promise((done) => {
    it.onload = it.onerror = done;
  })));
}"""
ALARMS_S = 30.0
"""An alarm is raised when it has lasted for a while."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", default="", help="pictures whose name begins so")
    parser.add_argument("--days", type=int, default=5, help="working days behind the pictures")
    args = parser.parse_args()
    try:
        launch()  # else the office is built first, which takes a while
    except FileNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    args.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="hadir-screens-") as folder,
        served(Path(folder), archive=True, days=args.days, crowd=200) as site,
        browser("127.0.0.1") as chromium,
    ):
        time.sleep(ALARMS_S)
        for shot in SHOTS:
            if shot.name.startswith(args.only):
                for size in shot.sizes:
                    take(chromium, site, shot, size, args.out)
    if not args.only and args.out == OUT:
        PAGE.write_text(page(), encoding="utf-8")
    return 0


def take(browser: Browser, site: Served, shot: Shot, size: str, out: Path) -> None:
    """One picture."""
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if shot.dark else "light",
        reduced_motion="reduce",
        has_touch=size == PHONE,
        device_scale_factor=1,
    )
    wanted = {} if Role.KIOSK in shot.roles else {"hadir_bahasa": shot.language}
    if shot.roles or shot.person:
        place = f"{{site}}/{shot.place}".format(**site.words) if shot.place else ""
        wanted[site.cookie] = site.session(*shot.roles, person=site.made.seated[0] if shot.person else -1, place=place)
    url = site.url.replace("http:", "https:")  # as the cookies' prefix demands; it means this machine all the same
    context.add_cookies([{"name": name, "value": value, "url": url, "secure": True} for name, value in wanted.items()])
    window = context.new_page()
    said: list[str] = []
    window.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    window.on("pageerror", lambda error: said.append(str(error)))
    answer = window.goto(shot.path.format(**site.words), wait_until="load")
    if shot.act is not None:
        shot.act(window, site)
    window.evaluate(ALL_PICTURES)
    window.wait_for_timeout(300)  # the stream's first word
    path = out / f"{shot.name}-{size}.png"
    path.write_bytes(_small(_picture(window, size)))
    context.close()
    status = 0 if answer is None else answer.status
    noted = "" if status == 200 and not said else f"  {status} {said}"
    sys.stdout.write(f"{path} {path.stat().st_size // 1000} kB{noted}\n")
    if path.stat().st_size > MOST_BYTES:
        sys.stderr.write(f"{path} is larger than {MOST_BYTES // 1000} kB\n")


def _picture(window: Page, size: str) -> bytes:
    width = SIZES[size][0]
    tall = min(window.evaluate("() => document.documentElement.scrollHeight"), TALLEST[size])
    tall = max(tall, SIZES[size][1] if size == "desktop" else 600)
    return window.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": width, "height": tall})


def _small(png: bytes) -> bytes:
    """With few colours: pages are flat."""
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        made = io.BytesIO()
        few.save(made, "PNG", optimize=True)
        return made.getvalue()


def page() -> str:
    """docs/web-screens.md."""
    lines = [
        "# The web application in pictures",
        "",
        "Made by `make screenshots`: the real application over a simulated building of two floors with five working",
        "days behind it, and a third floor of 200 desks on which nothing but states is simulated. On the left a phone",
        "of 375 px, on the right 1280 px.",
    ]
    for shot in SHOTS:
        pictures = " ".join(
            f'<img src="screenshots/{shot.name}-{size}.png" alt="{shot.title}, {size}" width="{WIDTH[size]}">'
            for size in shot.sizes
        )
        lines += ["", f"## {shot.title}", "", shot.says, "", pictures]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())

"""What is asked of every page, whoever made it: width, focus, touch, contrast, names for screen readers, language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from babel.messages.pofile import read_po
from playwright.sync_api import Page

import gateway.web

LOCALE = Path(gateway.web.__file__).parent / "locale" / "en"
TOUCH_PX = 44
MOST_STOPS = 400
"""Of the keyboard on one page."""
FEW_STOPS = 60
"""Of a longer list the first ones and the last ones are tried."""
ROUNDING = 0.5

# Elements that the keyboard must reach, in the order of the document. Of radio buttons with one name one is reached.
FOCUSABLE = """() => {
  const seen = new Set(), found = [];
  for (const it of document.querySelectorAll(
      'a[href], button, input, select, textarea, summary, iframe, [tabindex], [contenteditable=true]')) {
    if (it.disabled || it.type === 'hidden' || it.tabIndex < 0 || it.closest('[inert]')) continue;
    const style = getComputedStyle(it);
    if (style.visibility !== 'visible' || !it.getClientRects().length) continue;
    const folded = it.closest('details:not([open])');
    if (folded && !(it.tagName === 'SUMMARY' && it.parentElement === folded)) continue;
    if (it.type === 'radio') {
      const group = `${it.form ? it.form.action : ''} ${it.name}`;
      if (seen.has(group)) continue;
      seen.add(group);
    }
    found.push(it);
  }
  window.__stops = found;
  return found.length;
}"""
# Also where a page has put the focus somewhere by itself.
FROM_THE_TOP = """() => {
  const top = document.createElement('span');
  top.tabIndex = -1;
  document.body.prepend(top);
  top.focus();
  top.remove();
}"""
# The element that has the focus: its place in the list above (-1: none of them), and whether one sees that it has it.
FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const style = getComputedStyle(it), box = it.getBoundingClientRect();
  let ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== 'none';
  if (!ring && it.closest('svg')) { // what is drawn shows its focus in its own way: it must look different without
    const look = () => JSON.stringify([it, ...it.querySelectorAll('*')].map((part) => {
      const of = getComputedStyle(part);
      return [of.stroke, of.strokeWidth, of.outlineStyle, of.filter, of.fill, of.opacity];
    }));
    const focused = look();
    it.blur();
    ring = look() !== focused;
    it.focus();
  }
  const of = window.__stops.findIndex(
    (stop) => stop === it || (it.type === 'radio' && stop.type === 'radio' && stop.name === it.name));
  return {of, ring, shown: box.width > 0 && box.height > 0, left: box.left,
          what: it.outerHTML.slice(0, 120)};
}"""
# What fingers must hit: its box, with its label's. Links within a sentence may be as high as their line.
SMALL = """(least) => {
  const found = [];
  for (const it of document.querySelectorAll('a[href], button, input, select, textarea, summary, [role=button]')) {
    if (it.type === 'hidden' || it.closest('svg, .only-read, .skip')) continue;
    const style = getComputedStyle(it);
    if (style.visibility !== 'visible' || !it.getClientRects().length) continue;
    if (it.tagName === 'A' && style.display === 'inline') continue;
    let {top, bottom, left, right} = it.getBoundingClientRect();
    for (const label of it.labels || []) {
      const box = label.getBoundingClientRect();
      top = Math.min(top, box.top); bottom = Math.max(bottom, box.bottom);
      left = Math.min(left, box.left); right = Math.max(right, box.right);
    }
    if (bottom - top < least || right - left < least)
      found.push(`${Math.round(right - left)}x${Math.round(bottom - top)} ${it.outerHTML.slice(0, 110)}`);
  }
  return found;
}"""
# Controls whose words do not fit into them, or that lie on each other.
SPILT = """() => [...document.querySelectorAll('a[href], button, label, summary, th, td, .status')]
  .filter((it) => !it.closest('svg, .only-read') && it.getClientRects().length
    && getComputedStyle(it).display !== 'inline' && getComputedStyle(it).overflowX === 'visible'
    && it.scrollWidth > it.clientWidth + 1 && it.clientWidth > 1)
  .slice(0, 5).map((it) => `${it.scrollWidth} in ${it.clientWidth}: ${it.outerHTML.slice(0, 110)}`)"""
# What is wider than the window, innermost first; what scrolls by itself may be.
WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.body.querySelectorAll('*')].filter((it) => it.getBoundingClientRect().right > width + 1)
    .reverse().slice(0, 5).map((it) => it.outerHTML.slice(0, 120));
}"""
# Everything that is read or read aloud, where the page says no other language.
TEXTS = """() => {
  const found = [], walk = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const of = node.parentElement;
    if (of.closest('script, style, [lang=id]:not(html), [translate=no]')) continue;
    if (node.data.trim()) found.push(node.data);
  }
  for (const it of document.querySelectorAll('[aria-label], [title], [placeholder], [alt], [aria-description]'))
    for (const name of ['aria-label', 'title', 'placeholder', 'alt', 'aria-description'])
      if (it.getAttribute(name)) found.push(it.getAttribute(name));
  return found.map((text) => text.replace(/\\s+/g, ' ').trim());
}"""


def too_wide(page: Page) -> list[str]:
    """What makes the page scroll sideways."""
    found: list[str] = page.evaluate(WIDE)
    return found


def spilt(page: Page) -> list[str]:
    """Words that stand out of their control."""
    found: list[str] = page.evaluate(SPILT)
    return found


def too_small(page: Page) -> list[str]:
    """Controls that a finger misses."""
    found: list[str] = page.evaluate(SMALL, TOUCH_PX - ROUNDING)
    return found


def keyboard(page: Page, *, skip: bool = True) -> list[str]:
    """What is wrong for somebody who has nothing but a keyboard. `skip`: the first stop must lead to the content."""
    stops = page.evaluate(FOCUSABLE)
    if stops > MOST_STOPS:
        return [f"{stops} stops: nobody presses Tab so often"]
    wrong: list[str] = []
    order: list[int] = []
    unseen: dict[int, str] = {}
    page.evaluate(FROM_THE_TOP)
    for number in range(MOST_STOPS):
        page.keyboard.press("Tab")
        found: dict[str, Any] | None = page.evaluate(FOCUSED)
        if found is None or (order and found["of"] == order[0]):
            break
        at = found["of"]
        if at < 0:
            wrong.append(f"the focus goes where nothing is to be done: {found['what']}")
        elif found["ring"] and found["shown"] and found["left"] >= 0:
            unseen.pop(at, None)
        elif order[-1:] != [at]:  # of the parts of a date the browser itself marks the one that has the focus
            unseen[at] = found["what"]
        if skip and number == 0 and 'class="skip"' not in found["what"]:
            wrong.append(f"the first stop is not the way to the content: {found['what']}")
        order.append(at)
        if number == FEW_STOPS and stops > 2 * FEW_STOPS:
            last = stops - FEW_STOPS // 2
            page.evaluate("(last) => window.__stops[last].focus()", last)
            order += range(at + 1, last + 1)
    wrong += [f"nobody sees that it has the focus: {what}" for what in unseen.values()]
    reached = {at for at in order if at >= 0}
    if missing := [at for at in range(stops) if at not in reached]:
        names = page.evaluate("(at) => at.map((n) => window.__stops[n].outerHTML.slice(0, 100))", missing[:5])
        wrong.append(f"{len(missing)} of {stops} controls cannot be reached: {names}")
    if order != sorted(order):
        wrong.append(f"the focus jumps: {order}")
    return wrong


def serious(page: Page, *rules: str) -> list[str]:
    """axe-core's findings that keep somebody from using the page. `rules`: these alone."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    found = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]}: {node['failureSummary'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


def indonesian(page: Page, data: frozenset[str]) -> list[str]:
    """Texts of an English page that are not English. `data`: words of names, which nobody translates."""
    words = only_indonesian() - data
    texts = set(page.evaluate(TEXTS))
    return sorted(text for text in texts if not words.isdisjoint(_words(text)))


def words_of(*texts: str) -> frozenset[str]:
    """All words of these names."""
    return frozenset(word for text in texts for word in _words(text))


@cache
def only_indonesian() -> frozenset[str]:
    """Words of the catalogue's Indonesian texts that none of its English ones has."""
    source: set[str] = set()
    english: set[str] = set()
    for path in LOCALE.glob("*.po"):
        with path.open("rb") as file:
            for message in read_po(file, locale="en"):
                for text in _texts(message.id):
                    source.update(_words(text))
                for text in _texts(message.string):
                    english.update(_words(text))
    return frozenset(word for word in source - english if len(word) > 2)


def _texts(text: Any) -> Iterator[str]:
    if isinstance(text, str):
        yield text
    else:
        yield from text or ()


def _words(text: str) -> Iterator[str]:
    """Without placeholders."""
    return (word.lower() for word in re.findall(r"[A-Za-z]+", re.sub(r"%\(\w+\)[a-z]", " ", text)))

"""Every text of the operator's pages has its English."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_python
from jinja2.ext import babel_extract

from gateway.web import app
from gateway.web.rendering import catalogues

WEB = Path(app.__file__).parent
PAGES = "ringkasan perangkat gerbang mengapa pemasangan jalan"
WORDS = "alarm_words device_words outage_words pairing_words why_terms why_told why_changes"
MARKS = ("_", "N_", "gettext", "ngettext")


def texts() -> Iterator[tuple[str, str]]:
    """(file, msgid) of everything that is marked for translation in this area."""
    for path in sorted((WEB / "templates" / "operator").glob("*.html")):
        options = {"extensions": "jinja2.ext.do", "newstyle_gettext": "true"}
        for _, _, message, _ in babel_extract(io.BytesIO(path.read_bytes()), MARKS, (), options):
            yield path.name, _first(message)
    names = [*(f"pages/{name}.py" for name in PAGES.split()), *(f"{name}.py" for name in WORDS.split())]
    for name in names:
        for _, _, message, _ in extract_python(io.BytesIO((WEB / name).read_bytes()), MARKS, (), {}):
            yield name, _first(message)


def _first(message: object) -> str:
    if isinstance(message, tuple):
        message = next((one for one in message if one), "")
    return str(message or "")


def test_every_text_has_its_english_and_keeps_its_values() -> None:
    english = catalogues("en")
    found = {(file, text) for file, text in texts() if text}
    assert len(found) > 300
    missing = []
    for file, text in sorted(found):
        told = english.gettext(text)
        one, many = (english.ngettext(text, text, n) for n in (1, 2))
        if told == text and one == text:
            missing.append((file, text))
        for said in (told, one, many):
            if said != text:
                assert set(re.findall(r"%\(\w+\)[sd]", said)) == set(re.findall(r"%\(\w+\)[sd]", text)), text
    same = {"Unit", "Operator", "radar", "Data", "WITA", "dBm"}
    assert [one for one in missing if one[1] not in same] == []

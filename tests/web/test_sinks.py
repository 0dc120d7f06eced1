"""Places that need a reason are known one by one: where text becomes HTML, and where a person's name is opened."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

WEB = Path(__file__).parents[2] / "gateway" / "web"
SINK = re.compile(
    r"\.innerHTML\s*\+?=[^=]|\.outerHTML\s*\+?=[^=]|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    r"|createContextualFragment|parseFromString|setHTMLUnsafe|set(?:Timeout|Interval)\(\s*[\"'`]|\.on[a-z]+\s*=\s*[\"'`]"
)
KNOWN = {"denah.js": 1, "employee.js": 1, "kiosk.js": 1, "operator.js": 2, "pairing.js": 1}
"""Each puts a part of a page of ours into the page, or into a template beside it: its template has escaped it."""
UNESCAPED = {"rendering.py": 2, "slips.py": 1}
"""A field with a token, JSON whose letters are escaped, and a drawn QR code."""


def test_scripts_make_html_of_our_own_parts_only() -> None:
    found = Counter(
        path.name
        for path in sorted((WEB / "static").rglob("*.js"))
        for _ in SINK.finditer(path.read_text(encoding="utf-8"))
    )
    assert found == KNOWN, f"{found}: use textContent, or say in KNOWN why what is put there is escaped"


def test_templates_and_python_escape_everything_else() -> None:
    for path in sorted((WEB / "templates").rglob("*.*")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"\|\s*safe\b|autoescape\s+false|\|\s*attr\(|hx-on|<script(?![^>]*\b(?:src|type=\"application/json\"))",
            text,
        ), path
    found = Counter(
        str(path.relative_to(WEB))
        for path in sorted(WEB.rglob("*.py"))
        for _ in re.finditer(r"\bMarkup\(", path.read_text(encoding="utf-8"))
    )
    assert found == UNESCAPED, f"{found}: Markup() is for what is escaped; say in UNESCAPED why it is"


OPENED = {
    "lookups.py": "the one way to others: with a reason that they see",
    "finding_people.py": "finds one person among an operator's units, and notes each search",
    "pages/koreksi.py": "opening a request is a look-up, noted on the same page",
    "pages/pemasangan.py": "whoever has just been enrolled there with their card",
    "pages/kiosk.py": "the first name of who holds the card",
    "api/me.py": "one's own",
    "mine/export.py": "one's own",
    "mine/sharing.py": "who shares with one",
    "pages/beranda.py": "one's own",
    "pages/gangguan.py": "one's own",
    "pages/orang.py": "one's own",
    "pages/privasi.py": "one's own",
}
"""Where the people table opens names, and for whom."""


def test_names_are_opened_where_it_is_known_for_whom() -> None:
    found = {
        str(path.relative_to(WEB))
        for path in sorted(WEB.rglob("*.py"))
        if re.search(r"people\.(?:person|sharing)\(", path.read_text(encoding="utf-8"))
    }
    assert found == OPENED.keys(), f"{sorted(found ^ OPENED.keys())}: use lookups.look_up, or say in OPENED for whom"

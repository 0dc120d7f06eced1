"""Where text becomes HTML without being escaped: each such place is known, and takes only what the server escaped."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

WEB = Path(__file__).parents[2] / "gateway" / "web"
SINK = re.compile(
    r"\.innerHTML\s*\+?=[^=]|\.outerHTML\s*\+?=[^=]|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    r"|createContextualFragment|parseFromString|setHTMLUnsafe|set(?:Timeout|Interval)\(\s*[\"'`]|\.on[a-z]+\s*=\s*[\"'`]"
)
KNOWN = {"denah.js": 1, "employee.js": 1, "kiosk.js": 1, "operator.js": 1, "pairing.js": 1}
"""Each puts a part of a page of ours into the page: its template has escaped it."""
UNESCAPED = {"rendering.py": 2, "pages/pemasangan.py": 1}
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

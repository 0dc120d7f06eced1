"""Every text is in both languages: Indonesian in the source, English in locale/en, and none is left over."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from gateway.web.viewer import Role
from tests.web.conftest import Web
from tests.web.driver import ROLES, Reader, endpoints, reader
from tests.web.routes import EXPECTED
from tests.web.test_routes import accounts, target

WEB = Path(__file__).parents[2] / "gateway" / "web"
PLACEHOLDER = re.compile(r"%\((\w+)\)([sdf])")
MARKS = frozenset({"_", "N_", "text", "gettext"})
"""What a literal text is given to: the marks, and Language.text."""
ATTRIBUTES = frozenset({"alt", "aria-label", "aria-description", "placeholder", "title", "value", "summary", "label"})
PLAIN = frozenset({"hadir", "XXXXX-XXXXX", "QR", "CSV", "XLSX", "PDF", "NFC", "dBm", "ms"})
"""Words that are the same in every language."""
HIDDEN = frozenset({"script", "style", "code", "kbd", "pre", "samp"})
"""Elements whose text is not read, or is to be typed as it is."""
IDENTIFIER = re.compile(r"[a-z]+(?:-[a-z0-9]+)*-[0-9]+")
"""An example of one: d-001."""


def extracted() -> dict[str, list[str]]:
    """Every text -> where it stands."""
    options = {"extensions": "jinja2.ext.i18n,jinja2.ext.do", "silent": "false"}
    methods, keywords = [("**", "jinja2.ext:babel_extract")], {"_": None, "gettext": None, "ngettext": (1, 2)}
    found: dict[str, list[str]] = {}
    for name, line, texts, _, _ in extract_from_dir(WEB / "templates", methods, {"**": options}, keywords):
        for text in (texts,) if isinstance(texts, str) else texts:
            found.setdefault(text, []).append(f"templates/{name}:{line}")
    for path in sorted(WEB.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) in MARKS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.setdefault(first.value, []).append(f"{path.relative_to(WEB)}:{first.lineno}")
                elif _name(node.func) in ("_", "N_"):
                    assert not isinstance(first, ast.JoinedStr | ast.BinOp), f"{path}:{node.lineno}: no text of its own"
    return found


def _name(function: ast.expr) -> str:
    return getattr(function, "id", None) or getattr(function, "attr", "")


def english() -> Iterator[tuple[str, str, str, int]]:
    """(file, text, English, 0 or which plural) of all files."""
    for path in sorted((WEB / "locale" / "en").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="en"):
                texts = message.id if isinstance(message.id, tuple) else (message.id,)
                said = message.string if isinstance(message.string, tuple) else (message.string,)
                for number, text in enumerate(texts):
                    if text:
                        yield path.name, text, said[min(number, len(said) - 1)], number


def test_every_text_has_its_english_and_no_english_is_left_over() -> None:
    texts, known = extracted(), {text: said for _, text, said, _ in english() if said}
    assert len(texts) > 50
    words = {text: where for text, where in texts.items() if any(map(str.isalpha, PLACEHOLDER.sub("", text)))}
    missing = {text: where for text, where in words.items() if text not in known}
    assert not missing, "no English in locale/en/*.po: " + "".join(f"\n  {w[0]}: {t!r}" for t, w in missing.items())
    unused = [f"{name}: {text!r}" for name, text, _, _ in english() if text not in texts]
    assert not unused, "\n".join(["texts of locale/en that no page has:", *unused])


def test_placeholders_are_the_same_and_nothing_is_said_two_ways() -> None:
    said: dict[tuple[str, int], str] = {}
    for name, text, english_text, number in english():
        where = f"{name}: {text!r}"
        assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(english_text)), where
        assert text.count("%") == english_text.count("%") or "%%" in text, where
        assert (text[:1].isspace(), text[-1:].isspace()) == (english_text[:1].isspace(), english_text[-1:].isspace())
        assert said.setdefault((text, number), english_text) == english_text, f"{where} has two translations"


class Visible(HTMLParser):
    """Text that people read, and where it is not translated."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[int, str]] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in HIDDEN:
            self._hidden += 1
        kind = dict(attrs).get("type")
        for name, value in attrs:
            shown = tag == "input" and kind in ("submit", "button", "reset")
            looks = name in ATTRIBUTES and (name != "value" or shown)
            if looks and value:
                self._look(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in HIDDEN:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._look(data)

    def _look(self, text: str) -> None:
        words = [
            word for word in re.findall(r"[^\W\d_][\w-]+", text) if word not in PLAIN and not IDENTIFIER.fullmatch(word)
        ]
        if words:
            self.found.append((self.getpos()[0], " ".join(text.split())))


def bare(source: str) -> str:
    """A template without what Jinja replaces; its lines stay."""

    def blank(found: re.Match[str]) -> str:
        return "\n" * found[0].count("\n")

    source = re.sub(r"{#.*?#}", blank, source, flags=re.S)
    source = re.sub(r"{%-?\s*trans\b.*?endtrans\s*-?%}", blank, source, flags=re.S)
    source = re.sub(r"{%-?\s*macro\b.*?%}", blank, source, flags=re.S)
    source = re.sub(r"{{.*?}}", blank, source, flags=re.S)
    return re.sub(r"{%.*?%}", blank, source, flags=re.S)


def test_no_template_says_anything_outside_of_its_texts() -> None:
    found = []
    for path in sorted((WEB / "templates").rglob("*.*")):
        page = Visible()
        page.feed(bare(path.read_text(encoding="utf-8")))
        found += [f"{path.relative_to(WEB)}:{line}: {text!r}" for line, text in page.found]
    assert not found, "\n".join(["texts that are not translated:", *found])


def test_the_check_of_templates_finds_what_it_should() -> None:
    page = Visible()
    page.feed(bare('<p title="Judul">Halo {{ _("dunia") }}</p>\n<script>let x = "kata"</script>{# kata #}<i>42</i>'))
    assert page.found == [(1, "Judul"), (1, "Halo")]


class Missed(gettext.NullTranslations):
    """Remembers what has no English."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: set[str] = set()

    def gettext(self, message: str) -> str:
        self.texts.add(message)
        return message


async def test_every_page_of_every_role_is_english_when_asked(web: Web) -> None:
    missed = Missed()
    web.site.pages.named("en").translations.add_fallback(missed)
    known = accounts(web)
    who = {role: reader(web.site, web.app, account) for role, account in known.items()}
    for endpoint in endpoints(web.app):
        may = EXPECTED.get(endpoint.name, frozenset(Role))
        if endpoint.method != "GET":
            continue
        for role in ROLES if may is not None else ():
            if role in (may or ()):
                await who[role].ask("GET", f"{target(endpoint)}?bahasa=en", english=True)
        await Reader(web.app).ask("GET", target(endpoint), english=True)
    assert not missed.texts - {""}, f"no English: {sorted(missed.texts)}"

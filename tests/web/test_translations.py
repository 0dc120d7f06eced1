"""Every text of pages has an English one, with the same values in it, and no English one is left over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import gateway.web

HERE = Path(gateway.web.__file__).parent
METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "extensions": "jinja2.ext.do"}}
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2), "text": None}
VALUE = re.compile(r"%\((\w+)\)[a-z]")


def written() -> Iterator[tuple[str, str]]:
    """(file:line, text) of all sources."""
    found = extract_from_dir(HERE, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS)
    for file, line, text, _comments, _context in found:
        for one in text if isinstance(text, tuple) else (text,):
            if one and any(letter.isalpha() for letter in VALUE.sub("", one)):
                yield f"{file}:{line}", one


def translated() -> dict[str, Message]:
    """By text; of plurals by the singular."""
    found: dict[str, Message] = {}
    for path in sorted((HERE / "locale" / "en").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="en"):
                for one in message.id if isinstance(message.id, tuple) else (message.id,):
                    if one:
                        found[one] = message
    return found


def english(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, tuple) else [message.string]


def test_every_text_has_an_english_one() -> None:
    known = translated()
    missing = {
        text: where for where, text in written() if not all(map(bool, english(known[text]) if text in known else [""]))
    }
    assert not missing, "\n".join(f"{where}: {text}" for text, where in sorted(missing.items(), key=lambda it: it[1]))


def test_the_values_are_the_same() -> None:
    for text, message in translated().items():
        for there in english(message):
            assert set(VALUE.findall(there)) <= set(VALUE.findall(text)) | {"num"}, (text, there)
            assert not message.fuzzy, text


@pytest.mark.parametrize("path", sorted((HERE / "locale" / "en").glob("*.po")), ids=lambda path: path.stem)
def test_nothing_is_left_over(path: Path) -> None:
    texts = {text for _, text in written()}
    with path.open("rb") as file:
        kept = [message.id for message in read_po(file, locale="en") if message.id]
    left = [one for one in kept if (one[0] if isinstance(one, tuple) else one) not in texts]
    assert not left, left

"""Codes of desks, as their stickers say them: short, the same for ever, and nothing that one guesses from another.

A code is made from the place's id with the site's key: seven characters, and one that checks them. The alphabet leaves
out what is read as something else (0 O, 1 I L, B 8, U V). Any one wrong character and any two that changed places are
noticed; its 29 signs are a prime number, that is why.

A code opens nothing: who takes a desk is signed in, or holds a card. It only must not be possible to walk through all
desks of a site by counting. With a thousand desks one try in seventeen million hits one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.errors import HadirError

ALPHABET = "23456789ACDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
"""Characters, with the one that checks."""
_BASE = len(ALPHABET)
_VALUE = {sign: number for number, sign in enumerate(ALPHABET)}

Mark = Callable[[str], bytes]
"""gateway.credentials.SiteKey.sticker."""


def code_of(place: str, mark: Mark, again: int = 0) -> str:
    """The code of a place. `again`: how many codes of it were not to be had, because another place has the same."""
    number = int.from_bytes(mark(place if not again else f"{place}#{again}"), "big")
    signs = []
    for _ in range(LENGTH - 1):
        number, sign = divmod(number, _BASE)
        signs.append(ALPHABET[sign])
    code = "".join(signs)
    return code + _check(code)


def normal(written: str) -> str | None:
    """A code as somebody typed it, or a link had it; None for what is none, or has a slip of the pen."""
    code = written.strip().upper().replace("-", "").replace(" ", "")
    if len(code) != LENGTH or any(sign not in _VALUE for sign in code):
        return None
    return code if _check(code[:-1]) == code[-1] else None


def readable(code: str) -> str:
    """As it is printed: `K7QM-4X2P`."""
    return f"{code[:4]}-{code[4:]}"


class Codes:
    """The codes of one site's desks."""

    def __init__(self, places: Iterable[str], mark: Mark) -> None:
        """Raises HadirError when places share even their second codes (never, by any odds)."""
        first: dict[str, list[str]] = {}
        for place in sorted(set(places)):
            first.setdefault(code_of(place, mark), []).append(place)
        self.shared = {code: tuple(named) for code, named in first.items() if len(named) > 1}
        """Codes that are nobody's, because several places would have them: each of those has its second."""
        self._places = {code: named[0] for code, named in first.items() if len(named) == 1}
        for named in self.shared.values():
            for place in named:
                second = code_of(place, mark, 1)
                if second in self._places or second in self.shared:
                    raise HadirError(f"{place} and {self._places.get(second, 'others')} would have one code")
                self._places[second] = place
        self._codes = {place: code for code, place in self._places.items()}

    def of(self, place: str) -> str | None:
        """The code of a place; None for a place that has none."""
        return self._codes.get(place)

    def place(self, written: str) -> str | None:
        """The place behind a code as it was typed or scanned; None: there is none, or not only one."""
        code = normal(written)
        return None if code is None else self._places.get(code)


def _check(code: str) -> str:
    """Weights 2, 3, ... differ from each other and from 0 modulo a prime: one slip or one swap never cancels out."""
    return ALPHABET[-sum(weight * _VALUE[sign] for weight, sign in enumerate(code, start=2)) % _BASE]

"""How many follow the ledger now."""

from __future__ import annotations


class Followers:
    """A counter: `with followers:` while one follows."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1

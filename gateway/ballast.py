"""Room that is held on the disk so that a full one has some to delete in."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


class Ballast:
    """A file of nothing."""

    def __init__(self, path: Path, size: int) -> None:
        """`size`: bytes; 0: there is none."""
        self._path = path
        self._size = size

    def free(self) -> bool:
        """Remove it; False when it is gone already."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True

    def fill(self) -> bool:
        """Allocate it again; False where there is no room."""
        if not self._size or self._path.exists():
            return True
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("wb") as out:
                out.write(b"\0" * self._size)
            fresh.replace(self._path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
            return False
        return True

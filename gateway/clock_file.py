"""What a box keeps of its clock over a restart: a small file in the gateway's folder."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gateway import durable

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Kept:
    """What is on disk. Office times and offsets in ns."""

    latest: int = 0
    """A known time."""
    life: str = ""
    """Of the machine, in which the following was so."""
    offset: int | None = None
    """Office time - time since the machine started, where it is known."""
    free: list[str] = field(default_factory=list)
    """Boots of the gateway that have run without knowing the time, all of them by ..."""
    free_offset: int = 0
    """... this offset, each going on where the last one was ..."""
    free_since: int = 0
    """... since this office time ..."""
    free_latest: int = 0
    """... and at least until this one."""
    lost: list[str] = field(default_factory=list)
    """Such boots of the machine's earlier lives: nobody can place what they told; what they remember is moved by ..."""
    lost_by: int = 0
    """... so much, as if the power had come back at once, ..."""
    lost_since: int = 0
    """... from this time on."""

    def begins(self, life: str) -> Kept:
        """What it is worth in another life of the machine."""
        if self.free:
            return Kept(self.latest, life, lost=self.free, lost_by=-self.free_latest, lost_since=self.free_since)
        return Kept(self.latest, life, lost=self.lost, lost_by=self.lost_by, lost_since=self.lost_since)

    def write(self, file: Path) -> None:
        """Durably. A disk that takes nothing is logged: what it kept last stands, and is tried again."""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            durable.replace(file, json.dumps(asdict(self)).encode())
        except OSError as error:
            _log.warning("clock: %s cannot be written: %s", file, error)


def read(file: Path) -> Kept:
    """What was kept; nothing, where there is nothing that can be read: a box that begins."""
    try:
        kept = Kept(**json.loads(file.read_bytes()))
        numbers = (kept.latest, kept.offset, kept.free_offset, kept.free_since, kept.free_latest, kept.lost_by)
        problem = "a number is none" * any(
            type(one) is not int for one in (*numbers, kept.lost_since) if one is not None
        )
        problem = problem or "a name is none" * any(type(one) is not str for one in (kept.life, *kept.free, *kept.lost))
    except FileNotFoundError:
        return Kept()
    except (OSError, ValueError, TypeError) as error:
        kept, problem = Kept(), str(error)
    if problem:
        _log.warning("clock: %s is not what it was written as (%s): it is begun anew", file, problem)
        return Kept()
    return kept

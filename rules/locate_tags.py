"""The tags of a building as the strongest receiver's rule holds them: their votes, and when to look at each again."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush

from rules.api import Located, Step
from rules.votes import Votes


@dataclass(slots=True)
class Tag:
    """What is held to be true of one tag, and who contests it."""

    person: str
    votes: Votes = field(default_factory=Votes)
    best: str = ""
    """The incumbent receiver; empty: none."""
    zone: str | None = None
    """The answer: the zone of the last public incumbent."""
    told: int = 0
    """When the answer was last emitted; 0: never."""
    evidence: int = 0
    """Last evidence of `zone`, while the incumbent is in a private one or lost."""
    first: int = 0
    """First sighting since there was no incumbent."""
    challenger: str = ""
    """A receiver of another zone that is louder by the margin ..."""
    since: int = 0
    led: float = 0.0
    """... last then; how long it has been so, in ns that count for more the louder it is."""
    deaf: frozenset[str] = frozenset()
    """Receivers that had a vote and do not hear now."""
    due: int = 0
    """When to look at it again; 0: not at all."""


@dataclass(slots=True)
class State:
    """All tags of a building."""

    tags: dict[str, Tag] = field(default_factory=dict)
    """By person."""
    dues: list[tuple[int, str]] = field(default_factory=list)
    """Heap; an entry that is earlier than its tag's `due` is put off when its time comes."""
    quiet: Step[State] = field(init=False)
    """The step that says nothing: nearly all of them."""

    def __post_init__(self) -> None:
        self.quiet = Step(self)

    def step(self, *emits: Located, counts: tuple[str, ...] = ()) -> Step[State]:
        """With the time of the next look, whosever that is."""
        if not (emits or counts):
            return self.quiet
        return Step(self, due=self.quiet.due, emits=emits, counts=counts)

    def look(self, tag: Tag, at: int) -> None:
        """Look at a tag again at `at`."""
        tag.due = at
        heappush(self.dues, (at, tag.person))
        self._wait()

    def due(self, now: int) -> str | None:
        """The person of a tag to look at by `now`, each once."""
        while self.dues and self.dues[0][0] <= now:
            at, person = heappop(self.dues)
            self._wait()
            tag = self.tags.get(person)
            if tag is not None and tag.due == at:
                return person
        return None

    def _wait(self) -> None:
        due = self.dues[0][0] if self.dues else None
        if self.quiet.due != due:
            self.quiet = Step(self, due=due)

"""Who holds a credential, as one gateway was told: the directory, and the resolver of hop 4."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gateway import durable, snapshots
from gateway.credentials import SiteKey
from gateway.errors import HadirError, PermanentError
from gateway.rolling import ADDRESS, IDENTIFIER, Rolling
from gateway.snapshots import Entry, Snapshot

MOST_STRANGERS = 16_384
"""Unknown credentials that are remembered as such; about 1.5 MB."""
CHANGING = (ADDRESS, IDENTIFIER)
MOST_DAYS = 3
"""Days whose tokens are kept: around midnight two are in use."""


class Refusal(NamedTuple):
    """A credential that is nobody's here."""

    cause: str
    """unknown, disabled, ambiguous."""


UNKNOWN, DISABLED, AMBIGUOUS = Refusal("unknown"), Refusal("disabled"), Refusal("ambiguous")


class Directory:
    """What this gateway was told last, kept on its own disk so that it starts without a broker."""

    def __init__(self, path: Path, key: SiteKey, gateway: str) -> None:
        """A file that is damaged or not for this gateway is `problem`: it starts without people and is told again."""
        self._path = path
        self._key = key
        self._gateway = gateway
        self.version = 0
        self.entries: dict[str, Entry] = {}
        self.secrets: dict[str, str] = {}
        """Sealed credentials that are keys, by index."""
        self.erased: frozenset[str] = frozenset()
        """Who was erased, by pid: nothing of them may be kept or sent."""
        self.problem = ""
        try:
            self._take(snapshots.read(path.read_bytes(), key, gateway))
        except FileNotFoundError:
            pass
        except OSError as error:
            self.problem = f"{path}: {error.strerror}"
        except PermanentError as error:
            self.problem = f"{path}: {error}"

    def apply(self, data: bytes) -> bool:
        """Take a newer snapshot or the delta that follows, and keep it; False for the version that is there already.

        Raises PermanentError: too_big, not_authentic, invalid, old_version, gap (a delta to another version).
        """
        told = snapshots.read(data, self._key, self._gateway)
        if told.version == self.version:
            return False
        if told.version < self.version:
            raise PermanentError("old_version", f"{told.version}, here is {self.version}")
        if told.since is not None:
            if told.since != self.version:
                raise PermanentError("gap", f"changes after {told.since}, here is {self.version}")
            entries = {**self.entries, **told.entries}
            secrets = {**self.secrets, **told.secrets}
            told = told._replace(
                entries=entries,
                secrets={
                    index: sealed for index, sealed in secrets.items() if index in entries and entries[index].sensed
                },
                since=None,
                erased=self.erased,
            )
            data = snapshots.write(told, self._key)
        self._take(told)
        try:
            durable.replace(self._path, data)
        except OSError as error:
            self.problem = f"{self._path}: {error.strerror}; it is told again after a restart"
        return True

    def lookup(self, index: str) -> Entry | None:
        """The holder of a credential."""
        return self.entries.get(index)

    @property
    def quiet(self) -> frozenset[str]:
        """Who does not want to be sensed, by pid."""
        return frozenset(entry.pid for entry in self.entries.values() if entry.pid and entry.quiet)

    def unit_sizes(self) -> dict[str, int]:
        """People by unit, as far as this gateway was told."""
        units = {entry.pid: entry.unit for entry in self.entries.values() if entry.pid}
        return dict(Counter(units.values()))

    def _take(self, snapshot: Snapshot) -> None:
        self.version = snapshot.version
        self.entries = dict(snapshot.entries)
        self.secrets = dict(snapshot.secrets)
        self.erased = snapshot.erased
        self.problem = ""


class Resolver:
    """From a credential to its holder. The last place where a raw number exists.

    What was resolved is remembered under the process's own salted 64-bit hash, so that no raw number stays in memory.
    That two credentials meet in one hash has a chance of 1e-15 for each new one, far below that of a copied card.
    """

    def __init__(self, directory: Directory, key: SiteKey) -> None:
        self._directory = directory
        self._key = key
        self._version = directory.version
        self._known: dict[int, Entry | Refusal] = {}
        self._strangers: set[int] = set()
        self._people: dict[int, dict[str, str]] = {}
        self._rolling = self._opened()

    @property
    def rolling(self) -> Rolling:
        """What this gateway was told of names that change by themselves."""
        if self._version != self._directory.version:
            self._forget()
        return self._rolling

    def is_ours(self, address: str) -> bool:
        """Whether a phone's private address belongs to somebody who gave its key."""
        return self.rolling.is_ours(address)

    def resolve(self, value: str, realm: str, at: int = 0) -> Entry | Refusal:
        """Who holds `value`, as a driver reports it, among the cards of `realm`; `at`: when it was heard, office ns."""
        if self._version != self._directory.version:
            self._forget()
        if value.startswith(CHANGING):
            value = self._rolling.credential(value, at)
            if not value:
                return UNKNOWN
        number = hash((value, realm))
        found = self._known.get(number)
        if found is not None:
            return found
        if number in self._strangers:
            return UNKNOWN
        return self._learn(number, value, realm)

    def _learn(self, number: int, value: str, realm: str) -> Entry | Refusal:
        entry = self._directory.lookup(self._key.index(value, realm))
        if entry is None:
            if len(self._strangers) >= MOST_STRANGERS:  # begin anew rather than grow; the enrolled stay known
                self._strangers.clear()
            self._strangers.add(number)
            return UNKNOWN
        found = AMBIGUOUS if not entry.pid else entry if entry.active else DISABLED
        self._known[number] = found
        return found

    def token(self, pid: str, day: int) -> str:
        """The name under which a person's tag is reported to the coordinator on `day` (days since 1970)."""
        return self._key.token(pid, day)

    def by_token(self, token: str, day: int) -> str | None:
        """The pid behind a token of `day`; None for one that nobody here has, or whose holder is not to be sensed."""
        if self._version != self._directory.version:
            self._forget()
        people = self._people.get(day)
        if people is None:
            while len(self._people) >= MOST_DAYS:
                del self._people[min(self._people)]
            sensed = {e.pid for e in self._directory.entries.values() if e.pid and e.active and not e.quiet}
            people = self._people[day] = {self._key.token(pid, day): pid for pid in sensed}
        return people.get(token)

    def _opened(self) -> Rolling:
        """Keys that do not open were sealed under another site key: theirs is nobody here, as any stranger."""
        found: list[str] = []
        for index, sealed in self._directory.secrets.items():
            entry = self._directory.entries.get(index)
            if entry is not None and entry.sensed:
                with suppress(HadirError, ValueError):
                    found.append(self._key.unseal(bytes.fromhex(sealed), index))
        return Rolling(found)

    def _forget(self) -> None:
        self._version = self._directory.version
        self._rolling = self._opened()
        self._known.clear()
        self._strangers.clear()
        self._people.clear()

"""Gaps: events that were given up, or whose disk was damaged, are declared as `gateway.gap`, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from gateway.draft import Draft
from gateway.outbox import Outbox
from gateway.salvage import GAP
from rules.api import Fact


class Gaps:
    """Of one outbox."""

    def __init__(self, outbox: Outbox, draft: Callable[[Mapping[str, Any]], Draft]) -> None:
        self._outbox = outbox
        self._draft = draft
        self._waiting: set[str] = set()
        """Those whose draft is not committed yet."""

    async def declare(self) -> None:
        """Submit a draft for each gap that was not declared; on a full disk it waits there.

        Once, also when the process ends meanwhile: what is to be declared is on the disk, and leaves it with the draft.
        """
        for key, data in (await self._outbox.facts(GAP)).items():
            if key not in self._waiting:
                self._waiting.add(key)
                self._outbox.submit([self._draft(data)], [Fact(GAP, key, None)], partial(self._done, key))

    def _done(self, key: str, _rows: object) -> None:
        self._waiting.discard(key)

"""The archive's files, read beside their writer: each question in a thread, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw

from gateway import sqlite
from gateway.config.model import EmbeddedStore, Office
from gateway.errors import HadirError, TransientError
from gateway.ledger_view import View

T = TypeVar("T")


class Reading:
    """Questions to ledger and points."""

    def __init__(self, office: Office) -> None:
        self.ledger: Path = office.path(office.archive.ledger)
        store = next((store for store in office.archive.stores if isinstance(store, EmbeddedStore)), None)
        self.points: Path | None = None if store is None else office.path(store.path)
        """Of the embedded store; None: the site has none, and reports say so."""

    async def ask(self, question: Callable[[View], T]) -> T:
        """What `question` says of the ledger; it runs in a thread. Raises TransientError: there is no ledger yet."""
        return await asyncio.to_thread(self._asked, question)

    async def measure(self, question: Callable[[apsw.Connection], T]) -> T:
        """What `question` says of the embedded store's points. Raises TransientError: there is none."""
        return await asyncio.to_thread(self._measured, question)

    def _asked(self, question: Callable[[View], T]) -> T:
        if not self.ledger.is_file():
            raise TransientError(f"there is no ledger {self.ledger} yet")
        view = View.open(self.ledger)
        try:
            return question(view)
        except apsw.Error as error:
            raise TransientError(f"{self.ledger} cannot be read: {error}") from error
        finally:
            view.close()

    def _measured(self, question: Callable[[apsw.Connection], T]) -> T:
        if self.points is None or not self.points.is_file():
            raise TransientError("the archive has no embedded store with points")
        connection = sqlite.read_only(self.points)
        try:
            return question(connection)
        except apsw.Error as error:
            raise HadirError(f"{self.points} cannot be read: {error}") from error
        finally:
            connection.close()

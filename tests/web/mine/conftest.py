"""Fixtures of an employee's pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.conftest import Web
from tests.web.mine.book import Book


@pytest.fixture
def book(web: Web) -> Iterator[Book]:
    made = Book(web)
    yield made
    made.close()

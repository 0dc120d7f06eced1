"""A kiosk's browser, for tests of its screens one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.web.asking import Answer
from gateway.web.viewer import Role

if TYPE_CHECKING:
    from tests.web.conftest import Web

CARD, STRANGER = "0F0368568B", "4B00423C15"


class Kiosk:
    """A kiosk's browser without a script, and what was asked of gateways."""

    def __init__(self, web: Web, place: str = "kantor/utama/l01/_/_") -> None:
        self.web = web
        accounts = web.site.accounts
        session = accounts.sign_in(accounts.create(roles=[Role.KIOSK], place=place))
        assert session is not None
        self.account = session.viewer.account
        self.client = web.client()
        self.client.cookies.set(web.site.cookie, session.secret)
        self.csrf = session.viewer.csrf
        self.word = ""
        self.asked: list[tuple[str, str, dict[str, object]]] = []

    def answering(self, monkeypatch: pytest.MonkeyPatch, answers: Sequence[Answer] = ()) -> None:
        """Gateways that answer; there is no broker in these tests. The running site's tests have one."""
        left = list(answers)

        async def ask(name: str, place: str, **more: object) -> Answer:
            self.asked.append((name, place, more))
            return left.pop(0) if left else Answer(ok=True)

        monkeypatch.setattr(type(self.web.site.asker), "ask", staticmethod(ask))

    async def get(self, path: str = "/kiosk") -> httpx.Response:
        return self._kept(await self.client.get(path))

    async def post(self, step: str, **fields: str) -> httpx.Response:
        data = {"csrf": self.csrf, "kunjungan": self.word, **fields}
        return self._kept(await self.client.post(f"/kiosk/{step}", data=data))

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        found = re.search(r'data-visit="([^"]+)"', answer.text)
        self.word = found[1] if found else self.word
        return answer


def step(answer: httpx.Response) -> str:
    found = re.search(r'data-step="(\w+)"', answer.text)
    assert found is not None, answer.text[:300]
    return found[1]

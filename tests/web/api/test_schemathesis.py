"""Requests made from the OpenAPI document, good and bad ones: answers are as it says, and none is a failure of ours.

A small run; `make api-fuzz` runs it for longer (HADIR_API_EXAMPLES).
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from unittest import SkipTest

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.generation import GenerationMode

from gateway.clock import ManualClock
from gateway.config.load import load
from gateway.web.app import build
from gateway.web.serve import Serve
from gateway.web.viewer import Role
from tests.conftest import free_port
from tests.web.api.books import HOUR, MORNING, Archive
from tests.web.conftest import NOON, Web
from tests.web.office import DESK, ready, told, write_office

EXAMPLES = int(os.environ.get("HADIR_API_EXAMPLES", "2"))
STREAMS = r"^/api/v1/stream"
"""Answers that never end: tests of their own."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    folder: Path = tmp_path_factory.mktemp("fuzz")
    file = write_office(folder, port=1, web_port=free_port())

    async def made() -> Serve:
        return Serve(load(file), file, clock, clock)

    clock = ManualClock(NOON, 10**12)
    serve = asyncio.run(made())
    site = serve.site
    ready(site.live, NOON)
    told(site.live, DESK, "vacant", NOON, life="free", life_since=NOON)
    pid = site.people.enrol(unit="panrb", name="Uji Coba")
    archive = Archive(Web(serve, clock))
    archive.tell("gateway.started", MORNING)
    archive.checkin(pid)
    archive.checkin()
    archive.reserved("b-1", NOON + HOUR, NOON + 2 * HOUR, person=pid)
    account = site.accounts.of_person(pid, "panrb")
    site.accounts.grant(account, list(Role), ["*"])
    token = site.accounts.new_token(account, "fuzz")
    loaded = schemathesis.openapi.from_asgi("/api/v1/openapi.json", build(site))
    loaded = loaded.exclude(path_regex=STREAMS)
    loaded.config.update(headers={"Authorization": f"Bearer {token}"})
    yield loaded
    archive.close()
    serve.close()


def test_answers_are_as_the_document_says(schema) -> None:  # type: ignore[no-untyped-def]
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 15
    wrong: list[str] = []
    for operation in operations:

        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        def good(case: schemathesis.Case) -> None:
            case.call_and_validate()

        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
        def bad(case: schemathesis.Case) -> None:
            case.call_and_validate()

        for law in (good, bad):
            try:
                law()
            except (SkipTest, Unsatisfiable):
                continue  # nothing in it can be wrong
            except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 all of them, by operation
                wrong.append(f"{operation.label}: {error}")
    assert not wrong, "\n\n".join(wrong)

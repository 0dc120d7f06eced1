"""/schemas and /asyncapi.yaml: the contract of events, as docs/contract has it."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from fastapi import Depends, Request
from fastapi import Path as PathPart
from fastapi.responses import Response
from pydantic import BaseModel

from gateway.contract import schema
from gateway.contract.envelope import MINOR
from gateway.web.api.common import errors, etag, not_found, resource, unchanged
from gateway.web.viewer import Anyone, Viewer

router = resource("contract", public=True)
Somebody = Annotated[Viewer | None, Depends(Anyone())]
SCHEMA = "application/schema+json"


class Schemas(BaseModel):
    """Names of all schemas, and the version that each has."""

    version: str
    schemas: list[str]


@cache
def _files() -> dict[str, str]:
    return schema.files()


@router.get("/schemas", response_model=Schemas, responses=errors())
async def names(_: Somebody) -> Schemas:
    """Event types, and payloads of retained topics as `payload.<name>`."""
    found = sorted(name[8:-5] for name in _files() if name.startswith("schemas/"))
    return Schemas(version=MINOR, schemas=found)


@router.get(
    "/schemas/{name}/{version}",
    response_class=Response,
    responses={
        **errors(404),
        200: {"description": "JSON Schema 2020-12", "content": {SCHEMA: {"schema": {"type": "object"}}}},
    },
)
async def one(
    request: Request,
    _: Somebody,
    name: Annotated[str, PathPart(max_length=64)],
    version: Annotated[str, PathPart(max_length=8)],
) -> Response:
    """The JSON Schema of an event type or payload, whole. `version`: 1.0, or 1 for its newest."""
    text = _files().get(f"schemas/{name}.json")
    if text is None or version not in (MINOR, MINOR.split(".")[0]):
        raise not_found("schema of that version")
    tag = etag(MINOR)
    return unchanged(request, tag) or Response(text, media_type=SCHEMA, headers={"ETag": tag})


@router.get(
    "/asyncapi.yaml",
    response_class=Response,
    responses={
        **errors(),
        200: {"description": "AsyncAPI 3", "content": {"application/yaml": {"schema": {}}}},
    },
)
async def asyncapi(request: Request, _: Somebody) -> Response:
    """Topics, messages and who reads them."""
    tag = etag(MINOR)
    text = _files()["asyncapi.yaml"]
    return unchanged(request, tag) or Response(text, media_type="application/yaml", headers={"ETag": tag})

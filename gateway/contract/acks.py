"""The archive's acknowledgement: which events of a gateway it has committed, and which it will never take."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.contract.fields import Boot
from gateway.contract.lenient import invalid
from gateway.contract.payload import MAX_BATCH, read_json
from gateway.errors import PermanentError

Sequence = Annotated[int, Field(ge=1, le=999_999_999_999)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Refusal(_Model):
    """One event that the archive will never take: the gateway sets it aside."""

    seq: Sequence = Field(description="its sequence")
    reason: Annotated[str, Field(max_length=64)] = Field(
        description="stable word: invalid, too_big, foreign_source, ..."
    )


class BootAck(_Model):
    """What it says of one boot."""

    boot: Boot = Field(description="the boot")
    committed: Annotated[tuple[tuple[Sequence, Sequence], ...], Field(max_length=10_000)] = Field(
        (), description="inclusive ranges of sequences that are committed: the gateway may forget them"
    )
    refused: Annotated[tuple[Refusal, ...], Field(max_length=10_000)] = Field((), description="never to be sent again")
    canary: Sequence | None = Field(None, description="the last canary of this boot that has come to the ledger")


class Acknowledgement(_Model):
    """Payload of `ack/<site>/<gw>`."""

    worker: Annotated[str, Field(max_length=32)] = Field(description="ingest worker that committed")
    boots: Annotated[tuple[BootAck, ...], Field(max_length=1000)] = Field(
        description="by boot; empty: the archive is back, and has nothing of what it has not acknowledged"
    )


class Canary(_Model):
    """Payload of `gw/<site>/<gw>/canary` that is meant for the archive; an empty one is for the broker alone."""

    boot: Boot = Field(description="the gateway's boot")
    number: Sequence = Field(description="counts up in a boot")


def write_canary(boot: str, number: int) -> bytes:
    """As JSON."""
    return Canary(boot=boot, number=number).model_dump_json().encode()


def read_canary(payload: bytes) -> Canary:
    """What the archive reads. Raises PermanentError: too_big, too_deep, not_json, invalid."""
    try:
        return Canary.model_validate(read_json(payload))
    except ValidationError as error:
        raise invalid(error) from error


def write_ack(ack: Acknowledgement) -> bytes:
    """As JSON. Raises PermanentError("too_big"): split it, ranges may come in any number of messages."""
    body = ack.model_dump_json().encode()
    if len(body) > MAX_BATCH:
        raise PermanentError("too_big", f"{len(body)} bytes")
    return body


def read_ack(payload: bytes) -> Acknowledgement:
    """What a gateway reads. Raises PermanentError: too_big, too_deep, not_json, invalid."""
    try:
        ack = Acknowledgement.model_validate(read_json(payload))
    except ValidationError as error:
        raise invalid(error) from error
    if any(first > last for boot in ack.boots for first, last in boot.committed):
        raise PermanentError("invalid", "a range ends before it begins")
    return ack

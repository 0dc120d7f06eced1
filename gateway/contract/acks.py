"""The archive's acknowledgement: which events of a gateway it has committed, and which it will never take."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.contract.envelope import MAX_BATCH, read_json
from gateway.errors import PermanentError

Sequence = Annotated[int, Field(ge=1, le=999_999_999_999)]
Boot = Annotated[str, Field(pattern=r"^\d{6}-[0-9a-f]{4}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)


class Refusal(_Model):
    """One event that the archive refuses."""

    seq: Sequence
    reason: Annotated[str, Field(max_length=64)]


class BootAck(_Model):
    """What it says of one boot."""

    boot: Boot
    committed: Annotated[tuple[tuple[Sequence, Sequence], ...], Field(max_length=10_000)] = ()
    """Inclusive ranges."""
    refused: Annotated[tuple[Refusal, ...], Field(max_length=10_000)] = ()


class Acknowledgement(_Model):
    """Payload of `ack/<site>/<gw>`."""

    worker: Annotated[str, Field(max_length=32)]
    boots: Annotated[tuple[BootAck, ...], Field(max_length=1000)]


def read_ack(payload: bytes) -> Acknowledgement:
    """Raises PermanentError."""
    if len(payload) > MAX_BATCH:
        raise PermanentError("too_big", f"{len(payload)} bytes")
    try:
        return Acknowledgement.model_validate(read_json(payload))
    except ValidationError as error:
        raise PermanentError("invalid", str(error.errors()[0]["msg"])) from error

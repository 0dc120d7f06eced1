"""Requests that operators have approved, as they stand beside the record of a check-in."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.web.mine.requests import Request
from gateway.web.records.attendance import Correction


def corrections(requests: Iterable[Request]) -> list[Correction]:
    """Of those that are about a check-in."""
    return [
        Correction(
            target=one.target,
            field=one.field,
            old=one.old or None,
            new=one.new or None,
            reason=one.kind,  # as the event has it: what people wrote to each other stays here
            by="operator",
            at=one.decided,
        )
        for one in requests
        if one.target
    ]

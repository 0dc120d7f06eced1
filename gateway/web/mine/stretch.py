"""When a check-in began and ended by all that is known of it: the record, what was put right, and what is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from gateway.contract.times import parsed
from gateway.errors import PermanentError
from gateway.web.mine.days import local
from gateway.web.mine.record import Visit
from gateway.web.mine.requests import APPROVED, Request
from gateway.web.site import Site

BEGIN, END = frozenset({"start", "time"}), "last_evidence"
"""Fields of a correction that name the one and the other."""


def fits(visit: Visit, field: str, at: int, requests: Iterable[Request]) -> bool:
    """Whether `field` (start, last_evidence) may be `at`, ns: nothing ends before it has begun.

    `requests`: those that count beside the record; of others' targets they may be as well.
    """
    began, ended = _stretch(visit, requests)
    began, ended = (at, ended) if field in BEGIN else (began, at)
    return began is None or ended is None or began <= ended


def days_of(site: Site, visit: Visit) -> tuple[date, date]:
    """First and last day on which it may have begun or ended: what is on the record, and a night before and after."""
    known = [at for at in (visit.started, visit.ended) if at is not None]
    first, last = (local(site, at).date() for at in (min(known), max(known)))
    return first - timedelta(days=1), last + timedelta(days=1)


def _stretch(visit: Visit, requests: Iterable[Request]) -> tuple[int | None, int | None]:
    began, ended = visit.started, visit.ended
    fixes = [(int(fix["at"]), str(fix["field"]), str(fix.get("new") or "")) for fix in visit.corrections]
    fixes += [
        (one.decided if one.state == APPROVED else one.asked, one.field, one.new)
        for one in requests
        if one.target in (visit.id, *visit.events)
    ]
    for _, field, new in sorted(fixes):
        try:
            at = parsed(new)
        except PermanentError:  # of a place, of a note, or written by somebody else's operator
            continue
        if field in BEGIN:
            began = at
        elif field == END:
            ended = at
    return began, ended

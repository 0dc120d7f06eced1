"""Who looked a person up, as the person reads it: what is equal on one day is one line, and no line is pushed off.

A backend that asks every few minutes is a line a day; an operator's single search stays one beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import NamedTuple

from gateway.web.mine.days import bounds, local
from gateway.web.site import Site
from gateway.web.viewer import Role

ENOUGH = 40
"""Lines of a page; a day is not cut, so there may be more."""
MOST_REASONS = 12
"""Of one account and thing on one day; of more the latest is shown, and how many others there were."""


class Looked(NamedTuple):
    """Equal look-ups of one day. Times are wall ns."""

    account: str
    what: str
    reason: str
    first: int
    last: int
    times: int
    other_reasons: int = 0


class Who(NamedTuple):
    """An account as the person may know it. Its holder's own name is theirs: it is not told."""

    label: str
    roles: tuple[str, ...]
    """Empty: the account is gone, or nothing but its own person's."""
    units: tuple[str, ...]
    """Whose people it sees."""
    account: str


def page(site: Site, pid: str, before: date | None = None) -> tuple[list[Looked], date | None]:
    """Days that ended before a day of the site (default: all), latest first; and `before` of the next page.

    Raises ValueError, OverflowError: no day that a clock shows.
    """
    found: list[Looked] = []
    last: date | None = None
    for day, lines in _days(site, pid, before):
        if len(found) >= ENOUGH:
            return found, last
        found += lines
        last = day
    return found, None


def everything(site: Site, pid: str) -> Iterator[Looked]:
    """All of them, latest day first."""
    for _, lines in _days(site, pid, None):
        yield from lines


def already(site: Site, account: str, pid: str, what: str, reason: str) -> bool:
    """Whether the person sees this already."""
    statement = "SELECT 1 FROM lookup WHERE pid = ? AND account = ? AND what = ? AND reason = ?"
    return bool(site.accounts.connection.execute(statement, (pid, account, what, reason)).get)


def who(site: Site, account: str) -> Who:
    """Whose look-ups they were, also when the account has been disabled since."""
    known = site.accounts.known(account)
    if known is None:
        return Who("", (), (), account)
    roles = tuple(sorted(role for role in known.roles if role != Role.EMPLOYEE))
    return Who(known.label, roles, tuple(sorted(known.units)), account)


def _days(site: Site, pid: str, before: date | None) -> Iterator[tuple[date, list[Looked]]]:
    """Days with look-ups, latest first."""
    latest = "SELECT max(at) FROM lookup WHERE pid = ? AND at < ?"
    equal = (
        "SELECT account, what, reason, min(at), max(at), count(*) FROM lookup WHERE pid = ? AND at >= ? AND at < ?"
        " GROUP BY account, what, reason ORDER BY account, what, max(at) DESC"
    )
    end = (1 << 63) - 1 if before is None else bounds(site, before)[0]
    while (at := site.accounts.connection.execute(latest, (pid, end)).get) is not None:
        day = local(site, int(at)).date()
        start, stop = bounds(site, day)
        rows = site.accounts.connection.execute(equal, (pid, start, min(stop, end)))
        lines = [Looked(str(who), str(what), str(why), int(a), int(b), int(n)) for who, what, why, a, b, n in rows]
        alike = (list(some) for _, some in groupby(lines, key=lambda line: (line.account, line.what)))
        shown = [line for some in alike for line in (_together(some) if len(some) > MOST_REASONS else some)]
        yield day, sorted(shown, key=lambda line: -line.last)
        end = start


def _together(lines: list[Looked]) -> list[Looked]:
    """Many reasons of one account for one thing, latest first, as one line."""
    first, times = min(line.first for line in lines), sum(line.times for line in lines)
    return [lines[0]._replace(first=first, times=times, other_reasons=len(lines) - 1)]

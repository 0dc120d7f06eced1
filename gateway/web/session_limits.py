"""How long a sign-in lasts: by what the account may do, and by whether anything else would sign its person in again.

Asked at each use, so that a role, a unit or an issuer that comes later counts at once.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.clock import SECOND
from gateway.config.web import Web
from gateway.web.viewer import Role, Viewer

DAY_S = 86_400
YEAR_S = 365 * DAY_S
"""Of whatever lasts longest: a screen's session, which is opened once, and one by a code that nothing could renew."""
SCREENS = frozenset({Role.KIOSK, Role.DISPLAY})


class Limits(NamedTuple):
    """Of one session."""

    lasts_s: int
    """From the sign-in on, whatever is done."""
    idle_s: int
    """Since it was last used."""

    def over(self, created: int, seen: int, now: int) -> bool:
        """Whether a session of these limits has ended. Times are ns."""
        return created + self.lasts_s * SECOND < now or seen + self.idle_s * SECOND < now


class SessionLimits:
    """Of all sessions of a site."""

    def __init__(self, web: Web) -> None:
        self._short = Limits(web.session_hours * 3600, web.idle_minutes * 60)
        self._by_code = Limits(YEAR_S, web.code_days * DAY_S)
        self._with_issuer = web.units_with_issuer

    def of(self, viewer: Viewer) -> Limits:
        """Of a viewer's sessions: they are alike, since a unit's people come by its issuer, or all by codes."""
        if viewer.roles and viewer.roles <= SCREENS:
            return Limits(YEAR_S, YEAR_S)
        return self._by_code if self.code_alone(viewer) else self._short

    def code_alone(self, viewer: Viewer) -> bool:
        """Whether nothing but a code signs this person in again, and they see nobody but themselves."""
        return bool(viewer.pid) and viewer.roles == {Role.EMPLOYEE} and viewer.unit not in self._with_issuer

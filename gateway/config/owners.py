"""Who may say what about which place: each place has one owner, each building its candidates for coordinator."""

from __future__ import annotations

from gateway.config.model import Office
from gateway.config.places import Places

OWN = ("gateway.", "device.", "coverage.")
"""Types that a gateway says of itself and its equipment, at its own place."""
SHARED = ("badge.rejected",)
"""Types that the coordinator says as well, at places that others decide: it decides readers that are no desk's."""


class Owners:
    """Look-ups over one office."""

    def __init__(self, office: Office) -> None:
        self._places = Places(office)
        self.gateways = frozenset(gateway.id for gateway in office.gateways)
        self._home: dict[str, str] = {}
        for gateway in office.gateways:
            building = gateway.place.split("/")[0]
            self._home[gateway.id] = self._places.full(gateway.place) or f"{office.site}/{building}/_/_/_"
        self._floors = {
            f"{office.site}/{building.id}/{floor.id}": floor.owner or ""
            for building in office.buildings
            for floor in building.floors
        }

    def owner(self, place: str) -> str:
        """The gateway that decides a space, zone or floor; empty if there is none."""
        return self._places.owner(place) or self._floors.get("/".join(place.split("/", 3)[:3]), "")

    def candidates(self, place: str) -> tuple[str, ...]:
        """The gateways that may decide what crosses places in the building of `place`. Which one may is the fence's."""
        return self._places.candidates.get(place.split("/", 2)[1], ())

    def home(self, gateway: str) -> str:
        """The place of a gateway's own events; empty for one that is not of this office."""
        return self._home.get(gateway, "")

    def refusal(self, cls: str, kind: str, subject: str, gateway: str) -> str:
        """Why the gateway may not tell this: not_owner, not_coordinator, or empty if it may."""
        if cls == "sense" or kind.startswith(("workplace.", "presence.")):
            return "" if gateway in self.candidates(subject) else "not_coordinator"
        if kind == "privacy.erased":
            return ""
        if kind.startswith(OWN):
            return "" if subject == self.home(gateway) else "not_owner"
        if gateway == self.owner(subject):
            return ""
        crosses = subject.endswith("/_") or kind in SHARED
        return "" if crosses and gateway in self.candidates(subject) else "not_owner"

"""What a place rests on now, for who asks why: every vote on either side, what a model believes, and the air."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules import fusion
from rules.evidence import MOST
from rules.fusion import Belief
from rules.occupancy_verdict import Bound, item, judge
from rules.witness import Opinion


def explained(
    bound: Bound, devices: Mapping[str, Opinion], belief: Belief, stuck: frozenset[str], started: int, now: int
) -> Mapping[str, Any]:
    """JSON values. Nobody is named: evidence is of fixed equipment, or of what heard a tag."""
    verdict = judge(bound, devices, belief, "", stuck, started, now)
    told: dict[str, Any] = {
        "votes": [item(bound, devices, vote, now) for vote in verdict.votes[:MOST]],
        "loses": verdict.challenger,
        "stuck": sorted(verdict.stuck),
        "people": verdict.people,
    }
    if bound.model is not None and belief.latest:
        found = fusion.estimate(bound.model, belief, max(now, belief.latest))
        told["model"] = {"log_odds": round(found.odds, 2), "heard": round(found.heard, 2)}
    air = {dev: opinion.air for dev, opinion in devices.items() if opinion.air is not None}
    if air:
        told["air"] = {
            dev: {"ppm": one.ppm, "base": round(one.base), "somebody": round(one.share, 2)} for dev, one in air.items()
        }
    return {"holds": told}


__all__ = ["explained"]

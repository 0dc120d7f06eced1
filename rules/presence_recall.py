"""What an earlier coordinator decided of a person, and could only say when another led already.

It was in office then, so it stands. The rule takes it over without saying it again, unless evidence or an act of a
later time has overtaken it: the later act wins.
"""

from __future__ import annotations

from rules.api import Command
from rules.presence_model import State, Workplace


def recalled(state: State, told: Command) -> State:
    """`told`: Command `recall` at the time of the event; args: its `type`, `id`, `state`, `method`, `assurance`."""
    match told.args.get("type"):
        case "presence.ended":
            visit = state.visit
            if visit is None or visit.id != told.args.get("id") or visit.last > told.at:
                return state
            left = told.at if told.args.get("state") == "left" else 0
            return state._replace(visit=None, desk="", elsewhere="", left=max(state.left, left))
        case "workplace.checkin.started" if told.at > state.acted and state.workplace is None:
            came = Workplace(
                str(told.args["id"]),
                told.at,
                told.place,
                str(told.args["method"]),
                str(told.args["assurance"]),
                str(told.args.get("arrangement") or ""),
            )
            return state._replace(workplace=came, unit=told.unit, acted=told.at)
        case "workplace.checkin.ended" if told.at > state.acted:
            return state._replace(workplace=None, unit=told.unit, acted=told.at, left=max(state.left, told.at))
        case _:
            return state

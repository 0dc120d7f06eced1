"""What an operator has approved to be put right of a person's record: said once, beside it, and never in its place.

It changes no state: who was wrongly said to be at a desk yesterday is not moved today. To end a check-in that is still
open is the desk's own command `correct`.
"""

from __future__ import annotations

from rules.api import Command, Event

NAME = "amend"


def amended(asked: Command) -> tuple[Event, ...]:
    """presence.corrected, of `target_id`, `field`, `old`, `new` and `reason`; nothing where nobody is named.

    An empty `new` with field `event`: the record is void.
    """
    if not asked.person or asked.actor != "operator":
        return ()
    data = {
        "target_id": asked.args["target_id"],
        "field": asked.args["field"],
        "old": asked.args.get("old") or None,
        "new": asked.args.get("new") or None,
        "reason": asked.args.get("reason") or None,
        "actor_role": "operator",
    }
    return (Event("presence.corrected", asked.place, asked.at, data, "who", asked.person, asked.unit),)

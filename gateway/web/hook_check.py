"""What is wrong with the webhooks of office.yaml: event types and places that there are not."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.document import Where, did_you_mean
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.contract.events import EVENTS
from gateway.errors import ConfigError, Problem


def problems(office: Office) -> Iterator[tuple[Where, str]]:
    """(where, what to do) of each mistake."""
    places = Places(office)
    ids = [hook.id for hook in office.web.hooks]
    for i, hook in enumerate(office.web.hooks):
        here = ("web", "hooks", i)
        if hook.id in ids[:i]:
            yield (*here, "id"), f'web.hooks: there is a hook "{hook.id}" already'
        for j, name in enumerate(hook.types):
            kind = EVENTS.get(name)
            if kind is None:
                text = f'web.hooks.types: there is no event type "{name}"{did_you_mean(name, EVENTS)}'
                yield (*here, "types", j), text
            elif kind.classes == ("sense",):
                yield (*here, "types", j), f'web.hooks.types: "{name}" is inferred about people, and told to no hook'
        if hook.place is not None and places.full(hook.place) is None:
            yield (
                (*here, "place"),
                f'web.hooks.place: there is no place "{hook.place}"; write building/floor/...',
            )


def demand(office: Office) -> None:
    """Raises ConfigError with every mistake."""
    found = [Problem(file="office.yaml", line=None, text=text) for _, text in problems(office)]
    if found:
        raise ConfigError(*found)

"""Whether an event may stand on the topic it came by. An ACL says who writes where, this says what may be written."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.contract.envelope import Envelope, decode, decode_batch
from gateway.contract.topics import Topic
from gateway.errors import PermanentError

LIVE = frozenset({"evt", "who", "sense"})
HISTORY = {"hist": "evt", "whohist": "who", "sensehist": "sense"}
SENSED = frozenset({"sense", "sensehist"})


def events(topic: Topic, payload: bytes) -> Iterator[Envelope | PermanentError]:
    """The events of a live or history message, each decoded and checked; a bad one does not lose the others.

    Nothing for other topics. A bad event comes as PermanentError: too_big, too_deep, not_json, invalid,
    foreign_source, wrong_topic.
    """
    if topic.cls not in LIVE and topic.cls not in HISTORY:
        return
    try:
        found = [decode(payload)] if topic.cls in LIVE else decode_batch(payload)
    except PermanentError as error:
        yield error
        return
    for event in found:
        if isinstance(event, PermanentError):
            yield event
        elif reason := refusal(topic, event):
            yield PermanentError(reason, f"{event.type} of {event.source}")
        else:
            yield event


def refusal(topic: Topic, event: Envelope) -> str:
    """Why the event may not come by this topic: foreign_source, wrong_topic; empty if it may.

    An `evt` topic names no gateway: whether the source is the place's owner is the archive's to look up.
    """
    if topic.site != event.site or (topic.gateway and topic.gateway != event.gateway):
        return "foreign_source"
    if HISTORY.get(topic.cls, topic.cls) != event.cls:
        # an erased event keeps its topic: it was of either class
        erased = event.type == "privacy.erased" and not event.person
        if not (erased and topic.cls in SENSED):
            return "wrong_topic"
    if topic.place and topic.place != event.subject:
        return "wrong_topic"
    if topic.cls in SENSED and topic.building != event.subject.split("/", 2)[1]:
        return "wrong_topic"
    if topic.type and topic.type != event.type:
        return "" if event.type == "privacy.erased" and not event.person else "wrong_topic"
    if topic.unit and event.person and topic.unit != event.unit:
        return "wrong_topic"
    return ""

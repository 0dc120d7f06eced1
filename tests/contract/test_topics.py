"""Topics: built of checked levels only, and taken apart again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract import topics
from gateway.contract.channels import CHANNELS
from gateway.contract.topics import Topic
from gateway.errors import PermanentError

PLACE = "ikn/kk2-t3/l05/timur/d-017"
BUILT = [
    (topics.evt(PLACE, "occupancy.changed"), Topic("evt", "ikn", "kk2-t3", place=PLACE, type="occupancy.changed")),
    (
        topics.who("ikn", "_", "gw-1", "desk.checkin.started"),
        Topic("who", "ikn", "", "gw-1", "_", "", "desk.checkin.started"),
    ),
    (topics.sense("ikn", "kk2", "gw-1", "presence.moved"), Topic("sense", "ikn", "kk2", "gw-1", type="presence.moved")),
    (topics.hist("ikn", "gw-1"), Topic("hist", "ikn", "", "gw-1")),
    (topics.whohist("ikn", "bkn", "gw-1"), Topic("whohist", "ikn", "", "gw-1", "bkn")),
    (topics.sensehist("ikn", "kk2", "gw-1"), Topic("sensehist", "ikn", "kk2", "gw-1")),
    (topics.state(PLACE), Topic("state", "ikn", "kk2-t3", place=PLACE)),
    (topics.agg("ikn/kk2/l05/timur/_"), Topic("agg", "ikn", "kk2", place="ikn/kk2/l05/timur/_")),
    (topics.catalogue(PLACE), Topic("place", "ikn", "kk2-t3", place=PLACE)),
    (topics.gateway_status("ikn", "gw-1"), Topic("status", "ikn", "", "gw-1")),
    (topics.gateway_health("ikn", "gw-1"), Topic("health", "ikn", "", "gw-1")),
    (topics.canary("ikn", "gw-1"), Topic("canary", "ikn", "", "gw-1")),
    (topics.device("ikn", "gw-1", "mmw-1"), Topic("dev", "ikn", "", "gw-1", type="mmw-1")),
    (topics.reading("ikn", "gw-2", "gw-1"), Topic("reading", "ikn", "", "gw-1", type="gw-2")),
    (topics.whosight("ikn", "kk2", "gw-1"), Topic("whosight", "ikn", "kk2", "gw-1")),
    (topics.people("ikn", "gw-1"), Topic("people", "ikn", "", "gw-1")),
    (topics.coord("ikn", "kk2", "gw-1"), Topic("coord", "ikn", "kk2", "gw-1")),
    (topics.ack("ikn", "gw-1"), Topic("ack", "ikn", "", "gw-1")),
    (topics.command("ikn", "gw-1", "out_of_order", person=False), Topic("cmd", "ikn", "", "gw-1", type="out_of_order")),
    (topics.command("ikn", "gw-1", "checkout", person=True), Topic("whocmd", "ikn", "", "gw-1", type="checkout")),
    (topics.result("portal", "checkout"), Topic("res", type="checkout", client="portal")),
    (topics.home_assistant("gw-1", "mmw-1"), Topic("homeassistant", gateway="gw-1", type="mmw-1")),
]


@pytest.mark.parametrize(("topic", "parts"), BUILT, ids=[parts.cls for _, parts in BUILT])
def test_what_is_built_is_taken_apart(topic: str, parts: Topic) -> None:
    assert topics.parse(topic) == parts
    channel = next(channel for channel in CHANNELS if channel.name == parts.cls)
    assert re.fullmatch(re.sub(r"{\w+}", "[^/]+", channel.topic), topic)


def test_every_channel_is_there() -> None:
    assert {parts.cls for _, parts in BUILT} == {channel.name for channel in CHANNELS}


BUILDERS: list[Callable[[str], str]] = [
    topics.identifier,
    topics.level,
    topics.place,
    lambda text: topics.place(f"ikn/kk2/l05/timur/{text}"),
    lambda text: topics.evt(f"{text}/kk2/l05/timur/_", "occupancy.changed"),
    lambda text: topics.evt(PLACE, text),
    lambda text: topics.who("ikn", text, "gw-1", "desk.checkin.started"),
    lambda text: topics.sense("ikn", "kk2", text, "presence.moved"),
    lambda text: topics.agg(f"ikn/kk2/l05/timur/{text}"),
    lambda text: topics.device("ikn", "gw-1", text),
    lambda text: topics.command("ikn", "gw-1", text, person=True),
    lambda text: topics.result(text, "checkout"),
    lambda text: topics.home_assistant("gw-1", text),
]
BAD = [
    "",
    "+",
    "#",
    "a+b",
    "a#",
    "a/b",
    "a\x00",
    "\x00",
    "a\n",
    "A",
    "é",
    "\u0663",
    " a",
    "-a",
    "a-",
    "x" * 33,
    "x" * 65_536,
]


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("text", BAD, ids=lambda text: repr(text[:8]))
def test_bad_levels_never_become_a_topic(build: Callable[[str], str], text: str) -> None:
    with pytest.raises(PermanentError):
        build(text)


@given(st.text(max_size=80), st.sampled_from(BUILDERS))
def test_no_text_becomes_a_wildcard(text: str, build: Callable[[str], str]) -> None:
    try:
        topic = build(text)
    except PermanentError:
        return
    assert re.fullmatch(r"[a-zA-Z0-9/._-]{1,400}", topic)


@given(st.text(max_size=80) | st.from_regex(r"hadir/v1/[a-z]+(/[a-z0-9_+#-]*){0,7}", fullmatch=True))
def test_a_strange_topic_is_none_of_ours(topic: str) -> None:
    found = topics.parse(topic)
    assert found is None or ("+" not in topic and "#" not in topic)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "hadir/v1/",
        "hadir/v2/hist/ikn/gw-1",
        "hadir/v1/hist/ikn",
        "hadir/v1/hist/ikn/gw-1/x",
        "hadir/v1/gw/ikn/gw-1/mood",
        "hadir/v1/evt/ikn/kk2/l05/timur/d-017",
        "hadir/v1/hist/ikn/gw-1\n",
        "hadir/v1/hist/" + "x" * 65_536,
        "$SYS/broker",
    ],
)
def test_not_ours(topic: str) -> None:
    assert topics.parse(topic) is None


def test_history_of_people() -> None:
    assert topics.history_of("hadir/v1/who/ikn/bkn/gw-1/desk.checkin.started") == "hadir/v1/whohist/ikn/bkn/gw-1"
    assert topics.history_of("hadir/v1/sense/ikn/kk2/gw-1/presence.moved") == "hadir/v1/sensehist/ikn/kk2/gw-1"
    with pytest.raises(PermanentError):
        topics.history_of("hadir/v1/hist/ikn/gw-1")

"""Retained topics of an earlier life of this gateway that it owns no longer: an empty message removes each.

A place that another gateway owns now is left alone: its new owner says what it is, and what we said expires.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

from gateway import durable
from gateway.board import Board
from gateway.contract import topics

_log = logging.getLogger(__name__)
PLACES = frozenset({"state", "agg", "place"})


def settle(path: Path, board: Board, owner: Callable[[str], str]) -> int:
    """Clear what is left over, and remember what is owned now; how many were cleared.

    `owner`: the gateway that decides a place now, empty if none does. What was cleared is remembered as well and is
    cleared again at the next start: this one may end before the broker has taken it.
    """
    now = set(board.topics)
    try:
        before = {str(topic) for topic in json.loads(path.read_text(encoding="utf-8"))}
    except FileNotFoundError:
        before = set()
    except (OSError, ValueError, TypeError) as error:
        _log.warning("%s: %s; what an earlier life has left on the broker stays there", path, error)
        before = set()
    left = {topic for topic in before - now if _is_nobodys(topic, owner)}
    if now | left != before:  # most starts change nothing
        try:
            durable.replace(path, json.dumps(sorted(now | left)).encode())
        except OSError as error:
            _log.warning("%s: %s; the next start knows less of what is left on the broker", path, error.strerror)
    for topic in sorted(left):
        board.clear(topic)
    return len(left)


def _is_nobodys(topic: str, owner: Callable[[str], str]) -> bool:
    parts = topics.parse(topic)
    return parts is not None and (parts.cls not in PLACES or not owner(parts.place))

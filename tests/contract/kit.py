"""Makes docs/contract/conformance from the golden samples and sequences: for backends in any language.

python -m tests.contract.kit            write it
pytest tests/contract/test_kit.py       fails when it is not as this makes it
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
FOLDER = HERE.parent.parent / "docs" / "contract" / "conformance"
MADE = ("samples", "scenarios")
"""Folders that are made; README.md and run.py are written by hand."""


def files() -> dict[str, str]:
    """Name below FOLDER -> content."""
    made: dict[str, str] = {}
    for path in sorted((GOLDEN / "samples").glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        samples = [[sample["topic"], sample["payload"]] for sample in found["samples"]]
        made[f"samples/{path.name}"] = _json({"type": f"hadir.{found['type']}.v1", "messages": samples})
    for path in sorted((GOLDEN / "sequences").glob("*.json")):
        made[f"scenarios/{path.name}"] = _json(scenario(json.loads(path.read_text(encoding="utf-8"))))
    return made


def scenario(sequence: dict[str, Any]) -> dict[str, Any]:
    """Messages with the time at which each comes: in their order, and never before what they tell of was recorded."""
    messages: list[list[Any]] = []
    at = ""
    for message in sequence["messages"]:
        at = max(at, min(_recorded(message["payload"]), sequence["now"]))
        messages.append([at, message["topic"], message["payload"]])
    return {
        "scenario": sequence["name"],
        "says": sequence["says"],
        "messages": messages,
        "now": sequence["now"],
        "ends": sequence["ends"],
    }


def _recorded(payload: Any) -> str:
    """When what a message tells of was recorded, at the latest; RFC 3339 in UTC sorts as text."""
    if isinstance(payload, list):
        return max(map(_recorded, payload), default="")
    if isinstance(payload, dict):
        return str(payload.get("recordedtime") or payload.get("at") or "")
    return ""


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def write() -> None:
    """All that is made; what is no longer made goes."""
    made = files()
    for name in MADE:
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
        for old in (FOLDER / name).glob("*.json"):
            if f"{name}/{old.name}" not in made:
                old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()

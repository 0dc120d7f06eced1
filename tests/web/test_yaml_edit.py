"""Edits of office.yaml: exactly the change, and every other byte as it was."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.config.document import Document
from gateway.web.yaml_edit import Append, Change, EditError, Put, apply, diff

EXAMPLE = (Path(__file__).parent.parent.parent / "config" / "office.yaml").read_text()


def data(text: str) -> Any:
    return Document.parse(text.encode(), "t").data


def lines_that_differ(old: str, new: str) -> list[str]:
    return [line for line in diff(old, new, "t").splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_a_device_gets_a_position_on_its_own_line() -> None:
    new = apply(EXAMPLE, [Put(("devices", 0), "at", (3.25, 4.0))])
    assert lines_that_differ(EXAMPLE, new) == [
        "-  - {id: rdr-d-001, driver: rdm6300, place: utama/l01/timur/d-001, role: desk, realm: panrb}",
        "+  - {id: rdr-d-001, driver: rdm6300, place: utama/l01/timur/d-001, role: desk, realm: panrb, at: [3.25, 4]}",
    ]


def test_a_value_is_replaced_and_its_comment_stays() -> None:
    text = "a:\n  place: x/y   # here\n  # there\nb: 1\n"
    assert apply(text, [Put(("a",), "place", "x/z")]) == "a:\n  place: x/z   # here\n  # there\nb: 1\n"


def test_several_changes_at_once() -> None:
    zone = ("buildings", 0, "floors", 0, "zones", 0)
    new = apply(
        EXAMPLE,
        [
            Put((*zone, "spaces", 0), "name", "Meja jendela: 1"),
            Put(("buildings", 0, "floors", 0), "plan", "plans/l1.geojson"),
            Put(("devices", 3), "place", "utama/l01/barat/d-003"),
            Append((), "devices", ({"id": "new-1", "driver": "ld2410", "place": "utama/l01/timur/d-002"},)),
        ],
    )
    assert lines_that_differ(EXAMPLE, new) == [
        "-        plan: plans/l01.geojson       # docs/floor-plans.md; without one the floor is drawn from this file",
        "+        plan: plans/l1.geojson       # docs/floor-plans.md; without one the floor is drawn from this file",
        "-              - {id: d-001, kind: desk, name: Meja 1}",
        '+              - {id: d-001, kind: desk, name: "Meja jendela: 1"}',
        "-  - {id: mmw-d-002, driver: ld2410, place: utama/l01/timur/d-002, hold_s: 30}",
        "+  - {id: mmw-d-002, driver: ld2410, place: utama/l01/barat/d-003, hold_s: 30}",
        "+  - {id: new-1, driver: ld2410, place: utama/l01/timur/d-002}",
    ]


@pytest.mark.parametrize(
    ("text", "change", "new"),
    [
        ("a:\n- b: 1 # x\n\n# end\n", Put(("a", 0), "c", 2), "a:\n- b: 1 # x\n  c: 2\n\n# end\n"),
        ("a: {}\n", Put(("a",), "c", True), "a: {c: true}\n"),
        ("a: {b: 1,\n    c: 2, # x\n   }\n", Put(("a",), "d", "y"), 'a: {b: 1,\n    c: 2, d: "y", # x\n   }\n'),
        ("a:\n  b: [1,\n   2] # x\n", Put(("a",), "b", "z"), "a:\n  b: z # x\n"),
        ("a:\n  b:\n    - 1\n    - 2\n  # c\nd: 1\n", Put(("a",), "b", [3]), "a:\n  b: [3]\n  # c\nd: 1\n"),
        ("a: |\n  x\n  y\n# c\nb: 1\n", Put((), "a", "z"), "a: z\n# c\nb: 1\n"),
        ("a: # none\nb: 1\n", Put((), "a", "z"), "a: z # none\nb: 1\n"),
        ("a: 1", Put((), "b", 2), "a: 1\nb: 2\n"),
        ("a: 1\r\nc: 2\r\n", Put((), "b", 2, after="a"), "a: 1\r\nb: 2\r\nc: 2\r\n"),
        ("a: 1\n", Append((), "b", ({"c": 1}, {"c": 2})), "a: 1\nb:\n  - {c: 1}\n  - {c: 2}\n"),
        ("b: []\n", Append((), "b", ({"c": 1}, {"c": 2})), "b: [{c: 1}, {c: 2}]\n"),
        ("b: [{c: 1}]\n", Append((), "b", ({"c": 2},)), "b: [{c: 1}, {c: 2}]\n"),
        ("b:\nd: 1\n", Append((), "b", ({"c": 2},)), "b: [{c: 2}]\nd: 1\n"),
        (
            "b:\n- c: 1\n  e: 2 # x\n# y\nd: 1\n",
            Append((), "b", ({"c": 2},)),
            "b:\n- c: 1\n  e: 2 # x\n- {c: 2}\n# y\nd: 1\n",
        ),
        ("{a: {b: 1}}\n", Put(("a",), "b", -1.5), "{a: {b: -1.5}}\n"),
        ('"a" : "b" # c\n', Put((), "a", "on"), '"a" : "on" # c\n'),
    ],
)
def test_layouts(text: str, change: Change, new: str) -> None:
    assert apply(text, [change]) == new


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("a: &x {b: 1}\nc: *x\n", Put(("c",), "b", 2)),
        ("a: &x {b: 1}\nc: *x\n", Put(("a",), "b", 2)),
        ("a: 1\n", Put(("b",), "c", 2)),
        ("a: [1]\n", Put(("a", 3), "c", 2)),
        ("a: 1\n", Put(("a",), "c", 2)),
        ("a: 1\n", Append((), "a", ({"b": 1},))),
    ],
)
def test_what_cannot_be_edited_says_so(text: str, change: Change) -> None:
    with pytest.raises(EditError):
        apply(text, [change])


def test_two_changes_of_one_setting_are_refused() -> None:
    with pytest.raises(EditError, match="two changes"):
        apply("a: 1\n", [Put((), "a", 2), Put((), "a", 3)])


names = st.text("abcXYZ019 _-.:#'\"é{}[],&*!|>%@~\n\t", max_size=10)
scalars = st.one_of(names, st.integers(-50, 50), st.booleans(), st.floats(-100, 100).map(lambda x: round(x, 2)))
keys = st.sampled_from(["id", "name", "place", "at", "driver"])
mappings = st.dictionaries(keys, scalars | st.lists(scalars, max_size=3), min_size=1, max_size=4)
trees = st.fixed_dictionaries({"devices": st.lists(mappings, min_size=1, max_size=4), "site": st.just("x")})


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A YAML text in some style, with comments between and behind its lines."""
    flow = draw(st.sampled_from([None, False, True]))
    indent = draw(st.sampled_from([2, 4]))
    text = yaml.safe_dump(draw(trees), default_flow_style=flow, indent=indent, sort_keys=False, width=40)
    made: list[str] = []
    for number, line in enumerate(text.splitlines()):
        if draw(st.booleans()):
            commented = "\n".join((*made, line, f"# full {number}"))
            if _same(text, commented, number):
                made += [line, f"# full {number}"]
                continue
        made.append(line)
    return "\n".join(made) + "\n"


def _same(text: str, begun: str, number: int) -> bool:
    """Whether a comment here is one, and not part of a text over several lines."""
    rest = text.splitlines()[number + 1 :]
    try:
        return bool(yaml.safe_load("\n".join((begun, *rest))) == yaml.safe_load(text))
    except yaml.YAMLError:
        return False


def replaced(text: str, index: int, key: str) -> tuple[int, int]:
    """Lines inside the value that the change replaces, [first, end): a comment there is the value's own."""
    node: Any = yaml.compose(text)
    (devices,) = (value for name, value in node.value if name.value == "devices")
    spans = [
        (value.start_mark.line + 1, value.end_mark.line)
        for name, value in devices.value[index].value
        if name.value == key
    ]
    return spans[0] if spans else (0, 0)


@settings(max_examples=50, deadline=None)
@example(text="{devices: [{name: [\n# full 0\n        '']}], site: x}\n", index=0, key="name", value="")
@given(text=texts(), index=st.integers(0, 3), key=keys, value=scalars | st.lists(st.integers(0, 9), max_size=3))
def test_a_change_is_exactly_the_change_and_comments_stay(text: str, index: int, key: str, value: Any) -> None:
    before = data(text)
    index %= len(before["devices"])
    new = apply(text, [Put(("devices", index), key, value), Append((), "devices", ({"id": "n", "name": "x y"},))])
    wanted = copy.deepcopy(before)
    wanted["devices"][index][key] = value
    wanted["devices"].append({"id": "n", "name": "x y"})
    assert data(new) == wanted
    gone = range(*replaced(text, index, key))
    comments = [line for n, line in enumerate(text.splitlines()) if line.startswith("# full") and n not in gone]
    assert [line for line in new.splitlines() if line.startswith("# full")] == comments

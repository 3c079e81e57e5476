"""The list of events and docs/events.md against what the daemon really logs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import tmaxd
from tmaxd.daemon.events import NO_EVENTS
from tmaxd.plan.actions import MemoryWord
from tmaxd.spec.event_names import MEANINGS
from tmaxd.spec.event_page import FIELDS, WORDS

DAEMON = Path(tmaxd.__file__).parent / "daemon"

LEVELS = {"info", "warning", "error", "level", "tell"}

OF_ITS_OWN = {"worker", "group", "reason"}
"""Not among the fields."""


def calls() -> Iterator[tuple[set[str], set[str]]]:
    """(names, keywords) of each line that the daemon's code writes to its log."""
    for path in DAEMON.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name == "Bursts":
                    yield constants(node.args[1]), {"count"}
                elif name in LEVELS and (names := constants(node.args[0])):
                    yield names, {word.arg for word in node.keywords if word.arg}


def constants(node: ast.expr) -> set[str]:
    """The names that an argument may be: `"hold" if held else "unhold"` is two."""
    if isinstance(node, ast.IfExp):
        return constants(node.body) | constants(node.orelse)
    if isinstance(node, ast.Attribute) and node.attr == "what":
        return set(get_args(MemoryWord))
    value = node.value if isinstance(node, ast.Constant) else None
    return {value} if isinstance(value, str) and value.isidentifier() else set()


LOGGED = [(name, keys) for names, keys in calls() for name in names if name not in NO_EVENTS]


def test_the_names_are_those_that_are_logged() -> None:
    assert {name for name, _ in LOGGED} == set(MEANINGS)


@pytest.mark.parametrize("name", sorted(MEANINGS))
def test_the_fields_are_those_that_are_logged(name: str) -> None:
    logged = {key for event, keys in LOGGED if event == name for key in keys} - OF_ITS_OWN
    assert logged <= set(FIELDS.get(name, ())), "what is logged is documented"
    through_bursts = {"why", "sample", "inbox"} if "count" in logged else set()
    assert set(FIELDS.get(name, ())) <= logged | through_bursts, "what is documented is logged"


def test_each_field_is_explained_once() -> None:
    assert set(WORDS) == {field for fields in FIELDS.values() for field in fields}

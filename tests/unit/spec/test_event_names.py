"""`on` may name every event that there is, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from tmaxd.daemon.events import NO_EVENTS
from tmaxd.plan.actions import MemoryWord
from tmaxd.plan.reasons import REASONS
from tmaxd.spec.event_names import EVENT, EVENTS, EVERY, KINDS, MEANINGS, hook_names

DAEMON = Path(__file__).parents[3] / "tmaxd" / "daemon"
LOGGERS = ("log", "_log")
LEVELS = ("info", "warning", "error")


def logged(tree: ast.AST) -> Iterator[str]:
    """The names of the events that a module logs."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args):
        function = call.func
        name = function.id if isinstance(function, ast.Name) else ""
        holder = function.value if isinstance(function, ast.Attribute) else None
        of = getattr(holder, "attr", getattr(holder, "id", ""))
        if (
            isinstance(function, ast.Attribute) and function.attr in LEVELS and of in LOGGERS
        ) or name in ("level", "tell"):
            yield from texts(call.args[0])
        elif name == "Bursts":
            yield from texts(call.args[1])


def texts(node: ast.expr) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
        elif isinstance(inner, ast.Attribute) and inner.attr == "what":
            yield from get_args(MemoryWord)


def test_they_are_those_that_the_daemon_logs() -> None:
    found = {
        name
        for path in DAEMON.rglob("*.py")
        for name in logged(ast.parse(path.read_text()))
        if "." not in name  # of Python's own logging
    }
    assert len(found) > 40
    assert found - NO_EVENTS == MEANINGS.keys()


def test_kinds_are_of_events_and_reasons_that_there_are() -> None:
    for kind, (event, reasons, meaning) in KINDS.items():
        assert kind not in MEANINGS
        assert event in MEANINGS
        assert reasons <= REASONS
        assert meaning.endswith(".")


@pytest.mark.parametrize(
    ("event", "reason", "names"),
    [
        ("ended", "crashed", ("ended", "worker_crashed", "*")),
        ("ended", "spec_changed", ("ended", "*")),
        ("started", "crashed", ("started", "*")),
    ],
)
def test_the_hooks_of_an_event(event: str, reason: str, names: tuple[str, ...]) -> None:
    assert hook_names(event, reason) == names


def test_the_pattern() -> None:
    for name in (*EVENTS, EVERY):
        assert re.search(EVENT, name)
    for name in ("", "end", "ended\n", "ended ", "**", "xended"):
        assert not re.search(EVENT, name)

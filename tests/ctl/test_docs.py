"""docs/status.md and the README against what there is."""

from __future__ import annotations

from typing import get_args

import msgspec

from tests.ctl.harness import ROOT
from tmaxd.ctl.awaiting import STATES
from tmaxd.ctl.main import VERBS
from tmaxd.ctl.render_orders import HOLDS
from tmaxd.daemon import conditions, limits_kept
from tmaxd.daemon.api.types import AwaitFor, Order, ReloadResult, SpecState, WorkerState

PAGE = (ROOT / "docs" / "status.md").read_text()


def test_every_word_of_the_status_is_explained() -> None:
    outcomes = next(f.type for f in msgspec.structs.fields(ReloadResult) if f.name == "outcome")
    words = {*get_args(WorkerState), *get_args(SpecState), *get_args(outcomes), *STATES}
    assert len(words) > 20
    assert not {word for word in words if f"| `{word}` |" not in PAGE}


def test_the_states_to_wait_for_are_those_of_the_api() -> None:
    assert set(STATES) == set(get_args(AwaitFor))


def test_every_order_is_explained() -> None:
    orders = set(get_args(msgspec.structs.fields(Order)[0].type))
    assert not {order for order in orders if f"`{order}`" not in PAGE}
    assert orders | {"wait", "why", "events", "history", "diff", "rollback"} <= set(VERBS)
    assert set(HOLDS) <= orders


def test_every_condition_is_explained() -> None:
    types = {*conditions.WORKER, *conditions.GROUP, *conditions.FLEET, limits_kept.KIND}
    assert not {name for name in types if f"| `{name}` |" not in PAGE}


def test_the_readme_names_every_verb() -> None:
    readme = (ROOT / "README.md").read_text()
    rare = {"schema", "completion", "reload", "unpin"}
    missing = {v for v in VERBS if f"tmaxctl {v}" not in readme and f"`{v}`" not in readme}
    assert missing <= rare

from __future__ import annotations

import re

import msgspec
import pytest

from tmaxd.spec.fields import CLASSES
from tmaxd.spec.fingerprint import drifted, fingerprint, shares
from tmaxd.spec.model import Group, Retry
from tmaxd.spec.supervision import (
    After,
    Health,
    Pool,
    Ready,
    Restart,
    Rollout,
    Stop,
)
from tmaxd.spec.units import Duration

BASE = Group(kind="task", argv=("a", "b"), cwd="/", env={"A": "1", "B": "2"})


def test_form() -> None:
    assert re.fullmatch(r"task:[0-9a-f]{8},env:[0-9a-f]{8},cwd:[0-9a-f]{8}", fingerprint(BASE))


def test_it_does_not_change_between_versions() -> None:
    """Workers outlive the daemon: a changed hash would replace every one of them after an upgrade."""
    assert fingerprint(BASE) == "task:0473ef2d,env:3eda2f06,cwd:df7e940f"


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"argv": ("a", "c")}, ("task",)),
        ({"argv": ("a b",)}, ("task",)),
        ({"env": {"A": "1"}}, ("env",)),
        ({"env": {"B": "2", "A": "1"}}, ()),
        ({"cwd": "/x", "env": {}}, ("env", "cwd")),
        ({"kind": "serve"}, ("serve", "task")),
        ({"count": 9}, ()),
        ({"stop": Stop(after=Duration(1)), "timeout": Duration(1), "window": 2}, ()),
        ({"retry": Retry(attempts=3)}, ()),
        ({"stop": Stop(keys=("C-c",), drain=Duration(1)), "restart": Restart(policy="never")}, ()),
        ({"ready": Ready(tcp="x:1"), "health": Health(output=Duration(60))}, ()),
        ({"after": (After(group="x"),), "rollout": Rollout(surge=1), "pool": Pool()}, ()),
        ({"balance": "sticky", "max_queue": 1, "expire": Duration(1), "lease": None}, ()),
        ({"layout": "shared"}, ("layout",)),
        ({"layout": "shared", "cwd": "/x"}, ("cwd", "layout")),
    ],
)
def test_drift_names_the_field(change: dict[str, object], fields: tuple[str, ...]) -> None:
    other = msgspec.structs.replace(BASE, **change)
    assert drifted(fingerprint(BASE), fingerprint(other)) == fields
    assert set(drifted(fingerprint(other), fingerprint(BASE))) == set(fields)


def test_it_tells_who_pulls_from_the_group_s_fifo() -> None:
    assert not shares(fingerprint(BASE))
    assert shares(fingerprint(msgspec.structs.replace(BASE, layout="shared")))
    assert not shares("layout")


def test_only_fields_of_the_class_when_idle_count() -> None:
    """`env_file` counts where there is one; `pipes.layout` is the layout of groups that do not say."""
    idle = {p.rpartition(".")[2] for p, c in CLASSES.items() if c == "when_idle"}
    assert idle - {"env_file"} == {"run", "serve", "task", "env", "cwd", "layout"}


@pytest.mark.parametrize(
    "text", ["", "x", "task:1a2b3c4d,", "task:1a2b3c4", "task 1", "task:1a2b3c4d env:1"]
)
def test_what_cannot_be_read_is_unknown(text: str) -> None:
    assert drifted(text, fingerprint(BASE)) == ("unknown",)
    assert drifted(fingerprint(BASE), text) == ("unknown",)

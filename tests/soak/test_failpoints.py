"""The fail points: which there are, and that a process dies at the n-th time that it reaches the one that is set."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.soak.field import VARIABLE, failpoints

NAMES = [
    "files.payload_after",
    "files.payload_before",
    "journal.after_commit",
    "journal.before_commit",
    "pipes.after_read",
    "pipes.after_send",
    "pipes.before_send",
    "pipes.take_back",
    "pipes.take_back_shared",
    "pool.after_folder",
    "pool.after_old_pipes",
    "pool.after_pipes",
    "pool.after_tmux",
    "processes.after_signal",
    "processes.before_signal",
    "tmux.after_launch",
    "tmux.before_launch",
]
REACHED = """
from tmaxd.world import failpoints
for name in ("one", "two", "one", "two"):
    print(name, flush=True)
    failpoints.hit(name)
"""


def test_what_the_code_names() -> None:
    assert failpoints() == NAMES


@pytest.mark.parametrize(
    ("setting", "reached", "status"),
    [
        ("one", ["one"], -signal.SIGKILL),
        ("two", ["one", "two"], -signal.SIGKILL),
        ("two:2", ["one", "two", "one", "two"], -signal.SIGKILL),
        ("one:3", ["one", "two", "one", "two"], 0),
        (None, ["one", "two", "one", "two"], 0),
    ],
)
def test_dies_where_and_when_it_is_told_to(
    setting: str | None, reached: list[str], status: int
) -> None:
    env = {k: v for k, v in os.environ.items() if k != VARIABLE}
    if setting is not None:
        env[VARIABLE] = setting
    done = subprocess.run(
        [sys.executable, "-c", REACHED],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout.split(), done.returncode) == (reached, status)

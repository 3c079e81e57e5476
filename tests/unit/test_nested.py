"""The environment of a daemon that is started from inside a worker."""

from __future__ import annotations

from tmaxd.daemon.environment import marks, owned
from tmaxd.nested import WORKER_MARKS, is_inside, outside
from tmaxd.testing.simulation import PLACES

ITS = marks(PLACES, "sim", "w", "w-1", "r1") | owned("a-b")


def test_none_of_a_worker_s_marks_is_left() -> None:
    assert ITS.keys() <= WORKER_MARKS
    assert is_inside(ITS)
    assert outside(ITS | {"TMAX_STATE_DIR": "/s", "A": "b"}) == {"TMAX_STATE_DIR": "/s", "A": "b"}


def test_elsewhere_nothing_is_taken_away() -> None:
    env = {"TMAX_FLEET": "the user's", "A": "b"}
    assert not is_inside(env)
    assert outside(env) == env

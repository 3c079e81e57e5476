"""Rows of the one look, good and bad."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.ports import Pane, Unknown
from tmaxd.world.tmux.panes import LIST_PANES, panes

GOOD = "$1\t%1\t4242\t0\t\t\t0\t1\t\tdemo\ta-1\tr1\tf1\ta-1"
DEAD = "$2\t%2\t4243\t1\t3\t\t2\t0\t\tdemo\ta-2\tr2\tf2\ta-2"
KILLED = "$3\t%3\t4244\t1\t\t9\t0\t0\t\tdemo\ta-3\tr3\tf3\ta-3"
ANCHOR = "$0\t%0\t4000\t0\t\t\t1\t0\t1\tdemo\t\t\t\ttmaxd"
FOREIGN = "$4\t%4\t4245\t0\t\t\t1\t0\t\t\t\t\t\tmy own\tname"


def test_every_field_has_its_place() -> None:
    assert panes([GOOD], "demo") == (
        Pane(
            session_id="$1",
            session="a-1",
            pane_id="%1",
            pid=4242,
            dead=False,
            status=None,
            signal=None,
            attached=0,
            piped=True,
            fleet="demo",
            worker="a-1",
            run="r1",
            fingerprint="f1",
        ),
    )
    dead, killed = panes([DEAD, KILLED], "demo")
    assert (dead.dead, dead.status, dead.signal, dead.attached) == (True, 3, None, 2)
    assert (killed.dead, killed.status, killed.signal) == (True, None, 9)
    assert LIST_PANES[-1].count("\t") == GOOD.count("\t")


def test_the_anchor_is_left_out_and_a_foreign_name_may_be_anything() -> None:
    (foreign,) = panes([ANCHOR, FOREIGN], "demo")
    assert foreign.session == "my own\tname"


@pytest.mark.parametrize(
    "row",
    [
        "",
        "hello",
        GOOD.rpartition("\t")[0],
        "$1\t%1\t4242",
        "$1\t%1\t4242\t0\t\t\t0\t1\t\tdemo",
        GOOD.replace("4242", ""),
        GOOD.replace("%1", "1"),
        DEAD.replace("\t3\t", "\tx\t"),
    ],
)
def test_a_row_that_cannot_be_read_makes_the_whole_look_unknown(row: str) -> None:
    with pytest.raises(Unknown):
        panes([KILLED, row, DEAD], "demo")


def test_a_row_torn_by_somebody_elses_label_is_left_out() -> None:
    torn = ["$5\t%5\t1\t0\t\t\t0\t0\t\tothers\ta", "b\tr\tf\tname"]
    assert [pane.worker for pane in panes([GOOD, *torn, DEAD], "demo")] == ["a-1", "a-2"]


def test_a_row_torn_by_a_label_of_ours_is_not() -> None:
    with pytest.raises(Unknown):
        panes([GOOD, "$5\t%5\t1\t0\t\t\t0\t0\t\tdemo\ta", "b\tr\tf\tname", DEAD], "demo")


@given(st.lists(st.integers(0, len(GOOD) - 1), max_size=3), st.text(max_size=3))
def test_a_damaged_row_is_read_or_unknown_but_never_another_error(
    places: list[int], text: str
) -> None:
    row = GOOD
    for place in places:
        row = row[:place] + text + row[place + 1 :]
    try:
        found = panes([row, DEAD], "demo")
    except Unknown:
        return
    assert found[-1].worker == "a-2"

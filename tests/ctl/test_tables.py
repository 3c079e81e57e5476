"""Tables: aligned, and as wide as the terminal at most."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tmaxd.ctl.tables import ALWAYS, Column, table
from tmaxd.ctl.text import colour, columns_of

COLUMNS = (
    Column("NAME"),
    Column("N", keep=2, right=True),
    Column("WHY", keep=1),
    Column("NOTE", keep=5, elastic=True),
)

ROW = ["a", "1", "because", "a note that is long"]


def test_columns_are_aligned_and_cells_made_clean() -> None:
    assert table(COLUMNS, [ROW, ["漢\n", "1,000", "x", "y"]]) == [
        "NAME      N  WHY      NOTE",
        "a         1  because  a note that is long",
        "漢\\n  1,000  x        y",
    ]


def test_the_least_important_columns_go_first() -> None:
    assert table(COLUMNS, [ROW], width=36)[1] == "a     1  because  a note that is lo…"
    assert table(COLUMNS, [ROW], width=33)[1] == "a     1  a note that is long"
    assert table(COLUMNS, [ROW], width=25)[1] == "a     1  a note that is …"
    assert table(COLUMNS, [ROW], width=24)[1] == "a     a note that is lo…"
    assert table(COLUMNS, [ROW], width=12)[1] == "a"


def test_what_must_stay_is_cut_when_nothing_else_helps() -> None:
    assert table([Column("A"), Column("B")], [["x" * 30, "y"]], width=12) == [
        "A          B",
        "xxxxxxxx…  y",
    ]


def test_a_path_is_cut_at_its_front() -> None:
    columns = [Column("P", path=True, elastic=True)]
    assert table(columns, [["/run/user/1000/x.pipe"]], width=18)[1] == "…/user/1000/x.pipe"


def test_the_text_is_painted_and_not_the_gap() -> None:
    shown = table([Column("S"), Column("N")], [[("red", "dead"), "x"]], paint=colour)
    assert shown[1] == "\x1b[31mdead\x1b[0m  x"


@given(
    st.lists(
        st.tuples(st.integers(1, ALWAYS), st.booleans(), st.integers(0, 40)),
        min_size=1,
        max_size=8,
    ),
    st.integers(40, 80),
)
def test_no_line_is_wider_than_the_terminal(shape: list[tuple[int, bool, int]], width: int) -> None:
    columns = [Column("T", keep, elastic=elastic) for keep, elastic, _ in shape]
    rows = [["x" * size for _, _, size in shape]]
    assert all(columns_of(line) <= width for line in table(columns, rows, width=width))

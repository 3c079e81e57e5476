"""Circles in a graph: none is missed, and none is made up."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tmaxd.spec.circles import circles

GRAPHS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3), max_size=3),
)
Graph = dict[str, dict[str, int]]


def ends(graph: Graph) -> bool:
    """No way through it goes on for ever: what leads nowhere can be taken away until nothing is left."""
    left = {node: set(ways) for node, ways in graph.items() if ways}
    while True:
        dead_ends = [node for node, ways in left.items() if not ways & left.keys()]
        if not dead_ends:
            return not left
        for node in dead_ends:
            del left[node]


@given(GRAPHS)
def test_each_is_a_circle_once(graph: Graph) -> None:
    found = list(circles(graph))
    for nodes, label in found:
        assert nodes[0] == nodes[-1]
        assert len(set(nodes)) == len(nodes) - 1
        assert all(target in graph[source] for source, target in pairwise(nodes))
        assert graph[nodes[-2]][nodes[-1]] == label
    assert len({nodes[-2:] for nodes, _ in found}) == len(found)


@given(GRAPHS)
def test_there_is_one_unless_every_way_ends(graph: Graph) -> None:
    assert (not list(circles(graph))) == ends(graph)


@given(GRAPHS)
def test_without_the_closing_steps_every_way_ends(graph: Graph) -> None:
    cut = {node: dict(ways) for node, ways in graph.items()}
    for nodes, _ in circles(graph):
        del cut[nodes[-2]][nodes[-1]]
    assert ends(cut)


def test_a_long_chain() -> None:
    chain = {str(i): {str(i + 1): i} for i in range(50_000)}
    assert list(circles(chain)) == []
    ((nodes, label),) = circles(chain | {"50000": {"0": -1}})
    assert (len(nodes), label) == (50_002, -1)

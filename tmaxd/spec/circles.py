"""Circles in a graph. Knows nothing of what the graph is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


def circles(graph: Mapping[str, Mapping[str, T]]) -> Iterator[tuple[tuple[str, ...], T]]:
    """Node to next node to label. Some circles, none if there is none: each as its nodes with the first one again at
    the end, and the label of the step that closes it. Without these steps there would be no circle left."""
    done: set[str] = set()
    for root in graph:
        if root not in done:
            yield from _below(graph, root, done)


def _below(
    graph: Mapping[str, Mapping[str, T]], root: str, done: set[str]
) -> Iterator[tuple[tuple[str, ...], T]]:
    """Depth first, and without recursion: a chain may be as long as the file allows."""
    way = {root: 0}
    ahead = [iter(graph.get(root, {}).items())]
    while ahead:
        for node, label in ahead[-1]:
            if node in way:
                yield (*list(way)[way[node] :], node), label
            elif node not in done:
                way[node] = len(way)
                ahead.append(iter(graph.get(node, {}).items()))
                break
        else:
            ahead.pop()
            done.add(way.popitem()[0])

"""A YAML document as nodes that know their place. Aliases share nodes; nothing is expanded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from tmaxd.spec.source import Mark

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from the root of one file."""


class Scalar(msgspec.Struct):
    mark: Mark
    text: str
    plain: bool
    """Written without quotes, so it may be a number, a boolean or null."""
    size: int = 1
    depth: int = 0


class Items(msgspec.Struct):
    mark: Mark
    nodes: list[Node] = []
    size: int = 1
    """Nodes in it, itself included, with every alias counted as what it stands for."""
    depth: int = 1
    """Levels of nesting, likewise."""


class Entry(msgspec.Struct):
    mark: Mark
    """Of the key."""
    node: Node


class Table(msgspec.Struct):
    mark: Mark
    entries: dict[str, Entry] = {}
    size: int = 1
    depth: int = 1


Node: TypeAlias = Scalar | Items | Table


def find(root: Node, path: Sequence[str | int], *, key: bool = False) -> Mark:
    """Where the value of a path stands (`key`: its key). Of a path that leads nowhere, the place of the
    last part that is there; of an empty value, the place of its key."""
    node, at, whole = root, root.mark, True
    for part in path:
        if isinstance(node, Table) and isinstance(part, str) and part in node.entries:
            at, node = node.entries[part].mark, node.entries[part].node
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.nodes):
            node = node.nodes[part]
            at = node.mark
        else:
            whole = False
            break
    empty = isinstance(node, Scalar) and node.plain and not node.text
    return at if key or empty or not whole else node.mark

"""YAML text to nodes, from the parser's events.

Not PyYAML's own composer: that one recurses (a deep file ends the process), keeps no place of a key
that it drops, and lets a later duplicate key win in silence. Here every bound is checked while the
events come, so a bomb costs no more than its text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import yaml

from tmaxd.spec.problems import Problem, dotted, show
from tmaxd.spec.source import Broken, Mark, Source
from tmaxd.spec.tree import Entry, Items, Node, Scalar, Table

MAX_NODES = 100_000
"""Values in a file with every alias expanded. A fleet of 1,000 groups with twenty keys each has a third
of it; a bomb passes it at once."""

MAX_DEPTH = 50
"""Levels of nesting; the format itself needs six."""

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where PyYAML was built with it; 8 times as fast. Only its events are used."""
_STRING_TAGS = ("!", "tag:yaml.org,2002:str")
_TABLE_TAGS = ("!", "tag:yaml.org,2002:map")
_ITEMS_TAGS = ("!", "tag:yaml.org,2002:seq")


def compose(source: Source, report: Callable[[Problem], None]) -> Node:
    """The document's root. Duplicate keys and the like go to `report`; what leaves no tree raises
    Broken."""
    composer = _Composer(source, report)
    try:
        parser = _Parser(source.text)
        while composer.take(parser.get_event()):
            pass
    except yaml.MarkedYAMLError as error:
        raise Broken(_explain(source, error)) from None
    except yaml.YAMLError as error:
        raise Broken(source.top.problem("", f"not valid YAML: {error}")) from None
    if composer.root is None:
        raise Broken(source.top.problem("", "the file is empty; a spec begins with `version: 1`"))
    return composer.root


class _Open(msgspec.Struct):
    """A list or mapping whose end has not come."""

    node: Items | Table
    anchor: str | None
    key: Scalar | None = None
    merges: list[tuple[Mark, Node]] | None = None


class _Composer:
    def __init__(self, source: Source, report: Callable[[Problem], None]) -> None:
        self.root: Node | None = None
        self._source = source
        self._report = report
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._count = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> bool:
        """One event; False after the last."""
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.SequenceStartEvent():
                self._open(event, Items(self._mark(event)), _ITEMS_TAGS)
            case yaml.MappingStartEvent():
                self._open(event, Table(self._mark(event)), _TABLE_TAGS)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise self._broken(event, "a second document; a file holds only one")
        return not isinstance(event, yaml.StreamEndEvent)

    def _mark(self, event: yaml.Event) -> Mark:
        mark = event.start_mark
        return Mark(self._source, mark.line, mark.column) if mark else self._source.top

    def _broken(self, event: yaml.Event, message: str) -> Broken:
        return Broken(self._mark(event).problem("", message))

    def _tagged(self, event: yaml.NodeEvent, known: tuple[str, ...]) -> bool:
        tag: str | None = getattr(event, "tag", None)
        if tag is not None and tag not in known:
            message = f"the tag {show(tag)} means nothing here; write the value without it"
            raise self._broken(event, message)
        return tag is not None

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        quoted = self._tagged(event, _STRING_TAGS)
        plain = not event.style and not quoted
        node = Scalar(self._mark(event), event.value, plain)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._put(event, node)

    def _open(self, event: yaml.NodeEvent, node: Items | Table, known: tuple[str, ...]) -> None:
        self._tagged(event, known)
        if self._stack:
            holder = self._stack[-1]
            if isinstance(holder.node, Table) and holder.key is None:
                raise self._broken(event, "a key must be plain text, not a list or a mapping")
        if len(self._stack) >= MAX_DEPTH:
            raise self._broken(event, f"nested deeper than {MAX_DEPTH} levels, the limit")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(node, event.anchor))

    def _close(self) -> None:
        done = self._stack.pop()
        if done.merges and isinstance(done.node, Table):
            for mark, node in done.merges:
                self._merge(done.node, mark, node)
        if done.anchor is not None:
            self._anchors[done.anchor] = done.node
        self._put(None, done.node)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            raise self._broken(event, f"no anchor `&{event.anchor}` stands above this alias")
        node = self._anchors[event.anchor]
        if node is None:
            raise self._broken(event, f"`*{event.anchor}` stands inside `&{event.anchor}` itself")
        if len(self._stack) + node.depth > MAX_DEPTH:
            raise self._broken(event, f"nested deeper than {MAX_DEPTH} levels, the limit")
        self._put(event, node)

    def _put(self, event: yaml.NodeEvent | None, node: Node) -> None:
        """Hand a finished node to what holds it. `event` None: a list or mapping that just ended."""
        mark = node.mark if event is None else self._mark(event)
        self._count += 1
        if not self._stack:
            self.root = node
            return
        holder = self._stack[-1]
        self._grow(holder, node, mark)
        if isinstance(holder.node, Items):
            holder.node.nodes.append(node)
        elif holder.key is None:
            if not isinstance(node, Scalar):
                raise Broken(mark.problem("", "a key must be plain text, not a list or a mapping"))
            holder.key = Scalar(mark, node.text, node.plain)
        else:
            self._enter(holder, holder.node, holder.key, node)
            holder.key = None

    def _grow(self, holder: _Open, node: Node, mark: Mark) -> None:
        holder.node.size += node.size
        holder.node.depth = max(holder.node.depth, node.depth + 1)
        if holder.node.size > MAX_NODES or self._count > MAX_NODES:
            message = f"more than {MAX_NODES:,} values with all aliases expanded, the limit"
            raise Broken(mark.problem("", message))

    def _enter(self, holder: _Open, table: Table, key: Scalar, node: Node) -> None:
        first: Mark | None = None
        if key.plain and key.text == "<<":
            if holder.merges:
                first = holder.merges[0][0]
            else:
                holder.merges = [(key.mark, node)]
        elif key.text in table.entries:
            first = table.entries[key.text].mark
        else:
            table.entries[key.text] = Entry(key.mark, node)
        if first is not None:
            message = f"a duplicate; the key stands first in line {first.line + 1}"
            path = [f.key.text if f.key else len(getattr(f.node, "nodes", ())) for f in self._stack]
            self._report(key.mark.problem(dotted(path), message))

    def _merge(self, table: Table, mark: Mark, node: Node) -> None:
        """`<<`: keys that the mapping does not have itself; of several sources the first one wins
        (yaml.org/type/merge)."""
        sources = node.nodes if isinstance(node, Items) else [node]
        for source in sources:
            if not isinstance(source, Table):
                message = "`<<` takes a mapping or a list of mappings"
                self._report(mark.problem("<<", message))
                return
            for name, entry in source.entries.items():
                table.entries.setdefault(name, entry)


def _explain(source: Source, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    unclosed = "quoted scalar" in (error.context or "") and "unexpected" in (error.problem or "")
    if unclosed and error.context_mark:
        mark = error.context_mark
    place = Mark(source, mark.line, mark.column) if mark else source.top
    line = source.lines[place.line] if place.line < len(source.lines) else ""
    problem = (error.problem or error.context or "unknown error").strip()
    if unclosed:
        hint = "a quote that is never closed"
    elif "nesting depth" in problem:  # libyaml 0.2.6 counts before it gives the first event
        return place.problem("", f"nested deeper than {MAX_DEPTH} levels, the limit")
    elif line[place.column : place.column + 1] == "\t":
        hint = "a tab stands where YAML takes only spaces"
    elif line[max(place.column - 1, 0) : place.column + 1] == "${":
        hint = 'inside `[…]` and `{…}` a reference needs quotes, as in `"${VAR}"`'
    elif "mapping values are not allowed" in problem:
        hint = "a `:` where no key may stand; look at the indentation, or put the text in quotes"
    elif "did not find expected key" in problem or "but found '<block" in problem:
        hint = "the indentation does not fit the lines above"
    elif "expected alphabetic or numeric" in problem:
        sign = show(line[max(place.column - 1, 0) : place.column])
        hint = f"{sign} at the beginning means something to YAML; put the text in quotes"
    elif "cannot start any token" in problem:
        hint = f"text may not begin with {show(line[place.column : place.column + 1])}; quote it"
    else:
        hint = problem
    return place.problem("", f"not valid YAML: {hint}")

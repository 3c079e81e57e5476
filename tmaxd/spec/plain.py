"""Nodes to plain data: references expanded, `x-…` keys dropped, paths made absolute.

What a scalar becomes depends on where it stands (`shapes`). In argv and env it is the text as written (`1.10`
stays `1.10`), in path fields a path, elsewhere YAML 1.2's null, booleans and decimal integers are told from
text. Fractions are numbers only where one may stand; elsewhere `1.5` is text and its field says what it wants.
`~` is never null here: in this format it is the home folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TypeAlias

import msgspec

from tmaxd.spec.expand import TooLong, Trouble, expand
from tmaxd.spec.problems import Problem, dotted
from tmaxd.spec.shapes import FILE, Keys, Leaf, Many, Mixed, Names, Shape
from tmaxd.spec.source import Broken, Mark
from tmaxd.spec.tree import Items, Node, Path, Scalar, Table

Data: TypeAlias = "bool | int | float | str | list[Data] | dict[str, Data] | None"

MAX_TEXT = 4 * 1024 * 1024
"""Characters of all values of a file after expansion; aliases and references multiply text."""

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"-?[0-9]{0,9}\.[0-9]{1,9}")
_NULLS = ("", "null", "Null", "NULL")
_BOOLEANS = {"true": True, "True": True, "TRUE": True} | {
    "false": False,
    "False": False,
    "FALSE": False,
}


class Plainer(msgspec.Struct):
    """Turns the nodes of one file into data. What is wrong on the way goes to `report`, and the value
    stays as it is written, so that the rest can still be checked."""

    env: Mapping[str, str]
    home: str
    report: Callable[[Problem], None]
    troubled: set[Path] = set()
    """Where a reference has no value."""
    _left: int = MAX_TEXT

    def data(self, node: Node, shape: Shape = FILE, path: Path = ()) -> Data:
        """Raises Broken when the text passes MAX_TEXT."""
        if isinstance(node, Scalar):
            leaf: Leaf = shape if isinstance(shape, str) else "value"
            return self._scalar(node, shape.leaf if isinstance(shape, Mixed) else leaf, path)
        if isinstance(node, Items):
            item: Shape = shape if isinstance(shape, str | Mixed) else "value"
            if isinstance(shape, Many):
                item = shape.each
            return [self.data(n, item, (*path, i)) for i, n in enumerate(node.nodes)]
        return self._table(node, shape, path)

    def _table(self, table: Table, shape: Shape, path: Path) -> Data:
        data: dict[str, Data] = {}
        if isinstance(shape, Mixed):
            shape = shape.keys
        for key, entry in table.entries.items():
            inner: Shape = "value"
            if isinstance(shape, Keys):
                if key.startswith("x-"):
                    continue
                inner = shape.keys.get(key, "value")
            elif isinstance(shape, Names):
                inner = shape.each
            self._spend(len(key), entry.mark, path)
            data[key] = self.data(entry.node, inner, (*path, key))
        return data

    def _scalar(self, node: Scalar, leaf: Leaf, path: Path) -> Data:
        try:
            text, troubles = expand(node.text, self.env, self._left)
        except TooLong:
            raise self._too_much(node.mark, path) from None
        for trouble in troubles:
            self.troubled.add(path)
            self._report_reference(node, trouble, path)
        self._spend(len(text), node.mark, path)
        if node.plain and node.text in _NULLS:
            return None
        if leaf in ("value", "number") and node.plain:
            fraction = leaf == "number" and _FRACTION.fullmatch(text)
            return float(text) if fraction else typed(text)
        if leaf in ("path", "glob"):
            last = "/" if leaf == "glob" and text.endswith("/") else ""
            text = self._absolute(text, node.mark) + last
        self._check_text(text, node.mark, path)
        return text

    def _absolute(self, text: str, mark: Mark) -> str:
        if text == "~" or text.startswith("~/"):
            return str(PurePosixPath(self.home or "/", text[2:]))
        return str(PurePosixPath(mark.source.path.parent, text))

    def _spend(self, characters: int, mark: Mark, path: Path) -> None:
        self._left -= characters
        if self._left < 0:
            raise self._too_much(mark, path)

    def _too_much(self, mark: Mark, path: Path) -> Broken:
        message = f"more than {MAX_TEXT:,} characters after expansion, the limit"
        return Broken(mark.problem(dotted(path), message))

    def _check_text(self, text: str, mark: Mark, path: Path) -> None:
        if "\0" in text:
            message = "a NUL character, which no argument, variable or path can hold"
            self.report(mark.problem(dotted(path), message))
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                message = "the value is not valid Unicode text after expansion"
                self.report(mark.problem(dotted(path), message))

    def _report_reference(self, node: Scalar, trouble: Trouble, path: Path) -> None:
        mark = node.mark
        lines = mark.source.lines
        line = lines[mark.line] if mark.line < len(lines) else ""
        column = line.find(trouble.text, mark.column)
        if column >= 0:
            mark = mark._replace(column=column)
        from difflib import get_close_matches  # 6 ms that only a mistake should cost

        close = get_close_matches(trouble.unset, self.env, 1) if trouble.unset else []
        nearest = f"${{{close[0]}}}" if close else None
        self.report(mark.problem(dotted(path), trouble.message, nearest=nearest))


def typed(text: str) -> Data:
    """What a plain scalar is. Integers of more than 18 digits and with leading zeros (octal in YAML 1.1,
    decimal in 1.2) stay text, which no field takes."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text in _NULLS[1:]:
        return None
    return int(text) if _INTEGER.fullmatch(text) else text

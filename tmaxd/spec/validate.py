"""Is the data of one file what the format allows? Typed at once when it is; when not, every mistake is
found and put aside, so that the rest can still be checked.

The quick way (msgspec) decides; the slow one (jsonschema, 75 ms to import) only explains. A property
test shows that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import cast

import msgspec

from tmaxd.spec.file_model import PartFile, SpecFile
from tmaxd.spec.plain import Data
from tmaxd.spec.problems import Problem
from tmaxd.spec.tree import Node, Path
from tmaxd.spec.values import decode


def typed(data: Data, model: type[PartFile]) -> PartFile:
    """Raises msgspec.ValidationError."""
    return msgspec.convert(data, model, dec_hook=decode)


def validate(
    data: Data,
    root: Node,
    model: type[PartFile],
    report: Callable[[Problem], None],
    known: Collection[Path] = (),
) -> PartFile | None:
    """The file, without what is wrong in it. None when nothing can be kept. What is wrong at `known`
    places is reported already."""
    try:
        return typed(data, model)
    except msgspec.ValidationError as error:
        from tmaxd.spec.explain import explain  # imports jsonschema

        wrong = explain(data, root, model, report, known)
        if not wrong:  # the two disagree: still a refusal, in msgspec's words
            report(root.mark.problem("", str(error)))
            return None
    if not isinstance(data, dict):
        return None
    kept = cast("dict[str, Data]", without(data, wrong))
    if model is SpecFile:
        kept = {k: v for k, v in kept.items() if k not in ("version", "fleet")}
    try:
        return typed(kept, PartFile)
    except msgspec.ValidationError:
        return None


def without(data: Data, wrong: set[Path], path: Path = ()) -> Data:
    """A copy that lacks what stands at these paths; a list lacks none of its items, it is whole or not
    there."""
    if isinstance(data, dict):
        return {
            key: without(value, wrong, (*path, key))
            for key, value in data.items()
            if (*path, key) not in wrong
        }
    return data

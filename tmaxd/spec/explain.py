"""Every mistake of a file, in our words: jsonschema finds them, this says what was wanted instead."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError

from tmaxd.spec.event_names import EVENTS
from tmaxd.spec.file_model import PartFile
from tmaxd.spec.plain import Data
from tmaxd.spec.problems import MAX_PROBLEMS, Problem, dotted, show
from tmaxd.spec.schema import KINDS, checker
from tmaxd.spec.suggest import closest, suggest, suggest_name
from tmaxd.spec.tree import Node, Path, find
from tmaxd.spec.wording import NAMES, choices, found, wanted

_LOOK_AT = 10 * MAX_PROBLEMS
"""Errors that are put in order; jsonschema finds them in the order of sets."""


def explain(
    data: Data,
    root: Node,
    model: type[PartFile],
    report: Callable[[Problem], None],
    known: Collection[Path] = (),
) -> set[Path]:
    """Report each mistake but those at `known` places; the paths of all that has to be left out for the
    rest to be sound."""
    explainer = _Explainer(root, checker(model), report, known)
    validator = Draft202012Validator(explainer.schema)
    errors = [
        leaf for error in islice(validator.iter_errors(data), _LOOK_AT) for leaf in _leaves(error)
    ]
    for error in sorted(errors, key=explainer.order)[: MAX_PROBLEMS + 1]:
        explainer.say(error)
    return explainer.wrong


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Of a choice (`anyOf`), the errors of the branch that was meant: the one whose type fits."""
    if error.validator != "anyOf":
        yield error
        return
    if all(map(_is_plain, _schema(error)["anyOf"])):
        yield error  # one value: all branches together say what it may be
        return
    branches: dict[int, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(int(inner.schema_path[0]), []).append(inner)
    for inners in branches.values():
        if not any(i.validator == "type" and not i.path for i in inners):
            for inner in inners:
                yield from _leaves(inner)
            return
    yield error


def _is_plain(branch: dict[str, Any]) -> bool:
    return "$ref" not in branch and branch.get("type") not in ("array", "object")


def _schema(error: ValidationError) -> dict[str, Any]:
    return cast("dict[str, Any]", error.schema)


def _keys(error: ValidationError) -> list[str]:
    return list(cast("dict[str, Data]", error.instance))


class _Explainer:
    def __init__(
        self,
        root: Node,
        schema: dict[str, Any],
        report: Callable[[Problem], None],
        known: Collection[Path],
    ) -> None:
        self.schema = schema
        self._known = known
        self._said = 0
        self.wrong: set[Path] = set()
        self._root = root
        self._report = report

    def order(self, error: ValidationError) -> tuple[int, int, str, str]:
        mark = find(self._root, tuple(error.absolute_path))
        return mark.line, mark.column, dotted(error.absolute_path), error.message

    def say(self, error: ValidationError) -> None:
        path: Path = tuple(error.absolute_path)
        rule = str(error.validator)
        if list(error.schema_path)[-2:-1] == ["propertyNames"]:
            self._bad_name(path, str(error.instance))
            return
        say = {
            "additionalProperties": self._unknown_keys,
            "required": self._missing_keys,
            "oneOf": self._kinds,
        }.get(rule, self._bad_value)
        say(path, error)

    def _put(
        self,
        path: Path,
        message: str,
        *,
        key: bool = False,
        allowed: str | None = None,
        nearest: str | None = None,
    ) -> None:
        self._said += 1
        mark = find(self._root, path, key=key)
        self._report(mark.problem(dotted(path), message, allowed, nearest))

    def _leave_out(self, path: Path) -> None:
        """Items of a list go with the list."""
        first = next((i for i, part in enumerate(path) if isinstance(part, int)), len(path))
        kept = path[:first]
        if len(kept) == 3 and kept[0] == "workers" and kept[2] in KINDS:
            kept = kept[:2]  # without its argv a group is none
        if kept[:1] in (("on",), ("pool",)):
            kept = kept[
                : 1 + (kept[0] == "on")
            ]  # nor a hook without its command, or a pool of no group
        if len(kept) == 4 and kept[:2] in (("pipes", "inboxes"), ("pipes", "outboxes")):
            kept = kept[:3]  # nor is a box that leads nowhere
        self.wrong.add(kept)

    def _bad_value(self, path: Path, error: ValidationError) -> None:
        self._leave_out(path)
        if path in self._known:
            return
        if error.validator in ("minItems", "maxItems"):
            bound = error.validator_value
            few = error.validator == "minItems"
            message = "the list is empty" if few else f"more than {bound} entries, the limit"
            self._put(path, message)
            return
        schema = _schema(error)
        want = wanted(schema, self.schema)
        number = any(choice.get("type") == "integer" for choice in choices(schema, self.schema))
        self._put(
            path,
            f"expected {want}, found {found(error.instance, number=number)}",
            nearest=suggest(error.instance, schema, self.schema),
        )

    def _bad_name(self, path: Path, name: str) -> None:
        self._leave_out((*path, name))
        if path == ("on",):
            self._no_event(name)
            return
        what, allowed = NAMES[str(path[-1])]
        if what == "variable" and name.startswith("TMAX_"):
            message = "names that begin with TMAX_ are set by tmaxd itself"
            self._put((*path, name), message, key=True)
            return
        self._put(
            (*path, name),
            f"{show(name)} cannot be the name of {'an' if what.endswith('box') else 'a'} {what}",
            key=True,
            allowed=allowed,
            nearest=suggest_name(name, what),
        )

    def _no_event(self, name: str) -> None:
        allowed = "the names in docs/spec.md, or `*` for every event"
        near = closest(name, EVENTS)
        message = f"there is no event {show(name)}"
        self._put(("on", name), message, key=True, allowed=allowed, nearest=near)

    def _unknown_keys(self, path: Path, error: ValidationError) -> None:
        known = sorted(_schema(error)["properties"])
        for name in _keys(error):
            if name in known:
                continue
            if self._said > MAX_PROBLEMS:
                return
            self._leave_out((*path, name))
            if name == "fleet" and not path:
                message = "stands only in the main file, not in one that is included"
                self._put((name,), message, key=True)
                continue
            self._put(
                (*path, name),
                "unknown key",
                key=True,
                allowed=", ".join(known),
                nearest=closest(name, known),
            )

    def _missing_keys(self, path: Path, error: ValidationError) -> None:
        self._leave_out(path)
        for name in _schema(error)["required"]:
            if name not in _keys(error):
                self._put(path, f"the key `{name}` is missing", key=True)

    def _kinds(self, path: Path, error: ValidationError) -> None:
        self._leave_out(path)
        if not isinstance(error.instance, dict):
            return  # reported as such
        keys = _keys(error)
        given = [key for key in keys if key in KINDS]
        if given:
            message = f"`{given[0]}` stands here too; a group has only one of run, serve and task"
            self._put((*path, given[1]), message, key=True)
        else:
            message = "does not say what its workers are; a group has one of run, serve and task"
            near = [k for k in (closest(key, KINDS) for key in keys) if k]
            self._put(path, message, key=True, nearest=near[0] if near else None)

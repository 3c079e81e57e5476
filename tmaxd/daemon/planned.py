"""An action of the plan as the API shows it: with the key of the spec that causes it; and the changes of the spec
that need no action. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET

from tmaxd.daemon.api.types import PlannedAction, PlannedSetting, PlannedWait
from tmaxd.plan import actions as a
from tmaxd.plan.draft import split
from tmaxd.plan.preview import Left
from tmaxd.spec.diff import Change
from tmaxd.spec.model import Spec

FIFOS: Mapping[type[a.Action], str] = {
    a.AddInbox: "pipes.inboxes.{}",
    a.RemoveInbox: "pipes.inboxes.{}",
    a.AddOutbox: "pipes.outboxes.{}",
    a.RemoveOutbox: "pipes.outboxes.{}",
    a.AddShared: "workers.{}.layout",
    a.RemoveShared: "workers.{}.layout",
}
"""Actions on what is no single worker's, and the key that each follows."""

COUNTED = frozenset({"added", "scaled_down", "group_removed"})
"""Reasons that come from which groups there are and from their counts."""

LONGEST = 80
"""Characters of a value that is shown."""

SECONDS = frozenset({"timeout", "expire", "lease", "after", "first", "max"})
"""Keys whose numbers are lengths of time."""


def planned(action: a.AnyAction, before: Spec, after: Spec) -> PlannedAction:
    """`before` is in force, `after` what is planned for."""
    fifo = FIFOS.get(type(action))
    group = action.worker if fifo else split(action.worker)[0]
    key, detail = fifo.format(group) if fifo else None, ""
    if isinstance(action, a.Start | a.Stop) and action.fields == ("unknown",):
        key = f"workers.{group}"  # what it was started with cannot be read
    elif isinstance(action, a.Start | a.Stop) and action.fields:
        key = ", ".join(f"workers.{group}.{field}" for field in action.fields)
    elif not fifo and action.reason in COUNTED:
        key, detail = _count(group, before, after)
    return PlannedAction(
        action=str(type(action).__struct_config__.tag),
        worker=None if fifo else action.worker,
        group=group,
        reason=action.reason,
        field=key,
        detail=detail,
    )


def _count(name: str, before: Spec, after: Spec) -> tuple[str | None, str]:
    """(the key that differs, how); none where the plan only does what is in force already."""
    old, new = before.workers.get(name), after.workers.get(name)
    if old is None or new is None:
        return (None if old is new else f"workers.{name}"), ""
    if old.count == new.count:
        return None, ""
    return f"workers.{name}.count", f"count {old.count} → {new.count}"


def waiting(left: Left) -> PlannedWait:
    group = split(left.worker)[0]
    return PlannedWait(
        worker=left.worker,
        reason=left.reason,
        field=", ".join(f"workers.{group}.{field}" for field in left.fields) or None,
        why=left.why,
    )


def settings(
    changes: Iterable[Change], actions: Sequence[PlannedAction | PlannedWait]
) -> tuple[PlannedSetting, ...]:
    """Of the changes of a spec those that none of the actions carries out, or would."""
    carried = {key for action in actions for key in (action.field or "").split(", ") if key}
    return tuple(
        PlannedSetting(
            key=change.key,
            change=_kind(change),
            old=_text(change.key, change.old),
            new=_text(change.key, change.new),
            effect=_effect(change),
        )
        for change in changes
        if not any(change.key == key or change.key.startswith(f"{key}.") for key in carried)
    )


def _kind(change: Change) -> Literal["added", "removed", "changed"]:
    if change.old is UNSET:
        return "added"
    return "removed" if change.new is UNSET else "changed"


def _effect(change: Change) -> Literal["at_once", "next_start"]:
    """A window that gets smaller is one that the daemon keeps to by itself; a larger one the worker must know of."""
    old, new = change.old, change.new
    smaller = isinstance(old, int) and isinstance(new, int) and new < old
    live = change.field_class == "live" or (change.key.endswith(".window") and smaller)
    return "at_once" if live else "next_start"


def _text(key: str, value: object) -> str | None:
    """As the file would have it. What has no action though it is of a group that comes or goes has no workers."""
    path = key.split(".")
    hidden = "env" in path[2:3] or path[2:] == ["env_file", "contents"]
    if value is UNSET or isinstance(value, dict) or hidden:
        return None
    if path[-1] in SECONDS and isinstance(value, int | float):
        return f"{value * 1000:.10g}ms" if value < 1 else f"{value:.10g}s"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST else None

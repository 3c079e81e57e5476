"""An action of the plan as the API shows it: with the key of the spec that causes it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tmaxd.daemon.api.types import PlannedAction
from tmaxd.plan import actions as a
from tmaxd.plan.draft import split
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

"""A session that becomes another worker's, as command lists. Pure."""

from __future__ import annotations

from tmaxd.ports import Handover
from tmaxd.world.tmux.quoting import CommandList, append_to, literal


def taking_over(item: Handover) -> list[CommandList]:
    """Each step is a list of its own, since one that fails says nothing against the others: the label, by which the
    session is known, does not depend on the log or the name."""
    steps: list[CommandList] = [
        [("set-option", "-t", item.session_id, "@tmax_worker", item.worker)],
        [("pipe-pane", "-t", item.pane_id, append_to(item.log))],
        [("rename-session", "-t", item.session_id, literal(item.worker))],
    ]
    if item.former is not None:
        steps.insert(0, [("kill-session", "-t", item.former)])
    return steps

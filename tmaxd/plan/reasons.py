"""The fixed words that every action and state carries. Status, events and the docs use them as they are."""

from __future__ import annotations

from typing import Literal, get_args

Reason = Literal[
    "added",  # the spec wants it and it was never there
    "missing",  # it should be there and is not
    "adopted",  # it was running when this daemon started
    "crashed",  # it ended by itself, with a failure
    "exited",  # it ended by itself, in a way that counts as success (status 0, unless the spec says otherwise)
    "start_failed",  # tmux or the system would not start it
    "session_killed",  # its session was removed by someone else
    "replaced",  # its pane runs another process than the one that was started
    "server_died",  # the tmux server went away with everything in it
    "ended_while_down",  # it ended while no daemon was watching
    "scaled_down",  # `count` was lowered
    "group_removed",  # the group is no longer in the spec
    "spec_changed",  # what it runs (command, env, cwd) was changed
    "finished",  # it ended well, and its policy asks for no more
    "failed",  # it ended with a failure after which it is not started again
    "crash_limit",  # it crashed more often than the limit allows
    "mass_death",  # many workers died at once, for a cause outside
    "not_ready",  # it did not become ready within the time it has
    "unhealthy",  # it was ready and does not work any more
    "after",  # it waits for another group
    "operator_stop",  # somebody asked for its stop
    "operator_start",  # somebody asked for its start, after a stop that somebody had asked for
    "operator_restart",  # somebody asked for a new start
    "paused",  # somebody asked that it gets no tasks
    "task_timeout",  # a task ran past its timeout and the worker did not end it
    "silent",  # it held tasks and gave no sign of life for as long as `lease` says
    "pipe_lost",  # one of its FIFOs was replaced, so that it can neither hear nor be heard
    "down",  # the fleet is being taken down
    "leftover",  # processes that a dead run left behind
    "renamed",  # someone renamed its session
    "unlogged",  # its output is not being copied to its log
    "aged",  # a spare that has become too old to be taken
    "settled",  # the reason for holding it back is gone
]

REASONS: frozenset[str] = frozenset(get_args(Reason))

SPENDS_BUDGET: frozenset[str] = frozenset(
    {"crashed", "exited", "start_failed", "not_ready", "unhealthy"}
)
"""Ends that count as the worker's own fault. All others are asked for or have an outside cause."""

ASKED_FOR: frozenset[str] = frozenset(
    {
        "scaled_down",
        "group_removed",
        "spec_changed",
        "down",
        "operator_stop",
        "operator_restart",
        "aged",
    }
)
"""Ends that the spec or the operator wanted: no policy is asked whether the worker may be started again."""

EXCUSES_TASKS: frozenset[str] = frozenset(
    {
        "scaled_down",
        "group_removed",
        "spec_changed",
        "down",
        "pipe_lost",
        "server_died",
        "mass_death",
        "operator_stop",
        "operator_restart",
    }
)
"""Ends that no task can be blamed for: a task that was in hand is tried again without having spent an attempt."""

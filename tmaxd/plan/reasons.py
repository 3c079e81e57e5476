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
    "rebooted",  # the machine was started anew, and nothing lived through that
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
    "operator_start",  # somebody asked for its start: it was stopped by an order, or had come to rest
    "operator_restart",  # somebody asked for a new start
    "paused",  # somebody asked that it gets no tasks
    "task_timeout",  # a task ran past its timeout and the worker did not end it
    "silent",  # it held tasks and gave no sign of life for as long as `lease` says
    "pipe_lost",  # one of its FIFOs was replaced, so that it can neither hear nor be heard
    "down",  # the fleet is being taken down
    "leftover",  # processes that a dead run left behind
    "memory_warn",  # it uses more memory than `warn` allows
    "memory_recycle",  # it used more memory than `recycle` allows
    "memory_kill",  # it used more memory than `kill` allows
    "memory_forecast",  # it would have used more than `recycle` allows before long
    "memory_limit",  # a fresh run of it needs more than its limit allows
    "memory_hold",  # the fleet uses more than `hold` allows: nothing is started
    "keep_free",  # its start would leave the machine with less than `keep_free`
    "oom_killed",  # the kernel killed it because memory was short
    "max_tasks",  # it has done as many tasks as one run may
    "max_age",  # it has run for as long as one run may
    "one_by_one",  # another worker is being started, and the flag `parallel_spawn` is off
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
        "memory_recycle",
        "memory_forecast",
        "max_tasks",
        "max_age",
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
        "rebooted",
        "mass_death",
        "operator_stop",
        "operator_restart",
        "memory_recycle",
        "memory_forecast",
        "max_tasks",
        "max_age",
    }
)
"""Ends that no task can be blamed for: a task that was in hand is tried again without having spent an attempt."""

FOR_MEMORY: frozenset[str] = frozenset({"memory_kill", "oom_killed"})
"""Ends for want of memory. They are no crashes and spend no budget, but each costs more delay than the last, since the
next run may come to the same end at once; and a task that was in hand has spent an attempt: it may be the cause."""

RECYCLES: frozenset[str] = frozenset({"memory_recycle", "memory_forecast", "max_tasks", "max_age"})
"""Reasons for which a worker that does its work is replaced by a fresh run, once it is idle."""

SAVES_MEMORY: frozenset[str] = frozenset({"memory_recycle", "memory_forecast"})
"""Of these, those for which no worker more is started first (`rollout.surge`): there is too little memory as it is."""

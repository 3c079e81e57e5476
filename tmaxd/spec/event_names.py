"""The names of events: what `on` may name, and what `tmaxctl events` shows. Each line of the daemon's log is one,
except those about the program itself.

A hook may also be for one kind of an event (`KINDS`), so that nobody has to look at its reason first.
"""

from __future__ import annotations

from typing import Final

MEANINGS: Final[dict[str, str]] = {
    # workers
    "started": "A worker was started; the reason says why.",
    "start_failed": "tmux or the system would not start a worker.",
    "ready": "A worker became ready.",
    "ended": "A worker's process is gone; the reason says whether it crashed or was stopped.",
    "adopted": "A new daemon has taken charge of a worker that was running already.",
    "stop": "A worker is being stopped.",
    "keys": "Keys were typed into the terminal of a worker that is being stopped.",
    "signal": "A signal was sent to processes of a worker, and SIGHUP with it to those that ignore it.",
    "signal_refused": "A process would not take a signal: it is another user's.",
    "removed": "A session of a worker was removed.",
    "hold": "A worker gets no new tasks for now.",
    "unhold": "A worker gets tasks again.",
    "resting": "A worker stays down: it finished, failed for good, or crashed too often.",
    "quarantined": "A worker crashed too often and is tried seldom.",
    "quarantine_over": "A worker that crashed too often has stayed up; it is as if nothing had been.",
    "mass_death": "Many workers died at once, for a cause outside. Of each of them no `ended` is told.",
    "revived": "Those of a mass death are up again, or a minute has passed. Of each no `started` or `ready` is told.",
    "taken": "A booted spare of the pool became a worker, in place of a start.",
    "pool_miss": "A worker was started in the ordinary way, since no spare could be taken.",
    "probe_failed": "A worker answered a probe with no, or not at all.",
    "unhealthy": "A worker that was ready does not work any more.",
    "healthy": "An unhealthy worker works again.",
    # memory
    "memory_warning": "A worker, a group or the fleet uses more memory than `warn` allows. Told once.",
    "memory_recycle": "A worker is to be replaced by a fresh run, for its own memory, its group's or the fleet's.",
    "memory_kill": "A worker is killed for its own memory, its group's or the fleet's.",
    "memory_limit_too_low": "A worker has used more than `recycle` allows for as long as it runs; it is not replaced.",
    "memory_hold": "The fleet uses so much memory that no worker is started.",
    "memory_hold_over": "Workers are started again.",
    # orders and changes
    "ordered": "Somebody gave an order: start, stop, restart, pause, pin or scale.",
    "orders_overruled": "Orders are over, because the spec says otherwise now.",
    "spec_applied": "A new revision of the spec is in force.",
    "spec_waits": "The spec on disk is another one, and waits for a reload, since `hot_reload` is off.",
    "spec_rejected": "The spec on disk has mistakes; the one before stays in force.",
    "approved": "All workers of a group are healthy with what they run now.",
    "rolled_back": "A change of a group failed, and it goes back to what it ran before.",
    "flag_set": "Somebody has set a feature flag over what the file says.",
    "flag_over": "A feature flag is what the file says again.",
    "revision_unreadable": "A revision that an earlier version kept cannot be read.",
    # tasks and FIFOs
    "inbox_waits": "An inbox is not read for now; the reason says why.",
    "inbox_line_rejected": "A line from an inbox is no task.",
    "pipe_repaired": "A FIFO was gone or replaced, and was made again.",
    "pipe_trouble": "A FIFO cannot be made, read or removed.",
    "send_failed": "A frame could not be written to a worker's FIFO.",
    "bad_frames": "A worker wrote what is no frame to its results FIFO.",
    "stray_frames": "A worker spoke of tasks that it does not have.",
    "protocol_mismatch": "A worker speaks another version of the protocol.",
    "payload_file_written": "A payload file that was missing was written again.",
    "payload_file_trouble": "A payload file cannot be written or removed.",
    # the memory store
    "store_refused": "What a worker wrote for the memory store could not be stored.",
    "store_trouble": "The memory store cannot be written; what workers store by frames waits, what is over stays.",
    "store_unreadable": "The memory store cannot be opened; all else works on.",
    # clean-ups
    "cleaned": "A clean-up has removed something.",
    "cleanup_incomplete": "A clean-up has left something that it should have removed.",
    "cleanup_unplanned": "Nobody can tell when a clean-up is due: its time zone is gone, or what was kept of it.",
    # the daemon
    "limits_not_kept": "Groups ask for limits of memory that the system does not let us set.",
    "sample_failed": "What the fleet uses could not be measured.",
    "api_open": "The daemon answers requests.",
    "watching": "The daemon watches the spec's files.",
    "front_failed": "The API or the watch on files could not be opened.",
    "going_down": "The whole fleet is being stopped.",
    "down": "The fleet is down.",
    "stopped": "The daemon ends; workers live on.",
    "server_still_there": "The tmux server could not be ended.",
    "pass_failed": "A look at the world, or what it led to, failed; it is tried again.",
    "pass_bug": "A pass failed for a mistake in tmaxd itself; it is tried again.",
    "pass_works_again": "Passes work again.",
    "cannot_go_on": "The daemon has to end; workers live on.",
    "journal_refused": "The journal cannot be written; tasks are not accepted.",
    "journal_recovered": "The journal can be written again.",
    "journal_unreadable": "Something in the journal cannot be read.",
    "commits_missing": "The journal lacks what was on disk already.",
    "hook_failed": "A command of `on` failed or took too long. It calls no hooks.",
    "hooks_skipped": "More events came than the commands of `on` could take. It calls no hooks.",
    "orphan_ended": "Processes that a worker had left behind, and that belonged to no run, were ended.",
    "leftover_probes_ended": "Probes that an earlier daemon had left behind were ended.",
}

KINDS: Final[dict[str, tuple[str, frozenset[str], str]]] = {
    "worker_crashed": (
        "ended",
        frozenset({"crashed"}),
        "A worker ended by itself, with a failure.",
    ),
}
"""Of an event, those with one of these reasons; and what that means."""

EVENTS: Final = frozenset(MEANINGS) | frozenset(KINDS)

EVERY: Final = "*"

EVENT: Final = rf"^(?:\*|{'|'.join(sorted(EVENTS))})$(?!\n)"
"""The pattern of what `on` may name. The end is that of `values.END`."""


def hook_names(event: str, reason: str) -> tuple[str, ...]:
    """Under which names of `on` the hooks of an event stand."""
    kinds = (k for k, (of, reasons, _) in KINDS.items() if of == event and reason in reasons)
    return (event, *kinds, EVERY)

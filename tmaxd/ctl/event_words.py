"""Events in words: what happened, as half a sentence about the worker, group or fleet that it happened to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tmaxd.ctl.text import amount, cut, many, span

Value = Mapping[str, Any]

TOLD = {
    "started": "was started",
    "start_failed": "could not be started",
    "ready": "became ready",
    "ended": "ended",
    "adopted": "was found running by a new daemon, which took charge of it",
    "taken": "took over a booted spare of the pool",
    "pool_miss": "found no spare that it could take, and was started in the ordinary way",
    "stop": "is to be stopped",
    "keys": "had keys typed into its terminal, to stop it",
    "signal": "was sent a signal",
    "signal_refused": "did not take a signal",
    "removed": "had its session removed",
    "hold": "gets no new tasks for now",
    "unhold": "gets tasks again",
    "resting": "stays down",
    "quarantined": "is in quarantine: tried seldom",
    "quarantine_over": "has stayed up, so its quarantine is over",
    "mass_death": "died together with many others",
    "revived": "was started again, with all others that had died",
    "memory_warning": "uses much memory",
    "memory_recycle": "is to be replaced by a fresh run",
    "memory_kill": "is killed for its memory",
    "memory_limit_too_low": "has used more than its limit for as long as it runs, so it is not replaced for it",
    "memory_hold": "starts are held back",
    "memory_hold_over": "starts go on",
    "probe_failed": "failed a probe",
    "unhealthy": "became unhealthy",
    "healthy": "works again",
    "approved": "all its workers are healthy with what they run now",
    "rolled_back": "its change failed, and it goes back to what it ran before",
    "spec_applied": "a new revision of the spec came into force",
    "spec_rejected": "the spec on disk was rejected",
    "spec_waits": "the spec on disk was changed, and waits for a reload",
    "flag_set": "somebody set a feature flag",
    "flag_over": "a feature flag is what the file says again",
    "orders_overruled": "the file overruled earlier orders",
    "store_refused": "wrote what the memory store could not store",
    "cleaned": "a clean-up removed something",
    "cleanup_incomplete": "a clean-up left something",
    "going_down": "the fleet is being stopped",
    "api_open": "a daemon answers requests",
    "stopped": "the daemon ended; workers live on",
}
"""An event as what `why` says of it. Others are said by their names."""

BECAUSE = {
    "added": "the spec wants it",
    "missing": "it should be there and was not",
    "adopted": "it was running when the daemon started",
    "crashed": "it had ended by itself, with a failure",
    "exited": "it had ended by itself, well",
    "start_failed": "its start had failed",
    "session_killed": "somebody had removed its session",
    "replaced": "its pane ran another process",
    "server_died": "the tmux server had gone",
    "rebooted": "the machine was started anew",
    "ended_while_down": "it had ended while no daemon was there",
    "scaled_down": "the group has fewer workers now",
    "group_removed": "the spec has no such group any more",
    "spec_changed": "what it runs was changed",
    "finished": "it ended well and is not to be started again",
    "failed": "it ended with a failure after which it is not started again",
    "crash_limit": "it crashed too often",
    "mass_death": "many died at once, for a cause outside",
    "not_ready": "it did not become ready in time",
    "unhealthy": "it did not work any more",
    "after": "it waited for another group",
    "operator_stop": "somebody ordered its stop",
    "operator_start": "somebody ordered its start",
    "operator_restart": "somebody ordered a restart",
    "paused": "somebody ordered a pause",
    "task_timeout": "a task ran past its timeout",
    "silent": "it held tasks and was silent for too long",
    "pipe_lost": "one of its FIFOs was replaced",
    "memory_warn": "that is more than `warn` allows",
    "memory_recycle": "it used more memory than `recycle` allows",
    "memory_kill": "it used more memory than `kill` allows",
    "memory_forecast": "its growth would reach `recycle` before long",
    "memory_limit": "it cannot keep to its memory limit",
    "memory_hold": "the fleet uses more memory than `hold` allows",
    "keep_free": "its start would leave the machine with less memory than `keep_free`",
    "oom_killed": "the kernel killed it when memory was short",
    "max_tasks": "it had done as many tasks as one run may",
    "max_age": "it had run for as long as one run may",
    "one_by_one": "another worker was being started",
    "down": "the fleet is being taken down",
    "leftover": "a dead run had left processes behind",
    "settled": "what held it back is over",
}
"""A reason as what follows a `because`."""

ENDS = {
    "crashed": "crashed",
    "exited": "ended by itself",
    "finished": "ended well",
    "session_killed": "lost its session",
    "server_died": "died with the tmux server",
    "rebooted": "died when the machine was started anew",
    "mass_death": "died together with many others",
    "oom_killed": "was killed by the kernel, because memory was short",
    "memory_kill": "was killed, because it, its group or the fleet used too much memory",
    "ended_while_down": "ended while no daemon was there",
}
"""The event `ended`: its reason is no cause but what happened. With all others, it was stopped."""

NO_BECAUSE = frozenset(
    {
        "revived",
        "memory_kill",
        "memory_limit_too_low",
        "memory_hold_over",
        "rolled_back",
        "signal",
        "keys",
        "removed",
    }
)
"""Events whose reason is plain from what came just before."""

QUIET = frozenset(
    {"run", "pid", "pids", "after", "window", "at", "problems", "how", "hook", "workers", "socket"}
)
"""Fields that say nothing to people, or that a phrase has already."""

TEXT = 300
"""Characters of an error in a line of its own."""


def told(event: Value) -> str:
    """For `why`: what happened, and why, in words."""
    name, reason, fields = event["event"], event["reason"], event["fields"]
    if name == "ordered":
        return _ordered(fields)
    if name == "ended":
        how = ENDS.get(reason) or f"was stopped, because {BECAUSE.get(reason, reason)}"
        return _with(how, details(event), event)
    what = TOLD.get(name, name.replace("_", " "))
    if reason and reason != name and name not in NO_BECAUSE:
        what += f", because {BECAUSE.get(reason, reason)}"
    return _with(what, details(event), event)


def short(event: Value) -> str:
    """For a list of events: the name and the reason as programs know them, and what else there is to know."""
    what = event["event"].replace("_", " ")
    if event["reason"]:
        what += f": {event['reason']}"
    return _with(what, details(event), event)


def details(event: Value) -> str:
    """The main fields, in a few words."""
    fields = event["fields"]
    words = [tell(fields) for tell in _TELL.get(event["event"], (_rest,))]
    return "; ".join(word for word in words if word)


def first_line(text: object) -> str:
    """Of an error: what fits into a line."""
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return cut(lines[0], TEXT) + (" …" if len(lines) > 1 else "") if lines else ""


def _with(what: str, more: str, event: Value) -> str:
    """`; exit status 3 ×17`."""
    words = f"{what} ({more})" if more else what
    text = first_line(event["fields"].get("text", ""))
    words = f"{words}: {text}" if text else words
    return f"{words} ×{event['count']}" if event["count"] > 1 else words


def _ordered(fields: Value) -> str:
    order = fields.get("order", "?")
    targets = _names(fields.get("targets", ()))
    count = f" to {fields['count']}" if "count" in fields else ""
    now = ", at once" if fields.get("now") else ""
    return f"somebody ordered: {order} {targets}{count}{now}"


def _names(found: object) -> str:
    names = [str(name) for name in found] if isinstance(found, list | tuple) else [str(found)]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _how_it_ended(fields: Value) -> str:
    if "signal" in fields:
        return f"signal {fields['signal']}"
    return f"exit status {fields['status']}" if "status" in fields else ""


def _changed(fields: Value) -> str:
    found = fields.get("fields") or fields.get("changed")
    return f"{_names(found)} changed" if found else ""


def _seconds(key: str, words: str) -> Callable[[Value], str]:
    def tell(fields: Value) -> str:
        value = fields.get(key)
        return words.format(span(value)) if isinstance(value, int | float) else ""

    return tell


def _field(key: str, words: str) -> Callable[[Value], str]:
    return lambda fields: words.format(_names(fields[key])) if key in fields else ""


def _flag(fields: Value) -> str:
    return f"{fields.get('flag', '?')} is {fields.get('value', '?')}"


def _died(fields: Value) -> str:
    died = many(fields.get("died", 0), "worker")
    return f"{died}, {fields.get('living', 0)} live on: {_names(fields.get('workers', ()))}"


def _up(fields: Value) -> str:
    left = fields.get("left")
    late = f"; not up: {_names(left)}" if left else ""
    after = _seconds("took", " after {}")(fields)
    return f"{fields.get('up', 0)} of {many(fields.get('died', 0), 'worker')} up{after}{late}"


def _memory(fields: Value) -> str:
    """`fleet: 6.2 GiB used, limit 6.0 GiB`."""
    scope, used, limit = fields.get("scope", ""), fields.get("bytes"), fields.get("limit")
    if not isinstance(used, int):
        return ""
    most = f", limit {amount(limit)}" if isinstance(limit, int) else ""
    return f"{scope + ': ' if scope != 'worker' else ''}{amount(used)} used{most}"


def _cleaned(fields: Value) -> str:
    """`tasks: 1,200 gone, 3.40 MiB`."""
    count, size = fields.get("count"), fields.get("bytes")
    gone = f"{count:,} gone" if isinstance(count, int) else "gone"
    back = f", {amount(size)}" if isinstance(size, int) and size else ""
    return f"{fields.get('what', '')}: {gone}{back}"


def _rest(fields: Value) -> str:
    """Of an event about which nothing special is known: all there is."""
    known = ((k, v) for k, v in fields.items() if k not in QUIET and k != "text")
    return ", ".join(f"{key} {_names(value)}" for key, value in known)


_TELL: Mapping[str, tuple[Callable[[Value], str], ...]] = {
    "started": (_field("pid", "pid {}"), _changed),
    "adopted": (_field("pid", "pid {}"),),
    "ended": (_how_it_ended,),
    "ready": (_seconds("after", "after {}"), _field("how", "by {}")),
    "taken": (_field("spare", "{}"), _field("pid", "pid {}"), _seconds("age", "booted {} before")),
    "pool_miss": (_field("why", "{}"),),
    "stop": (_changed,),
    "keys": (_field("keys", "{}"),),
    "signal": (
        _field("signal", "{}"),
        _field("pids", "to {}"),
        _field("hangup", "and SIGHUP to {}, which ignored it"),
    ),
    "cleaned": (_cleaned,),
    "quarantined": (_seconds("retry_in", "next try in {}"),),
    "memory_warning": (_memory,),
    "memory_recycle": (_memory,),
    "memory_kill": (_memory,),
    "memory_limit_too_low": (_memory,),
    "memory_hold": (_memory,),
    "memory_hold_over": (_memory,),
    "mass_death": (_died,),
    "revived": (_up,),
    "ordered": (lambda fields: _ordered(fields).removeprefix("somebody ordered: "),),
    "orders_overruled": (_field("targets", "{}"),),
    "spec_applied": (_field("revision", "revision {}"), _field("cause", "{}"), _changed),
    "spec_rejected": (_field("problems", "problems: {}"),),
    "spec_waits": (_changed,),
    "flag_set": (_flag, _seconds("lasts", "for {}")),
    "flag_over": (_flag, _field("why", "{}")),
    "approved": (_field("revision", "revision {}"),),
    "rolled_back": (_field("revision", "revision {}"), _field("to", "back to {}")),
    "probe_failed": (),  # its text says which
    "unhealthy": (),
    "healthy": (_field("how", "{}"),),
}

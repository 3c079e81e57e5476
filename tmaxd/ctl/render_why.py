"""Why a worker is as it is: what it does now, why, what it waits for, and the last decisions about it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmaxd.ctl.event_words import BECAUSE, told
from tmaxd.ctl.render_workers import STATE_STYLES, over_limit
from tmaxd.ctl.text import Paint, clean, many, plain, span, wrap

if TYPE_CHECKING:
    from tmaxd.ctl.hints import Hint

Value = Mapping[str, Any]
Facts = list[tuple[str, str]]

LABEL = 13
"""Columns before what is said."""

DECISIONS = 15
"""The most that are told."""

FLEET_WIDE = (
    "ordered",
    "orders_overruled",
    "spec_applied",
    "mass_death",
    "revived",
    "approved",
    "rolled_back",
    "memory_warning",
    "memory_hold",
    "memory_hold_over",
    "going_down",
)
"""Events that belong to no single worker, and decide about many."""

DOES = {
    "absent": "is not there",
    "starting": "is starting: it is not ready yet",
    "running": "runs",
    "idle": "waits for tasks",
    "busy": "works on tasks",
    "draining": "ends the tasks that it has, and gets no new ones",
    "stopping": "is being stopped",
    "unhealthy": "lives, and does not work",
    "backoff": "is down, and is started again soon",
    "quarantined": "is down, and is tried seldom, since it crashed too often",
    "waiting": "is not started yet: it waits for something else",
    "stopped": "is stopped",
    "finished": "has ended well, and is not started again",
    "failed": "has failed, and is not started again by itself",
}

HELD_BY = {
    "pinned": "it is pinned",
    "attached": "somebody is attached to its terminal",
    "busy": "it has tasks in hand",
}
"""Why a replacement that is pending waits."""

ORDERS = {
    "stop": ("stop: it stays down", "start"),
    "drain": ("drain: it ends its tasks, then stays down", "start"),
    "restart": ("restart: its process is to be replaced", ""),
    "pause": ("pause: it gets no new tasks", "resume"),
    "pin": ("pin: changes of the file and restarts wait for it", "unpin"),
}
"""What was asked, and the order that takes it back."""


@dataclass(frozen=True)
class Telling:
    """What is needed beside the values."""

    now: float
    """Wall time."""
    moment: Callable[[float], str]
    hint: Hint
    paint: Paint = plain
    width: int | None = None
    log: bool = True
    """Whether the worker has written anything."""

    def fact(self, label: str, text: str) -> list[str]:
        line = f"  {label}".ljust(LABEL - 1) + " " + clean(text)
        return wrap(line, self.width, " " * LABEL)


def why(worker: Value, group: Value | None, events: Sequence[Value], telling: Telling) -> list[str]:
    """`events`: as `decisions` gives them."""
    state = worker["state"]
    head = telling.paint("bold", clean(f"{worker['name']}: "))
    lines = [head + telling.paint(STATE_STYLES.get(state, ""), clean(state))]
    facts = [
        ("now", _now(worker, telling)),
        *_causes(worker),
        *_checks(worker),
        *_next(worker, telling),
        *_orders(worker, telling.hint),
        *_revisions(worker, group),
        *_past(worker, telling),
    ]
    for label, text in facts:
        first, *more = text.splitlines() or [""]
        lines += telling.fact(label, first)
        lines += [line for rest in more for line in telling.fact("", rest)]
    return lines + history(events, telling)


def history(events: Sequence[Value], telling: Telling) -> list[str]:
    """The last decisions, newest last. Repeats are one line, at the time of the first, with that of the last."""
    if not events:
        return ["no events of it are kept"]
    lines = ["what was decided and what happened:"]
    events = sorted(events, key=lambda event: (event["first"], event["seq"]))
    moments = [telling.moment(event["first"]) for event in events]
    room = max(map(len, moments))
    for moment, event in zip(moments, events, strict=True):
        last = telling.moment(event["at"])
        again = f", last at {last}" if event["count"] > 1 and last != moment else ""
        line = f"  {moment:>{room}}  {clean(_who(event) + told(event))}{again}"
        lines += wrap(line, telling.width, " " * (room + 4))
    return lines


def decisions(
    worker: str, group: str, own: Iterable[Value], others: Iterable[Value], most: int = DECISIONS
) -> list[Value]:
    """Of the events of the worker, and of those that are about many, the last that concern it; newest last."""
    found = {event["seq"]: event for event in own}
    found |= {e["seq"]: e for e in others if _concerns(e, worker, group)}
    return [found[seq] for seq in sorted(found)][-most:]


def _concerns(event: Value, worker: str, group: str) -> bool:
    fields = event["fields"]
    match event["event"]:
        case "ordered" | "orders_overruled":
            return bool({worker, group} & set(fields.get("targets", ())))
        case "mass_death" | "revived":
            names = fields.get("workers", ())
            # Of very many not all are named.
            died = worker in names or len(names) < fields.get("died", 0)
            return died and worker not in fields.get("left", ())
        case "spec_applied":
            keys = fields.get("changed", ())
            return any(f"{key}.".startswith(f"workers.{group}.") for key in keys)
        case "approved" | "rolled_back":
            return bool(event["group"] == group)
        case "memory_warning" if not event["worker"]:
            return event["group"] in (None, "", group)
        case "memory_hold" | "memory_hold_over":
            return True
        case _:
            return bool(event["event"] == "going_down")


def _who(event: Value) -> str:
    """Who it is about, where it is not the worker."""
    if event["event"] in ("approved", "rolled_back"):
        return f"{event['group']}: "
    if event["event"].startswith("memory_") and not event["worker"]:
        return f"{event['group'] or 'the fleet'}: "
    return ""


def _now(worker: Value, telling: Telling) -> str:
    words = DOES.get(worker["state"], worker["state"])
    since = f"for {span(telling.now - worker['since'])}, since {telling.moment(worker['since'])}"
    if worker["pid"] is not None:
        life = f"its process {worker['pid']} lives {since}"
        tasks = f"; it holds {many(worker['in_flight'], 'task')}" if worker["in_flight"] else ""
        return f"it {words}; {life}{tasks}"
    return f"it {words}; it has been so {since}"


def _causes(worker: Value) -> Facts:
    facts: Facts = []
    reason, message = worker["reason"], worker["message"] or ""
    if reason:
        facts.append(("because", f"{BECAUSE.get(reason, reason)} ({reason})"))
    if message and message != worker["last_exit"]:
        facts.append(("that is", message))
    if words := over_limit(worker):
        facts.append(("memory", words))
    if worker["waits"]:
        facts.append(("waits for", worker["waits"]))
    pending = worker["pending"]
    if pending and pending not in (reason, "after", "paused"):
        facts.append(("pending", f"{BECAUSE.get(pending, pending)} ({pending})"))
    if pending and worker["held_by"]:
        facts.append(
            ("", "it waits, since " + " and ".join(HELD_BY[word] for word in worker["held_by"]))
        )
    return facts


def _checks(worker: Value) -> Facts:
    if worker["pid"] is None:
        return []
    ready = "ready" if worker["ready"] else "not ready yet"
    healthy = {True: ", healthy", False: ", unhealthy"}.get(worker["healthy"], "")
    silent = ", silent although it holds tasks" if worker["silent"] else ""
    return [("checks", ready + healthy + silent)]


def _next(worker: Value, telling: Telling) -> Facts:
    at = worker["next_start"]
    if at is None:
        return []
    return [("next start", f"in {span(at - telling.now)}, at {telling.moment(at)}")]


def _orders(worker: Value, hint: Hint) -> Facts:
    facts: Facts = []
    for order in worker["orders"]:
        words, back = ORDERS.get(order, (order, ""))
        until = f", until `{hint(back + ' ' + worker['name'])}`" if back else ""
        facts.append(("ordered", words + until))
    return facts


def _revisions(worker: Value, group: Value | None) -> Facts:
    """What it runs, and what it should."""
    facts: Facts = []
    has, wanted = worker["revision"], worker["wanted_revision"]
    if worker["outdated"] and worker["pid"] is not None:
        fields = ", ".join(worker["outdated"])
        facts.append(
            ("revision", f"it runs that of revision {has}, not of {wanted}: {fields} changed")
        )
    elif has is not None and worker["pid"] is not None:
        facts.append(("revision", f"it runs what revision {wanted} says" if wanted else str(has)))
    back = group["rolled_back"] if group is not None else None
    if back is not None:
        failed = f"revision {back['revision']} failed ({back['message']})"
        facts.append(("rolled back", f"{failed}, so revision {back['to']} holds"))
    return facts


def _past(worker: Value, telling: Telling) -> Facts:
    facts: Facts = []
    if worker["last_exit"]:
        facts.append(("last end", worker["last_exit"]))
        if telling.log:
            facts.append(("", f"what it printed: {telling.hint('logs ' + worker['name'])}"))
    if worker["restarts"] or worker["crashes"]:
        row = f", {worker['crashes']} crashes in a row" if worker["crashes"] > 1 else ""
        facts.append(("restarts", f"{worker['restarts']:,}{row}"))
    return facts

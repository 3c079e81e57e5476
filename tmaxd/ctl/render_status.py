"""The status as lines: one for the fleet, then what is wrong, the groups, FIFOs, routes and workers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmaxd.ctl import render_cleanup, render_groups, render_workers
from tmaxd.ctl.hints import Hint
from tmaxd.ctl.render_flags import overridden
from tmaxd.ctl.render_problems import problem
from tmaxd.ctl.render_standing import spec_set_aside, standing
from tmaxd.ctl.render_workers import OVER, SETTLED, over_limit, state_of
from tmaxd.ctl.text import Paint, amount, clean, columns_of, in_line, many, plain, span, wrap

Status = Mapping[str, Any]

STUCK = ("backoff", "quarantined", "absent", "waiting", "unhealthy", "failed")
"""States in which a worker keeps the fleet from being as it should, for a reason that is worth a line."""

ALL_TOGETHER = "all together: "
"""So a condition begins that is about the total of a group."""


def status(
    value: Status, now: float, paint: Paint = plain, width: int | None = None, back: str = ""
) -> list[str]:
    """`now`: wall time; `back`: the command that ends a rollback. No line is wider than `width` columns, but for
    the excerpts of a rejected spec."""
    lines = [
        *_header(value, now, paint, width),
        *_spec(value["spec"], back, paint, width),
        *_troubles(value, now, paint, width),
    ]
    for key, render in (
        ("groups", render_groups.groups),
        ("inboxes", render_groups.inboxes),
        ("outboxes", render_groups.outboxes),
        ("routes", render_groups.routes),
    ):
        if value[key]:
            lines += ["", *render(value[key], paint, width)]
    if schedules := [one for one in value["cleanups"] if not one["built_in"]]:
        lines += ["", *render_cleanup.planned(schedules, now, paint, width)]
    if value["workers"]:
        lines += ["", *render_workers.workers(value["workers"], now, paint, width)]
    return lines


def progress(value: Status) -> str:
    """How far the fleet is, in half a line."""
    wanted = sum(group["count"] for group in value["groups"])
    up = sum(state_of(worker) in (*SETTLED, "paused") for worker in value["workers"])
    paused = sum(state_of(worker) == "paused" for worker in value["workers"])
    moving = ", ".join(
        part for part in (_unsettled(value), f"{paused} paused" * bool(paused)) if part
    )
    return f"{up} of {many(wanted, 'worker')} up" + (f" ({moving})" if moving else "")


def cannot_start(value: Status) -> bool:
    """All that is missing are workers that cannot be started, and those that wait: time alone mends neither."""
    late = [w for w in value["workers"] if state_of(w) not in (*SETTLED, *OVER, "paused")]
    failed = [w for w in late if w["reason"] == "start_failed"]
    return bool(failed) and all(w in failed or w["state"] == "waiting" for w in late)


def is_stuck(value: Status) -> bool:
    """Not all is as it should be, and nothing more happens by itself."""
    return any((c["type"], c["reason"]) == ("Converged", "stuck") for c in value["conditions"])


def blockers(value: Status, hint: Hint, most: int = 5) -> list[str]:
    """What keeps the fleet from converging: a line a worker for the first of them, and the names of all others."""
    stuck = [w for w in value["workers"] if w["state"] in STUCK]
    lines = [clean(f"  {w['name']}: {w['state']}{_because(w)}") for w in stuck[:most]]
    if len(stuck) > most:
        lines.append(
            clean("  and " + ", ".join(f"{w['name']} ({w['state']})" for w in stuck[most:]))
        )
    ran = [w["name"] for w in stuck if w["reason"] != "start_failed" and w["state"] != "waiting"]
    if ran:
        lines.append(clean(f"  what {ran[0]} printed last: {hint(f'logs {ran[0]}')}"))
    return lines


def _because(worker: Mapping[str, Any]) -> str:
    why = worker["message"] or worker["last_exit"] or worker["reason"]
    return f": {in_line(why)}" if why else ""


def _unsettled(value: Status) -> str:
    """`2 starting, 1 draining`; workers that wait for a replacement count as pending."""
    counts: dict[str, int] = {}
    for worker in value["workers"]:
        state = state_of(worker)
        if worker["pending"] and state in SETTLED:
            state = "pending"
        if state not in (*SETTLED, *OVER, "paused"):
            counts[state] = counts.get(state, 0) + 1
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))


def _header(value: Status, now: float, paint: Paint, width: int | None) -> list[str]:
    """One line; the least important parts go first where there is no room."""
    spec, tmux = value["spec"], value["tmux"]
    well = value["converged"]
    word = "not converged" if is_stuck(value) else "converging"
    settled = "converged" if well else f"{word}: {_unsettled(value) or 'looking'}"
    channel, style, weight = f"tmux {tmux['version']}", "", 1
    if tmux["channel"] != "control":
        channel = (
            "tmux down" if tmux["channel"] == "down" else f"{channel} ({tmux['channel']} channel)"
        )
        style, weight = ("red" if tmux["channel"] == "down" else "yellow"), 4
    daemon = f"tmaxd {value['version']} pid {value['pid']} up {span(now - value['started'])}"
    revision = f"revision {spec['revision']}" if spec["revision"] else "no revision yet"
    parts = [
        (6, "bold", clean(value["fleet"])),
        (3, "", revision),
        (5, "green" if well else "yellow", clean(settled)),
        (2, "", clean(daemon)),
        (weight, style, clean(channel)),
    ]
    if usage := value.get("usage"):
        parts.append((1, "", f"memory {amount(usage['bytes'])}"))
    while width is not None and len(parts) > 1 and _breadth(parts) > width:
        parts.remove(min(parts))
    return ["   ".join(paint(style, text) for _, style, text in parts)]


def _breadth(parts: Sequence[tuple[int, str, str]]) -> int:
    return sum(columns_of(text) for _, _, text in parts) + 3 * (len(parts) - 1)


def _spec(spec: Mapping[str, Any], back: str, paint: Paint, width: int | None) -> list[str]:
    stays = f"revision {spec['revision']} stays in force" if spec["revision"] else "nothing runs"
    lines: list[str] = []
    if spec["state"] == "missing":
        lines += _sentence("red", f"{spec['path']} is missing; {stays}", paint, width)
    elif spec["state"] == "rejected":
        lines += _sentence("red", f"{spec['path']} is rejected; {stays}:", paint, width)
        lines += [f"  {line}" for p in spec["problems"] for line in problem(p, "error", paint)]
    elif spec["state"] == "waiting":
        text = f"{spec['path']} says something else, which waits for `tmaxctl reload` (hot_reload is off); {stays}"
        lines += _sentence("yellow", text, paint, width)
    elif spec["state"] == "rolled_back":
        lines += _sentence("yellow", spec_set_aside(spec, back), paint, width)
    lines += [f"  {line}" for w in spec["warnings"] for line in problem(w, "warning", paint)]
    return lines


def _sentence(style: str, text: str, paint: Paint, width: int | None) -> list[str]:
    return [paint(style, line) for line in wrap(clean(text), width)]


def _memory(value: Status) -> list[tuple[str, str]]:
    """What is wrong with the measuring of memory, and with the limits of it."""
    held, usage = value.get("containment") or {}, value.get("usage") or {}
    found: list[tuple[str, str]] = []
    if groups := held.get("unkept"):
        names = ", ".join(groups)
        found.append(
            ("yellow", f"nobody keeps memory.high and memory.max of {names}: {held['why']}")
        )
    if trouble := usage.get("trouble"):
        found.append(("yellow", f"memory is not measured: {trouble}"))
    if words := over_limit(value):
        found.append(("yellow", f"memory of the fleet: {words}"))
    over = ((group["name"], over_limit(group)) for group in value["groups"])
    found += [
        ("yellow", f"memory of {name}: {words}")
        for name, words in over
        if words.startswith(ALL_TOGETHER)  # of single workers their own lines tell
    ]
    return found


def _troubles(value: Status, now: float, paint: Paint, width: int | None) -> list[str]:
    """Standing problems, a sentence each."""
    found = [("red", text) for text in value["problems"]]
    if trouble := value["journal"]["trouble"]:
        found.append(("red", f"nothing can be written: {trouble}"))
    found += _memory(value)
    found += standing(value)
    found += [("", overridden(flag, now)) for flag in value.get("flags", ())]
    found += [("yellow", text) for text in render_groups.troubles(value)]
    found += [
        (
            "yellow",
            f"group {left['group']} is gone from the spec with {many(left['queued'], 'task')} "
            "queued, which wait for its return",
        )
        for left in value["leftovers"]
    ]
    if foreign := value["foreign"]:
        names = ", ".join(foreign)
        found.append(("", f"not ours, left alone: {many(len(foreign), 'session')} ({names})"))
    return [line for style, text in found for line in _sentence(style, text, paint, width)]

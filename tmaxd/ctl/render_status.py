"""The status as lines: one for the fleet, then what is wrong, the groups, inboxes, workers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmaxd.ctl.text import Cell, Paint, clean, many, plain, span, table

Status = Mapping[str, Any]

STATE_STYLES = {
    "running": "green",
    "idle": "green",
    "busy": "cyan",
    "starting": "yellow",
    "draining": "yellow",
    "stopping": "yellow",
    "backoff": "yellow",
    "absent": "yellow",
    "dead": "red",
    "unknown": "red",
}

SETTLED = ("running", "idle", "busy")
"""States in which a worker is where it should be."""

ALIVE = (*SETTLED, "starting", "draining", "stopping")


def status(value: Status, now: float, paint: Paint = plain, width: int | None = None) -> list[str]:
    """`now`: wall time. No line is wider than `width` columns where a table can help it."""
    lines = [_header(value, now, paint), *_spec(value["spec"], paint), *_troubles(value, paint)]
    if value["groups"]:
        lines += ["", *_groups(value["groups"], paint, width)]
    if value["inboxes"]:
        rows: list[list[Cell]] = [[i["name"], i["to"], i["path"]] for i in value["inboxes"]]
        lines += ["", *table(["INBOX", "TO", "PATH"], rows, paint=paint, width=width)]
    if value["workers"]:
        lines += ["", *_workers(value["workers"], now, paint, width)]
    return lines


def progress(value: Status) -> str:
    """How far the fleet is, in half a line."""
    wanted = sum(group["count"] for group in value["groups"])
    up = sum(worker["state"] in SETTLED for worker in value["workers"])
    moving = _unsettled(value)
    return f"{up} of {many(wanted, 'worker')} up" + (f" ({moving})" if moving else "")


def blockers(value: Status, most: int = 5) -> list[str]:
    """What keeps the fleet from converging, a line a worker."""
    stuck = [w for w in value["workers"] if w["state"] in ("backoff", "absent", "dead")]
    lines = [
        clean(f"  {w['name']}: {w['state']}: {w['message'] or w['last_exit'] or w['reason']}")
        for w in stuck[:most]
    ]
    if len(stuck) > most:
        lines.append(f"  and {len(stuck) - most} more")
    ran = [worker["name"] for worker in stuck if worker["reason"] != "start_failed"]
    if ran:
        lines.append(clean(f"  what {ran[0]} printed last: tmaxctl logs {ran[0]}"))
    return lines


def _unsettled(value: Status) -> str:
    """`2 starting, 1 draining`; workers that wait for a replacement count as pending."""
    counts: dict[str, int] = {}
    for worker in value["workers"]:
        state = worker["state"]
        if worker["pending"] and state in SETTLED:
            state = "pending"
        if state not in SETTLED:
            counts[state] = counts.get(state, 0) + 1
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))


def _header(value: Status, now: float, paint: Paint) -> str:
    spec, tmux = value["spec"], value["tmux"]
    revision = f"revision {spec['revision']}" if spec["revision"] else "no revision yet"
    if value["converged"]:
        settled = paint("green", "converged")
    else:
        settled = paint("yellow", clean(f"converging: {_unsettled(value) or 'looking'}"))
    if tmux["channel"] == "down":
        channel = paint("red", "tmux down")
    else:
        channel = clean(f"tmux {tmux['version']}")
        if tmux["channel"] != "control":
            channel += paint("yellow", f" ({clean(tmux['channel'])} channel)")
    daemon = f"tmaxd {value['version']} pid {value['pid']} up {span(now - value['started'])}"
    return "   ".join(
        (paint("bold", clean(value["fleet"])), revision, settled, clean(daemon), channel)
    )


def _spec(spec: Mapping[str, Any], paint: Paint) -> list[str]:
    lines: list[str] = []
    path = clean(spec["path"])
    stays = f"revision {spec['revision']} stays in force" if spec["revision"] else "nothing runs"
    if spec["state"] == "missing":
        lines.append(paint("red", f"{path} is missing; {stays}"))
    elif spec["state"] == "rejected":
        lines.append(paint("red", f"{path} is rejected; {stays}:"))
        for problem in spec["problems"]:
            lines += _problem(problem, "red", paint)
    for warning in spec["warnings"]:
        lines += _problem(warning, "yellow", paint)
    return lines


def _problem(problem: Mapping[str, Any], style: str, paint: Paint) -> list[str]:
    first, *rest = str(problem["text"]).splitlines() or [""]
    return [paint(style, "  " + clean(first)), *("  " + clean(line) for line in rest)]


def _troubles(value: Status, paint: Paint) -> list[str]:
    """Standing problems, one line each."""
    lines = [paint("red", clean(text)) for text in value["problems"]]
    if trouble := value["journal"]["trouble"]:
        lines.append(paint("red", clean(f"nothing can be written: {trouble}")))
    lines += [
        paint("yellow", clean(f"group {left['group']} is gone from the spec"))
        + f" with {many(left['queued'], 'task')} queued, which wait for its return"
        for left in value["leftovers"]
    ]
    if foreign := value["foreign"]:
        names = ", ".join(clean(name) for name in foreign)
        lines.append(f"not ours, left alone: {many(len(foreign), 'session')} ({names})")
    return lines


def _groups(groups: Sequence[Mapping[str, Any]], paint: Paint, width: int | None) -> list[str]:
    header = ["GROUP", "KIND", "READY", "QUEUED", "RUNNING", "DONE", "DEAD", "RATE", "P50", "P99"]
    rows = [_group(group) for group in groups]
    return table(header, rows, paint=paint, right=range(2, 10), width=width)


def _group(group: Mapping[str, Any]) -> list[Cell]:
    ready, count = group["ready"], group["count"]
    cells: list[Cell] = [
        group["name"],
        group["kind"],
        ("" if ready >= count else "yellow", f"{ready}/{count}"),
    ]
    if group["kind"] == "run":
        return [*cells, *["-"] * 7]
    queued = f"{group['queued']:,}"
    if group["delayed"]:
        queued += f" +{group['delayed']:,} later"
    return [
        *cells,
        queued,
        f"{group['sent'] + group['running']:,}",
        f"{group['done']:,}",
        ("red" if group["dead"] else "", f"{group['dead']:,}"),
        f"{group['rate']:,.1f}/s" if group["rate"] else "-",
        _milliseconds(group["p50_ms"]),
        _milliseconds(group["p99_ms"]),
    ]


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else span(value / 1000)


def _workers(
    workers: Sequence[Mapping[str, Any]], now: float, paint: Paint, width: int | None
) -> list[str]:
    header = ["WORKER", "STATE", "PID", "UP", "RESTARTS", "TASKS", "NOTE"]
    rows = [_worker(worker, now) for worker in workers]
    return table(header, rows, paint=paint, right=(2, 3, 4, 5), width=width)


def _worker(worker: Mapping[str, Any], now: float) -> list[Cell]:
    state = worker["state"]
    alive = state in ALIVE and worker["pid"] is not None
    return [
        worker["name"],
        (STATE_STYLES.get(state, ""), state),
        str(worker["pid"] or "-"),
        span(now - worker["since"]) if alive else "-",
        str(worker["restarts"] or "-"),
        str(worker["in_flight"] or "-"),
        _note(worker, now),
    ]


def _note(worker: Mapping[str, Any], now: float) -> str:
    """What a user would ask next: which task, why not running, when again."""
    parts: list[str] = []
    if worker["running"]:
        first, *more = worker["running"]
        parts.append(f"task {first}" + (f" and {len(more)} more" if more else ""))
    if worker["pending"] and not (worker["message"] or "").startswith(worker["pending"]):
        parts.append(f"pending: {worker['pending']}")
    if worker["state"] not in SETTLED:
        why = worker["message"] or worker["last_exit"] or worker["reason"]
        if why:
            parts.append(why)
        if worker["next_start"] is not None:
            parts.append(f"again in {span(worker['next_start'] - now)}")
    elif worker["message"]:
        parts.append(worker["message"])
    return "; ".join(parts)

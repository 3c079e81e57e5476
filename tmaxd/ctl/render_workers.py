"""The workers of a status as a table, each with what a user would ask next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, amount, in_line, span

Worker = Mapping[str, Any]

STATE_STYLES = {
    "running": "green",
    "idle": "green",
    "busy": "cyan",
    "starting": "yellow",
    "waiting": "yellow",
    "draining": "yellow",
    "stopping": "yellow",
    "backoff": "yellow",
    "absent": "yellow",
    "unhealthy": "red",
    "quarantined": "red",
    "failed": "red",
}

SETTLED = ("running", "idle", "busy")
"""States in which a worker is up, as it should be."""

OVER = ("stopped", "finished", "failed")
"""States in which a worker is down, and stays so by itself."""

ALIVE = (*SETTLED, "unhealthy", "starting", "draining", "stopping")

ORDERS = {"restart": "restart ordered", "pause": "paused", "pin": "pinned"}
"""What operators have asked of it, where its state does not say it."""

IGNORED = (("bad", "bad lines"), ("strays", "stray frames"))
"""Fields that count what a worker said and nobody could use."""


def workers(values: Sequence[Worker], now: float, paint: Paint, width: int | None) -> list[str]:
    columns = [
        Column("WORKER"),
        Column("STATE", keep=9),
        Column("PID", keep=2, right=True),
        Column("UP", keep=4, right=True),
        Column("RESTARTS", keep=3, right=True),
        Column("TASKS", keep=6, right=True),
        Column("MEMORY", keep=1, right=True),
        Column("NOTE", keep=8, elastic=True),
    ]
    rows = [_worker(worker, now) for worker in values]
    if not any(worker.get("usage") for worker in values):  # nothing was measured yet
        at = [column.title for column in columns].index("MEMORY")
        columns = columns[:at] + columns[at + 1 :]
        rows = [row[:at] + row[at + 1 :] for row in rows]
    return table(columns, rows, paint=paint, width=width)


def state_of(worker: Worker) -> str:
    """Who is paused drains in the daemon's words, though nothing is to follow it."""
    paused = worker["state"] == "draining" and worker["pending"] == "paused"
    return "paused" if paused else str(worker["state"])


def _worker(worker: Worker, now: float) -> list[Cell]:
    state = worker["state"]
    alive = state in ALIVE and worker["pid"] is not None
    style = "red" if worker["silent"] else STATE_STYLES.get(state, "")
    return [
        worker["name"],
        (style, "silent" if worker["silent"] and state in SETTLED else state_of(worker)),
        str(worker["pid"] or "-"),
        span(now - worker["since"]) if alive else "-",
        str(worker["restarts"] or "-"),
        str(worker["in_flight"] or "-"),
        amount(worker["usage"]["bytes"]) if worker.get("usage") else "-",
        "; ".join(
            [
                *_now(worker, now),
                *_orders(worker),
                *_change(worker),
                *_memory(worker),
                *map(in_line, _why(worker, now)),
            ]
        ),
    ]


def _now(worker: Worker, now: float) -> list[str]:
    """What it does, or should do."""
    parts: list[str] = []
    if worker["running"]:
        first, *more = worker["running"]
        parts.append(f"task {first}" + (f" and {len(more)} more" if more else ""))
    if worker["silent"] and worker["heard"] is not None:
        parts.append(f"not heard for {span(now - worker['heard'])}")
    return parts


def _orders(worker: Worker) -> list[str]:
    said = [ORDERS[order] for order in worker["orders"] if order in ORDERS]
    order = next((order for order in ("stop", "drain") if order in worker["orders"]), None)
    if order and worker["state"] != "stopped" and "by an order" not in worker["message"]:
        said.append(f"{order} ordered")
    return [word for word in said if word != "paused" or "paused" not in worker["message"]]


def _change(worker: Worker) -> list[str]:
    """How far it is from what the spec wants."""
    parts: list[str] = []
    pending, message = worker["pending"], worker["message"] or ""
    known = (*ORDERS, "paused", "after", "operator_restart", "operator_stop")
    if pending and pending not in known and not message.startswith(pending):
        parts.append(f"pending: {pending}")
    # That it is pinned, or has tasks, stands beside it already.
    if pending and "attached" in worker["held_by"]:
        parts.append("waits, since somebody is attached")
    elif worker["outdated"] and worker["pid"] is not None and pending != "spec_changed":
        parts.append(f"still revision {worker['revision']}" if worker["revision"] else "outdated")
    if worker["waits"] and worker["waits"] not in message:
        parts.append(f"waits for {worker['waits']}")
    parts += [f"{worker[key]:,} {words}" for key, words in IGNORED if worker[key]]
    return parts


def over_limit(value: Mapping[str, Any]) -> str:
    """How a worker, a group or the fleet does not keep to its memory limits; empty where it does."""
    found = (each for each in value["conditions"] if each["type"] == "MemoryWithinLimits")
    return next((str(each["message"]) for each in found if each["status"] == "False"), "")


def _memory(worker: Worker) -> list[str]:
    words = over_limit(worker)
    return [f"memory: {words}"] if words else []


def _why(worker: Worker, now: float) -> list[str]:
    """Why it is not up, and when again."""
    state = worker["state"]
    if state in SETTLED:
        return [worker["message"]] if worker["message"] else []
    parts: list[str] = []
    why = worker["message"] or (worker["last_exit"] if state != "stopped" else "")
    if state == "failed" and worker["reason"] == "crash_limit":
        parts.append("crashed too often")
    if why or worker["reason"]:
        parts.append(why or _reason(worker))
    if worker["next_start"] is not None:
        parts.append(f"again in {span(worker['next_start'] - now)}")
    return parts


def _reason(worker: Worker) -> str:
    return "by an order" if worker["reason"] == "operator_stop" else str(worker["reason"])

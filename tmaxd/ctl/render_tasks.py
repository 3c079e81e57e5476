"""Tasks as lines: the list, and the story of one in plain words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tmaxd.ctl.text import Cell, Paint, clean, cut, many, plain, span, table

Row = Mapping[str, Any]

STATE_STYLES = {"done": "green", "dead": "red", "running": "cyan", "sent": "cyan"}

OUTCOMES = {
    "done": "done",
    "failed": "failed",
    "temporary": "failed for a passing cause",
    "timeout": "ran out of time",
    "lost": "was lost with its worker",
    "unsent": "never began",
    "interrupted": "was interrupted: its worker was stopped for another reason",
}
"""How an attempt ended, in words."""

SHOWN_LINES = 10
"""Lines of a payload in a story; the whole stands in `-o json`."""


def tasks(
    rows: Sequence[Row], now: float, paint: Paint = plain, width: int | None = None
) -> list[str]:
    if not rows:
        return ["no tasks"]
    header = ["ID", "GROUP", "STATE", "TRY", "WORKER", "AGE", "TOOK", "PAYLOAD"]
    body = [_row(row, now) for row in rows]
    return table(header, body, paint=paint, right=(0, 3, 5, 6), width=width)


def _row(row: Row, now: float) -> list[Cell]:
    state = row["state"]
    payload = row["payload"]
    if row["error"]:
        payload = f"{cut(payload, 60)}  ({row['error']})"
    return [
        str(row["id"]),
        row["group"],
        (STATE_STYLES.get(state, ""), state),
        str(row["attempt"] or "-"),
        row["worker"] or "-",
        span(now - row["submitted"]),
        _took(row, now),
        payload,
    ]


def _took(row: Row, now: float) -> str:
    if row["started"] is None:
        return "-"
    end = row["ended"] if row["ended"] is not None else now
    return span(end - row["started"])


def story(
    value: Mapping[str, Any], now: float, when: Callable[[float], str], paint: Paint = plain
) -> list[str]:
    """`now`: wall time; `when`: a wall time as people write it."""
    task = value["task"]
    head = f"task {task['id']} of {task['group']}: "
    lines = [paint("bold", clean(head)) + paint(STATE_STYLES.get(task["state"], ""), task["state"])]
    lines += _block("payload", value["payload"])
    lines.append(
        _fact("submitted", f"{when(task['submitted'])} ({span(now - task['submitted'])} ago)")
    )
    lines += [_fact(f"attempt {a['attempt']}", _past(a)) for a in value["attempts"]]
    if now_words := _present(task, now):
        label = f"attempt {task['attempt']}" if task["worker"] else "now"
        lines.append(_fact(label, now_words))
    if task["state"] == "dead" and task["error"]:
        lines += _block("error", task["error"])
    if task["state"] == "done":
        lines.append(_fact("result", _result(value)))
    return lines


def _fact(label: str, text: str) -> str:
    return f"  {label:<10} {clean(text)}"


def _block(label: str, text: str) -> list[str]:
    lines = text.splitlines() or [""]
    shown = [_fact(label if i == 0 else "", line) for i, line in enumerate(lines[:SHOWN_LINES])]
    if len(lines) > SHOWN_LINES:
        shown.append(_fact("", f"… and {many(len(lines) - SHOWN_LINES, 'line')} more"))
    return shown


def _past(attempt: Row) -> str:
    words = f"on {attempt['worker']} {OUTCOMES.get(attempt['outcome'], attempt['outcome'])}"
    if attempt["started"] is not None:
        words += f" after {span(attempt['ended'] - attempt['started'])}"
    return words + (f": {attempt['error']}" if attempt["error"] else "")


def _present(task: Row, now: float) -> str:
    """What the last attempt does or did."""
    on = f"on {task['worker']}"
    match task["state"]:
        case "queued":
            return "waits for a worker"
        case "delayed":
            return f"waits for its next attempt, in {span((task['due'] or now) - now)}"
        case "sent":
            return f"with {task['worker']}, not begun"
        case "running":
            return f"{on} for {span(now - (task['started'] or now))}"
        case _:
            return f"{on} {task['state']}{_times(task)}" if task["worker"] else ""


def _times(task: Row) -> str:
    if task["started"] is None or task["ended"] is None:
        return ""
    waited = span(task["started"] - task["submitted"])
    return f" in {span(task['ended'] - task['started'])}, begun {waited} after it was submitted"


def _result(value: Mapping[str, Any]) -> str:
    command = f"tmaxctl result {value['task']['id']}"
    if value["result_file"]:
        return f"in a file; see `{command}`"
    text = value["result"] or ""
    first, *more = text.splitlines() or [""]
    if not more and len(first) <= 100:
        return first or "(empty)"
    return f"{cut(first, 100)} … ({many(len(text), 'character')}; see `{command}`)"

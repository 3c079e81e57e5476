"""The story of one task in plain words: what was asked, each attempt with its times, how it ended. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmaxd.ctl.render_tasks import STATE_STYLES
from tmaxd.ctl.text import Paint, clean, cut, many, plain, span, wrap

if TYPE_CHECKING:
    from tmaxd.ctl.hints import Hint

Row = Mapping[str, Any]
Facts = list[tuple[str, str]]
"""(label, what is said)."""

OUTCOMES = {
    "done": "done",
    "failed": "failed",
    "temporary": "failed for a passing cause",
    "timeout": "ran out of time",
    "lost": "was lost with its worker",
    "unsent": "never began",
    "returned": "was given back before it began",
    "interrupted": "was interrupted: its worker was stopped for another reason",
    "cancelled": "was cancelled",
    "expired": "had not begun when its time was over",
}
"""How an attempt ended, in words."""

FREE = ("unsent", "returned", "interrupted")
"""Attempts that are not counted."""

SHOWN_LINES = 10
SHOWN_COLUMNS = 400
"""Of a payload or error in a story; the whole stands in `-o json`."""

LABEL = 13
"""Columns before what is said."""

SHOWN_MADE = 10


@dataclass(frozen=True)
class Telling:
    """What a story needs beside the task."""

    now: float
    """Wall time."""
    date: Callable[[float], str]
    """A wall time with its day, as people write it."""
    clock: Callable[[float], str]
    """The time of day alone."""
    hint: Hint
    paint: Paint = plain
    width: int | None = None
    """Columns that a line may have."""

    def fact(self, label: str, text: str) -> list[str]:
        line = f"  {label}".ljust(LABEL - 1) + " " + clean(text)
        return wrap(line, self.width, " " * LABEL)

    def facts(self, facts: Facts) -> list[str]:
        return [line for label, text in facts for line in self.fact(label, text)]

    def block(self, label: str, text: str) -> list[str]:
        """Text of any length, as it is written."""
        lines = text.splitlines() or [""]
        shown = [
            (label if i == 0 else "", cut(line, SHOWN_COLUMNS))
            for i, line in enumerate(lines[:SHOWN_LINES])
        ]
        if len(lines) > SHOWN_LINES:
            shown.append(("", f"… and {many(len(lines) - SHOWN_LINES, 'line')} more"))
        return self.facts(shown)

    def moment(self, wall: float, day_of: float) -> str:
        """The day only where it is not that of the other moment."""
        whole = self.date(wall)
        same = whole.split(" ")[0] == self.date(day_of).split(" ")[0]
        return self.clock(wall) if same else whole


def story(value: Mapping[str, Any], made: Sequence[Row], telling: Telling) -> list[str]:
    """`value`: as the API gives it; `made`: the tasks that its end made, newest first."""
    task = value["task"]
    head = f"task {task['id']} of {task['group']}: "
    state = telling.paint(STATE_STYLES.get(task["state"], ""), clean(task["state"]))
    lines = [telling.paint("bold", clean(head)) + state]
    lines += telling.block("payload", value["payload"])
    lines += telling.facts(
        [*_asked(task, telling), *_attempts(value, telling), *_present(value, telling)]
    )
    if task["state"] in ("dead", "cancelled") and task["error"] not in (None, "", task["state"]):
        lines += telling.block("error", task["error"])
    if task["state"] == "done":
        lines += telling.fact("result", _result(value, telling.hint))
    if made:
        lines += telling.fact("made", _made(task, made, telling.hint))
    return lines


def _asked(task: Row, telling: Telling) -> Facts:
    """What was wanted of it beside its payload, and when."""
    submitted, now = task["submitted"], telling.now
    ago = span(now - submitted)
    facts = [("submitted", f"{telling.date(submitted)} ({ago} ago)")]
    if task["source"] is not None:
        hops = f", {many(task['hops'], 'hop')} from the first" if task["hops"] > 1 else ""
        facts.append(("made by", f"the end of task {task['source']}{hops}"))
    facts += [(label, task[label]) for label in ("key", "affinity") if task[label] is not None]
    if task["priority"]:
        facts.append(("priority", str(task["priority"])))
    if task["expires"] is not None and task["ended"] is None:
        facts.append(
            ("expires", f"if it has not begun at {telling.moment(task['expires'], submitted)}")
        )
    return facts


def _attempts(value: Mapping[str, Any], telling: Telling) -> Facts:
    """Every attempt that has been with a worker, and the waiting before each."""
    task = value["task"]
    rows: list[Row] = [*value["attempts"]]
    if task["sent"] is not None and task["state"] not in ("queued", "delayed"):
        rows.append(task)
    facts: Facts = []
    free_since = task["submitted"]
    for row in rows:
        facts += _waited(free_since, row["sent"])
        facts.append((f"attempt {row['attempt']}", _attempt(row, task, telling)))
        free_since = row["ended"] or row["sent"]
    return facts


def _waited(since: float, until: float) -> Facts:
    """Not worth a line where it was nothing."""
    return [("waited", span(until - since))] if until - since >= 0.0005 else []


def _attempt(row: Row, task: Row, telling: Telling) -> str:
    where = f"on {row['worker']} (run {row['run']}), " if row["run"] else f"on {row['worker']}, "
    words = where + f"sent {telling.moment(row['sent'], task['submitted'])}"
    if row["started"] is not None:
        words += f", begun {span(row['started'] - row['sent'])} later"
    if row["ended"] is None:
        return words
    outcome = row["outcome"] or ""
    words += f", {OUTCOMES.get(outcome, outcome)}"
    if row["started"] is not None:
        words += f" after {span(row['ended'] - row['started'])}"
    if outcome in FREE:
        words += " (not counted)"
    if row is task or row["error"] in ("", outcome):  # the last error has a block of its own
        return words
    first, *more = row["error"].splitlines()
    return f"{words}: {cut(clean(first), 200)}" + (" …" if more else "")


def _present(value: Mapping[str, Any], telling: Telling) -> Facts:
    """What it does now."""
    task = value["task"]
    facts: Facts = []
    match task["state"]:
        case "queued":
            facts.append(("now", _waits(task)))
        case "delayed":
            facts.append(("now", _delayed(task, telling)))
        case "sent":
            facts.append(("now", f"with {task['worker']}, not begun"))
        case "running":
            since = span(telling.now - (task["started"] or telling.now))
            facts.append(("now", f"runs for {since}"))
        case _ if task["ended"] is not None:
            facts.append(("ended", _ended(task, telling)))
    if progress := value["progress"]:
        facts.append(("progress", _progress(progress, telling.now)))
    if value["cancelling"]:
        facts.append(("cancel", "asked for; its worker has not answered yet"))
    return facts


def _waits(task: Row) -> str:
    worker = task["waits_for"]
    if worker is None:
        return "waits for a worker"
    return f"waits for worker {worker}, which has the tasks of its affinity and no room now"


def _delayed(task: Row, telling: Telling) -> str:
    what = "its next attempt" if task["attempt"] else "its time"
    if task["due"] is None or task["due"] <= telling.now:
        return _waits(task)
    at = telling.moment(task["due"], telling.now)
    return f"waits for {what}, in {span(task['due'] - telling.now)} (at {at})"


def _ended(task: Row, telling: Telling) -> str:
    at = telling.moment(task["ended"], task["submitted"])
    words = f"{at}, {span(task['ended'] - task['submitted'])} after it was submitted"
    if task["worker"] is None and task["outcome"] in ("cancelled", "expired"):
        words += f": it {OUTCOMES[task['outcome']]}"
    return words


def _progress(progress: Row, now: float) -> str:
    words = f"{progress['done']:,.10g}"
    if total := progress["total"]:
        words += f" of {total:,.10g} ({progress['done'] / total:.0%})"
    if progress["note"]:
        words += f": {progress['note']}"
    return f"{words} ({span(now - progress['at'])} ago)"


def _result(value: Mapping[str, Any], hint: Hint) -> str:
    command = hint(f"result {value['task']['id']}")
    if value["result_file"]:
        return f"in a file; see `{command}`"
    text = value["result"] or ""
    first, *more = text.splitlines() or [""]
    if not more and len(first) <= 100:
        return first or "(empty)"
    return f"{cut(first, 100)} … ({many(len(text), 'character')}; see `{command}`)"


def _made(task: Row, made: Sequence[Row], hint: Hint) -> str:
    shown = ", ".join(
        f"task {row['id']} of {row['group']} ({row['state']})"
        for row in reversed(made[-SHOWN_MADE:])
    )
    more = (
        f", and more: {hint('tasks --source ' + str(task['id']))}" if len(made) > SHOWN_MADE else ""
    )
    return shown + more

"""Which tasks a `cancel` or `retry` is about, and what became of each."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import click

from tmaxd.ctl.api import Api, Refused
from tmaxd.ctl.console import Console, Live, is_terminal
from tmaxd.ctl.errors import CtlError, WrongUsage
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.ids import Ranges, total, written
from tmaxd.ctl.render_verdicts import WORDS, Words, one, summary
from tmaxd.ctl.text import many

SHOWN = 20
"""Tasks that are told one by one; more are summed up, but for the first failures, and on a
terminal somebody is asked before."""

MOST_SPANS = 5
"""Ranges that a question names."""


@dataclass(frozen=True)
class Choice:
    verb: str
    """`cancel` or `retry`."""
    ids: Ranges
    group: str | None
    states: tuple[str, ...]
    """Of the group's tasks."""

    def __post_init__(self) -> None:
        if self.ids and self.group is not None:
            raise WrongUsage("give task ids or --group, not both")
        if not self.ids and self.group is None:
            raise WrongUsage(
                f"which tasks? `tmaxctl {self.verb} 17`, `{self.verb} 5..9`, or --group GROUP"
            )

    def body(self) -> dict[str, Any]:
        if self.group is None:
            return {"ranges": self.ids}
        return {"group": self.group, "states": self.states}


@dataclass
class Verdicts:
    words: Words
    counts: dict[str, int] = field(default_factory=dict)
    first: list[tuple[int, str]] = field(default_factory=list)
    """As many as are told one by one."""
    failures: list[tuple[int, str]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def add(self, id: int, verdict: str) -> None:
        self.counts[verdict] = self.counts.get(verdict, 0) + 1
        if len(self.first) < SHOWN:
            self.first.append((id, verdict))
        if verdict not in self.words.good and len(self.failures) < SHOWN:
            self.failures.append((id, verdict))


def carry_out(console: Console, api: Api, choice: Choice, sure: bool) -> None:
    """Ask, do, tell. Ends with 1 when something could not be done."""
    if not sure and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        _ask(api, choice)
    verdicts = Verdicts(WORDS[choice.verb])
    listed: list[dict[str, Any]] = []
    with Live(WORDS[choice.verb].doing) as live:
        for id, verdict in api.judge(choice.verb, choice.body()):
            verdicts.add(id, verdict)
            live.show(f"{WORDS[choice.verb].doing}: {many(verdicts.total, 'task')}")
            if console.as_json:
                listed.append({"id": id, "verdict": verdict})
    if console.as_json:
        console.json({"tasks": listed, "counts": verdicts.counts})
    else:
        _tell(console, api, choice, verdicts)
    if _failed(choice, verdicts):
        raise click.exceptions.Exit(1)


def _failed(choice: Choice, verdicts: Verdicts) -> bool:
    """A task of a group that was over by itself a moment before is none that could not be done."""
    fine = {*verdicts.words.good, *(verdicts.words.overtaken if choice.group else ())}
    return bool(verdicts.counts.keys() - fine)


def _ask(api: Api, choice: Choice) -> None:
    """Before many tasks are touched: where a range was mistyped, or a group has more than was thought. Scripts are
    not asked."""
    question = _about_ids(choice) if choice.group is None else _about_group(api, choice)
    if question is not None and not click.confirm(f"{choice.verb} {question}?", err=True):
        raise CtlError("nothing was changed", "not_confirmed")


def _about_ids(choice: Choice) -> str | None:
    number = total(choice.ids)
    if number <= SHOWN:
        return None
    spans = ", ".join(written(*span) for span in choice.ids[:MOST_SPANS])
    more = ", …" if len(choice.ids) > MOST_SPANS else ""
    return f"up to {many(number, 'task')} ({spans}{more})"


def _about_group(api: Api, choice: Choice) -> str | None:
    groups = {g["name"]: g for g in api.get("/v1/status")["groups"]}
    number = None
    if choice.group in groups:
        number = sum(groups[choice.group].get(state, 0) for state in choice.states)
    if number is not None and number < 2:
        return None
    what = "all tasks" if number is None else many(number, "task")
    return f"{what} of {choice.group} that are {' or '.join(choice.states)}"


def _tell(console: Console, api: Api, choice: Choice, verdicts: Verdicts) -> None:
    hint = hints_for(api.fleet)
    if not verdicts.total:
        _tell_of_none(console, api, choice)
        return
    if verdicts.total <= SHOWN:
        for id, verdict in verdicts.first:
            _tell_one(console, api, choice, id, verdict)
        return
    console.say(summary(verdicts.words, verdicts.counts))
    for id, verdict in verdicts.failures:
        _tell_one(console, api, choice, id, verdict)
    bad = sum(n for word, n in verdicts.counts.items() if word not in verdicts.words.good)
    if bad > len(verdicts.failures):
        console.note(f"… and {bad - len(verdicts.failures):,} more; see {hint('tasks')}")


def _tell_of_none(console: Console, api: Api, choice: Choice) -> None:
    """Raises CtlError when that is because there is no such group."""
    status = api.get("/v1/status")
    able = [g["name"] for g in status["groups"] if g["kind"] != "run"]
    if choice.group not in {*able, *(left["group"] for left in status["leftovers"])}:
        names = ", ".join(able) or "none"
        raise CtlError(
            f"no group {choice.group} has tasks; groups that take them: {names}", "unknown_group"
        )
    console.say(f"group {choice.group} has no task that is {' or '.join(choice.states)}")


def _tell_one(console: Console, api: Api, choice: Choice, id: int, verdict: str) -> None:
    """What was done goes to standard output, why something was not to standard error."""
    words = WORDS[choice.verb]
    text = one(words, id, verdict, hints_for(api.fleet), lambda: _state(api, id))
    if verdict in words.good:
        console.say(text)
    else:
        console.note(text)


def _state(api: Api, id: int) -> str:
    try:
        return str(api.get(f"/v1/tasks/{id}")["task"]["state"])
    except Refused:
        return "gone"

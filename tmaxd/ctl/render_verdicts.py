"""What became of tasks that were to be cancelled or retried, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmaxd.ctl.text import many

if TYPE_CHECKING:
    from tmaxd.ctl.hints import Hint


@dataclass(frozen=True)
class Words:
    doing: str
    good: Mapping[str, str]
    """Verdicts that mean it was done, and what they say of many tasks."""
    overtaken: tuple[str, ...]
    """Verdicts of tasks that were as wanted when they were looked for, and then went on by themselves."""
    sentences: Mapping[str, str]
    """Verdict to what it says of one task, with `{id}`, `{state}` and `{hint}`."""


_BOTH = {
    "unknown": "there is no task {id}",
    "unreadable": "task {id}: nothing was changed, since the daemon could not read it from its disk; "
    "try again, and see `{status}`",
}

_REST = {
    "ended": "were over already",
    "waiting": "are not over yet",
    "done": "have a result",
    "no_payload": "have no payload to be tried with",
    "unknown": "do not exist",
    "unreadable": "could not be read from the disk",
}

WORDS = {
    "cancel": Words(
        doing="cancelling",
        good={"cancelled": "cancelled", "cancelling": "asked of their workers"},
        overtaken=("ended",),
        sentences=_BOTH
        | {
            "cancelled": "task {id} is cancelled",
            "cancelling": "task {id} runs; its worker is asked to end it (`{task}` shows what comes of it)",
            "ended": "task {id} is {state} already: there is nothing left to cancel",
        },
    ),
    "retry": Words(
        doing="retrying",
        good={"retried": "wait again"},
        overtaken=("waiting", "done"),
        sentences=_BOTH
        | {
            "retried": "task {id} waits again, with all its attempts before it",
            "waiting": "task {id} is {state}: it is not over yet, so there is nothing to retry",
            "done": "task {id} is done and has a result; to have it done again, submit it anew",
            "no_payload": "task {id} cannot be tried: its route could not make its payload (`{task}` shows why)",
        },
    ),
}


def one(words: Words, id: int, verdict: str, hint: Hint, state: Callable[[], str]) -> str:
    """`state`: asks for the task's state, where the sentence needs it."""
    sentence = words.sentences.get(verdict)
    if sentence is None:
        return f"task {id}: {verdict}"
    return sentence.format(
        id=id,
        state=state() if "{state}" in sentence else "",
        task=hint(f"task {id}"),
        status=hint("status"),
    )


def summary(words: Words, counts: Mapping[str, int]) -> str:
    """`1,200 tasks: 1,190 cancelled, 10 were over already`."""
    parts = [f"{counts[word]:,} {said}" for word, said in words.good.items() if counts.get(word)]
    parts += [
        f"{number:,} {_REST.get(word, word)}"
        for word, number in counts.items()
        if word not in words.good
    ]
    return f"{many(sum(counts.values()), 'task')}: {', '.join(parts)}"

"""What is asked for the tasks of one submit: from the query and from each task's own words to `Options`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from aiohttp import web

from tmaxd.daemon.api.answers import Refusal
from tmaxd.daemon.api.query import integer, number, signed, word
from tmaxd.daemon.api.types import NewTask
from tmaxd.daemon.api.verb import Parameter
from tmaxd.tasks.records import MAX_KEY, MAX_PRIORITY, MIN_PRIORITY, PLAIN, Options

FOREVER = 1e10
"""Seconds: more than anybody waits, and what a wall time has less of."""

Item = str | NewTask
Run = tuple[int, Options, Sequence[str]]
"""(place of the first in the items, options, payloads): neighbours that are asked for alike."""


@dataclass(frozen=True)
class Wishes:
    """The query's part: what holds for tasks that do not say otherwise. Times are relative as given."""

    priority: int = 0
    after: float | None = None
    at: float | None = None
    key: str | None = None
    affinity: str | None = None
    expires: float | None = None
    max_queue: int | None = None

    def options(self, now: float) -> Options:
        """Of a task that says nothing itself; `now` is the wall time."""
        return self._options(
            self.priority, self._due(now), self.key, self.affinity, self.expires, now
        )

    def options_of(self, task: NewTask, now: float) -> Options:
        due = self._due(now)
        if task.after is not None:
            due = now + task.after
        elif task.at is not None:
            due = task.at
        return self._options(
            self.priority if task.priority is None else task.priority,
            due,
            self.key if task.key is None else task.key,
            self.affinity if task.affinity is None else task.affinity,
            self.expires if task.expires is None else task.expires,
            now,
        )

    def _due(self, now: float) -> float | None:
        return self.at if self.after is None else now + self.after

    @staticmethod
    def _options(
        priority: int,
        due: float | None,
        key: str | None,
        affinity: str | None,
        expires: float | None,
        now: float,
    ) -> Options:
        if due is not None and due <= now:
            due = None
        if (priority, due, key, affinity, expires) == (0, None, None, None, None):
            return PLAIN
        until = None if expires is None else (now if due is None else due) + expires
        return Options(priority=priority, due=due, expires=until, key=key, affinity=affinity)

    def runs(self, items: Sequence[Item], now: float) -> Iterator[Run]:
        """In order. A task with a key is alone."""
        if all_plain(items):
            if items:
                yield 0, self.options(now), items
            return
        start, options, payloads = 0, PLAIN, list[str]()
        for place, item in enumerate(items):
            if isinstance(item, str):
                own, payload = self.options(now), item
            else:
                own, payload = self.options_of(item, now), item.payload
            if payloads and (own != options or own.key is not None):
                yield start, options, payloads
                start, payloads = place, []
            options = own
            payloads.append(payload)
        if payloads:
            yield start, options, payloads


def all_plain(items: Sequence[Item]) -> TypeGuard[Sequence[str]]:
    """They are texts and nothing else."""
    return NewTask not in set(map(type, items))


def wishes(request: web.Request) -> Wishes:
    given = request.query
    if "after" in given and "at" in given:
        raise Refusal(400, "bad_option", "after and at say the same in two ways: give one of them")
    return Wishes(
        priority=signed(request, "priority", 0, MIN_PRIORITY, MAX_PRIORITY),
        after=number(request, "after", 0.0, 0.0, FOREVER) if "after" in given else None,
        at=number(request, "at", 0.0, 0.0, FOREVER) if "at" in given else None,
        key=word(request, "key", MAX_KEY),
        affinity=word(request, "affinity", MAX_KEY),
        expires=number(request, "expires", 0.0, 0.0, FOREVER) if "expires" in given else None,
        max_queue=integer(request, "max_queue", None, 0, 2**63 - 1),
    )


def contradiction(task: NewTask) -> str | None:
    """What is wrong with a task that is well formed."""
    if task.after is not None and task.at is not None:
        return "after and at say the same in two ways: give one of them"
    return None


SECONDS = {"type": "number", "minimum": 0, "maximum": FOREVER}
WORD = {"type": "string", "minLength": 1, "maxLength": MAX_KEY}

PARAMETERS = (
    Parameter("group", {"type": "string"}, "The group to work on them.", True),
    Parameter(
        "priority",
        {"type": "integer", "minimum": MIN_PRIORITY, "maximum": MAX_PRIORITY, "default": 0},
        "Higher ones go first.",
    ),
    Parameter("after", SECONDS, "Seconds from now before which they are not begun."),
    Parameter("at", SECONDS, "Wall time before which they are not begun."),
    Parameter(
        "key",
        WORD,
        "Of one task: a second submission to the group with the same key and payload is the same task.",
    ),
    Parameter(
        "affinity",
        WORD,
        "Tasks of one affinity go to one worker, where the group's balance is `sticky`.",
    ),
    Parameter(
        "expires",
        SECONDS,
        "Seconds from now (from `at`, where given) after which one that has not begun is given up.",
    ),
    Parameter(
        "max_queue",
        {"type": "integer", "minimum": 0},
        "Refuse if more than so many tasks would wait in the group; its own limit holds as well.",
    ),
)
NAMES = tuple(parameter.name for parameter in PARAMETERS)

"""What a group says of `ready` and `health`: one question each, and one that can be asked."""

from __future__ import annotations

import re
import warnings
from typing import Any

from tmaxd.spec.addresses import http_mistake, tcp_mistake
from tmaxd.spec.merge import asked
from tmaxd.spec.subject import Subject
from tmaxd.spec.supervision import HEALTH_QUESTIONS, READY_QUESTIONS

MIN_HEARTBEAT = 30.0
"""Seconds. Workers send one every 10, and may be late."""


def check_probes(group: Subject) -> None:
    """Findings go to the group's `report` and `warn`."""
    for name, questions in (("ready", READY_QUESTIONS), ("health", HEALTH_QUESTIONS)):
        keys = getattr(group.merged, name)
        if keys:
            _one(group, name, asked(keys), questions)
            _questions(group, name, group.said(name))


def _one(group: Subject, name: str, found: list[str], questions: tuple[str, ...]) -> None:
    if len(found) > 1:
        message = f"`{found[0]}` stands here too; `{name}` asks one question"
        group.report((name, found[1]), message)
    elif not found and not group.unsound(name):
        message = "does not say what is asked"
        group.report((name,), message, allowed=f"one of {', '.join(questions)}")


def _questions(group: Subject, name: str, said: dict[str, Any]) -> None:
    if "exec" in said and not said["exec"][0].strip():
        message = "the first entry names the program; it is empty"
        group.report((name, "exec", 0), message)
    for key, mistake in (("tcp", tcp_mistake), ("http", http_mistake)):
        if key in said and (wrong := mistake(str(said[key]))):
            group.report((name, key), wrong[0], allowed=wrong[1])
    if name == "ready" and "output" in said:
        _pattern(group, said["output"])
    for key in ("frame", "heartbeat"):
        if said.get(key) and group.kind == "run":
            message = (
                f"only workers of `serve` and `task` have a results FIFO; `{group.name}` has `run`"
            )
            group.report((name, key), message)
    if said.get("heartbeat", MIN_HEARTBEAT) < MIN_HEARTBEAT:
        message = f"less than {MIN_HEARTBEAT:.0f}s: workers give a sign of life every 10s, and may be late"
        group.report((name, "heartbeat"), message)
    _times(group, name, said)


def _times(group: Subject, name: str, said: dict[str, Any]) -> None:
    within = said.get("within", 60.0)
    if "alive" in said and said["alive"] >= within:
        message = (
            "not shorter than `within` (1m where nothing is said), so that it can never be ready"
        )
        group.report((name, "alive"), message)


def _pattern(group: Subject, pattern: str) -> None:
    path = ("ready", "output")
    if not pattern:
        group.report(path, "an empty expression is found in every line", allowed='such as "ready"')
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later Python may read in another way
            compiled = re.compile(pattern)
    except re.error as error:
        mark, key = group.at(path)
        place = mark.within(pattern, error.pos or 0)
        group.reports(place.problem(key, f"no regular expression: {error.msg}"))
    except (OverflowError, RecursionError):
        group.report(path, "a regular expression too large for Python")
    else:
        if compiled.search(""):
            group.warn(
                path, "is found in an empty line too, so that hardly anything has to be written"
            )

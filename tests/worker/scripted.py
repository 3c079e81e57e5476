"""A worker of the SDK whose payloads say what it shall do. `scripted.py sync|async [WINDOW]`."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from tmaxd.worker import Task, Temporary, serve

ERRORS = {"raise": ValueError, "temporary": Temporary, "timeout": TimeoutError}


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(task: Task, rest: str) -> str:
    task.progress(0.5, note=rest)
    return "noted"


def number(task: Task, rest: str) -> None:
    task.progress(float(rest))


kept: list[Task] = []


def keep(task: Task, rest: str) -> str:
    kept.append(task)
    return "kept"


def late_report(task: Task, rest: str) -> str:
    for ended in kept:
        ended.progress(1)
    return "said"


REPORTS = {"note": note, "number": number, "keep": keep, "late": late_report}


def act(task: Task) -> object:
    verb, _, rest = task.payload.partition(" ")
    if verb in ERRORS:
        raise ERRORS[verb](rest)
    if verb in REPORTS:
        return REPORTS[verb](task, rest)
    match verb:
        case "crash":
            os._exit(9)
        case "json":
            return {"id": task.id, "attempt": task.attempt, "timeout": task.timeout}
        case "bytes":
            return rest.encode()
        case "none":
            return None
        case "strange":
            return object()
        case "half":
            return "\ud800"
        case "long":
            return "ü" * int(rest)
    return task.payload


def wait(task: Task) -> float | None:
    verb, _, rest = task.payload.partition(" ")
    return float(rest) if verb == "sleep" else None


def steps(task: Task) -> list[tuple[int, int]]:
    total = int(task.payload.removeprefix("progress "))
    return [(done, total) for done in range(1, total + 1)]


def sync(task: Task) -> object:
    seconds = wait(task)
    if task.payload.startswith("gate "):
        while not os.path.exists(task.payload[5:]):
            time.sleep(0.01)
    if task.payload.startswith("progress "):
        for done, total in steps(task):
            task.progress(done, total, f"step {done}")
            time.sleep(0.001)
    if seconds is not None:
        say("asleep")
        try:
            time.sleep(seconds)
        finally:
            say("cleaned up")
    return act(task)


class Coroutine:
    """A callable object, to prove that it is seen as asynchronous."""

    async def __call__(self, task: Task) -> object:
        seconds = wait(task)
        if task.payload.startswith("progress "):
            for done, total in steps(task):
                task.progress(done, total, f"step {done}")
                await asyncio.sleep(0.001)
        if task.payload.startswith("gate "):
            while not os.path.exists(task.payload[5:]):
                await asyncio.sleep(0.01)
        if seconds is not None:
            say("asleep")
            try:
                await asyncio.sleep(seconds)
            finally:
                say("cleaned up")
        return act(task)


if __name__ == "__main__":
    handler = Coroutine() if sys.argv[1] == "async" else sync
    serve(handler, window=int(sys.argv[2]) if len(sys.argv) > 2 else 16)
    say("served")

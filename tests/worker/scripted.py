"""A worker of the SDK whose payloads say what it shall do. `scripted.py sync|async [WINDOW]`."""

from __future__ import annotations

import asyncio
import os
import sys
import time

from tmaxd.worker import Task, Temporary, serve

ERRORS = {"raise": ValueError, "temporary": Temporary, "late": TimeoutError}


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def act(task: Task) -> object:
    verb, _, rest = task.payload.partition(" ")
    if verb in ERRORS:
        raise ERRORS[verb](rest)
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


def sync(task: Task) -> object:
    seconds = wait(task)
    if task.payload.startswith("gate "):
        while not os.path.exists(task.payload[5:]):
            time.sleep(0.01)
    if seconds is not None:
        try:
            time.sleep(seconds)
        finally:
            say("cleaned up")
    return act(task)


class Coroutine:
    """A callable object, to prove that it is seen as asynchronous."""

    async def __call__(self, task: Task) -> object:
        seconds = wait(task)
        if task.payload.startswith("gate "):
            while not os.path.exists(task.payload[5:]):
                await asyncio.sleep(0.01)
        if seconds is not None:
            try:
                await asyncio.sleep(seconds)
            finally:
                say("cleaned up")
        return act(task)


if __name__ == "__main__":
    handler = Coroutine() if sys.argv[1] == "async" else sync
    serve(handler, window=int(sys.argv[2]) if len(sys.argv) > 2 else 16)
    say("served")

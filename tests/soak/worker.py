"""What the workers of the crash suite run: `worker.py sync|async FOLDER` for `serve:` groups, and
`worker.py job FOLDER PAYLOAD` as the command of a `task:` group.

A payload is `SERIAL KIND FILLER`; the kind says how the work goes (`KINDS`), the serial comes back in the result.
"""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tests.soak.note import Notes
    from tmaxd.worker import Task

KINDS = {
    "ok": "ends at once",
    "nap": "takes some milliseconds",
    "long": "has a result that no frame can hold",
    "big": "has a payload that no frame can hold",
    "once": "fails when it is tried first",
    "later": "asks for another try when it is tried first",
    "stuck": "runs into its timeout when it is tried first",
    "doomed": "fails whenever it is tried",
    "poison": "kills its worker whenever it is tried",
    "moody": "ends well or fails, now for good and now in passing, by the number of the attempt",
}
MOODS = ("failed", "temporary", "well", "temporary", "failed", "failed", "well")
FOREVER = 60.0
FILLER = 6000
LONGER = {"async": 30, "job": 8}
"""How many times longer than elsewhere a task takes that holds no other up, or is a process which has to be hit: so
something is under way when something dies."""


class Failed(Exception):
    """As the payload wanted it."""


class Passing(Exception):
    """Likewise, with another try."""


def fate(kind: str, serial: int, attempt: int) -> str:
    """How this attempt ends where nobody interferes: `well` or an outcome. A kind that is none of ours ends well."""
    if kind == "moody":
        return MOODS[(serial * 2654435761 + attempt * 40503 * 40503 >> 7) % len(MOODS)]
    if kind == "doomed":
        return "failed"
    if kind == "poison":
        return "lost"
    first = {"once": "failed", "later": "temporary", "stuck": "timeout"}
    return first.get(kind, "well") if attempt == 1 else "well"


def seconds(kind: str, attempt: int, serial: str) -> float:
    if kind == "nap":
        return (1 + int(serial) % 8) / 1000
    return FOREVER if kind == "stuck" and attempt == 1 else 0.0


def outcome(payload: str, attempt: int, worker: int) -> str:
    """What comes of the task after its time; `worker`: the process that a poison task kills."""
    serial, kind, *_ = payload.split(" ", 2)
    if kind == "poison":
        os.kill(worker, signal.SIGKILL)
        time.sleep(FOREVER)  # until the kill, or what it leads to, arrives
    end = fate(kind, int(serial), attempt)
    if end == "failed":
        raise Failed(serial)
    if end == "temporary":
        raise Passing(serial)
    result = f"{serial} done at {attempt}"
    return result.ljust(FILLER, ".") if kind == "long" else result


def job(notes: Notes, payload: str) -> int:
    task, attempt = int(os.environ["TMAX_TASK"]), int(os.environ["TMAX_ATTEMPT"])
    notes.begin(task, attempt)
    well = False
    try:
        serial, kind, *_ = payload.split(" ", 2)
        time.sleep(LONGER["job"] * seconds(kind, attempt, serial))
        result = outcome(payload, attempt, os.getppid())
        if kind == "long":
            with open(os.environ["TMAX_RESULT"], "w") as file:
                file.write(result)
        else:
            sys.stdout.write(result)
            sys.stdout.flush()
        well = True
    except Failed:
        return 1
    except Passing:
        return 75
    finally:
        notes.end(task, attempt, well)
    return 0


def serve_sync(notes: Notes) -> None:
    from tmaxd.worker import Temporary, serve

    def handle(task: Task) -> str:
        notes.begin(task.id, task.attempt)
        well = False
        try:
            serial, kind, *_ = task.payload.split(" ", 2)
            pause = seconds(kind, task.attempt, serial)
            if pause:
                time.sleep(pause)
            result = outcome(task.payload, task.attempt, notes.pid)
            well = True
        except Passing as error:
            raise Temporary(str(error)) from None
        finally:
            notes.end(task.id, task.attempt, well)
        return result

    serve(handle)


def serve_async(notes: Notes) -> None:
    import asyncio

    from tmaxd.worker import Temporary, serve

    async def handle(task: Task) -> str:
        notes.begin(task.id, task.attempt)
        well = False
        try:
            serial, kind, *_ = task.payload.split(" ", 2)
            await asyncio.sleep(LONGER["async"] * seconds(kind, task.attempt, serial))
            result = outcome(task.payload, task.attempt, notes.pid)
            well = True
        except Passing as error:
            raise Temporary(str(error)) from None
        finally:
            notes.end(task.id, task.attempt, well)
        return result

    serve(handle)


def main() -> int:
    kind, folder, *rest = sys.argv[1:]
    # A job is started without PYTHONPATH and site: that halves what a process costs.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from tests.soak.note import Notes

    notes = Notes(folder)
    if kind == "job":
        return job(notes, rest[0])
    (serve_sync if kind == "sync" else serve_async)(notes)
    return 0


if __name__ == "__main__":
    sys.exit(main())

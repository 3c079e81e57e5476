"""Whether each task was tried as often as the policy says, no more and no less: its story against what its payload
asks for, against the deaths that were dealt, and against the ledger. Pure.

An attempt fails as the payload says (`worker.fate`), or somebody has to have died over it; a task is given up when
the attempts that count are used up, and not before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tests.soak.kill import Kill
from tests.soak.row import Row, Try, kind_of, serial_of
from tests.soak.spec import JOBS, PULL
from tests.soak.worker import fate
from tests.soak.works import Work

MS = 1_000_000
CLOCKS = 50 * MS
"""ns by which wall time may differ from its distance to CLOCK_MONOTONIC at the beginning: it is slewed."""
PASSING_ATTEMPTS = 3
"""Attempts that a lost or temporarily failing task gets at least (docs/tasks.md)."""
TIMEOUT = 2000 * MS
"""Of every task (`spec`)."""
NEARLY = 0.9
NO_ROOM = "No space left on device"
NOTICED = 1000 * MS
"""So long after a death the daemon may still send tasks there."""

Span = tuple[int, int]
Deaths = Mapping[str, Sequence[Span]]
"""Run to its deaths: dealt by the suite, from before the signal until it was gone, or by a poison task, from its
sending until its end. The death of the tmux server, which takes all with it, stands under `ALL`; that of a task's
process under `JOB`; and under `SHARED` those of all workers that may have taken records of the shared FIFO with them.
The daemon's takes nothing with it."""
ALL, JOB, SHARED = "*", "job", "shared"


def tried(
    rows: Sequence[Row],
    works: Mapping[int, list[Work]],
    kills: Sequence[Kill],
    limits: Mapping[str, int],
) -> Iterator[str]:
    """Every broken promise as a sentence. `limits`: group to `retry.attempts`."""
    deaths = deaths_of(kills, rows)
    for row in rows:
        name = f"task {row.id} ({kind_of(row)})"
        for sentence in _used_up(row, limits[row.group]):
            yield f"{name}: {sentence}"
        for one in row.tries:
            why = _wrong(row, one, works.get(row.id, ()), deaths)
            if why:
                yield f"{name}: attempt {one.attempt} {why}"


def deaths_of(kills: Iterable[Kill], rows: Iterable[Row]) -> Deaths:
    deaths: dict[str, list[Span]] = defaultdict(list)
    found = [
        ({"tmux": ALL, "job": JOB}.get(k.what, k.run), k.worker, (k.before, k.gone)) for k in kills
    ]
    found += [
        (one.run, one.worker, (one.sent, one.ended))
        for row in rows
        if kind_of(row) == "poison"
        for one in row.tries
        if one.outcome == "lost"
    ]
    for where, worker, span in found:
        if where:
            deaths[where].append(span)
        if worker.rpartition("-")[0] == PULL:
            deaths[SHARED].append(span)
    return deaths


def _used_up(row: Row, attempts: int) -> Iterator[str]:
    counted, number = 0, 1
    for index, one in enumerate(row.tries, 1):
        if one.attempt != number:
            yield f"attempt {one.attempt} where {number} was due"
        counted += one.counts
        number = one.attempt + (one.counts or one.outcome == "returned")
        last = index == len(row.tries) and one.attempt == row.attempt and row.outcome == one.outcome
        if not one.counts:
            if last and row.state == "dead":
                yield f"dead after an attempt that ended {one.outcome}"
            continue
        passing = one.outcome in ("lost", "temporary")
        limit = max(attempts, PASSING_ATTEMPTS) if passing else attempts
        if row.state == "dead" and last and counted < limit:
            yield f"dead ({one.outcome}) after {counted} of {limit} attempts"
        if not last and counted >= limit:
            yield f"tried again after {one.outcome}, the last of {limit} attempts"


def _wrong(
    row: Row,
    one: Try,
    there: Sequence[Work],
    deaths: Deaths,
) -> str:
    """Empty when the attempt ended as it had to, or as it may have."""
    due = fate(kind_of(row), serial_of(row), one.attempt)
    match one.outcome:
        case "done":
            return "" if due == "well" else f"is done, and was to be {due}"
        case "lost":
            places = (one.run, ALL, *([SHARED] if row.group == PULL else []))
            if any(_died(one, deaths.get(place, ())) for place in places):
                return ""
            return f"is lost, and nobody killed {one.worker}"
        case "timeout":
            return (
                "" if due == "timeout" or _long(one, there) else "timed out, but did not take long"
            )
        case "failed" if one.error.startswith("killed by SIG"):
            return "" if _died(one, deaths.get(JOB, ())) else "was killed, and not by the suite"
        case "failed":
            # A job writes its result itself, and the suite may have filled the disk.
            right = due == "failed" or (row.group == JOBS and NO_ROOM in one.error)
            return "" if right else f"failed, and was to be {due}: {one.error[:200]}"
        case "temporary":
            # A failure after SIGTERM is answered so, and a result that still waits for room then.
            passing = due in ("temporary", "failed") or NO_ROOM in one.error
            return "" if passing else f"was put off: {one.error[:200]}"
        case "unsent" | "returned":
            # Of one that is given back with its number the same number is tried again.
            begun = any(work.note.attempt == one.attempt for work in there)
            return "was given back, and had begun" if one.outcome == "returned" and begun else ""
    return ""


def _died(one: Try, deaths: Iterable[Span]) -> bool:
    return any(
        one.sent - NOTICED <= gone and before <= one.ended + CLOCKS for before, gone in deaths
    )


def _long(one: Try, there: Sequence[Work]) -> bool:
    """What took too long by itself has no quick end in the ledger."""
    spans = [w.end.at - w.note.at for w in there if w.note.attempt == one.attempt and w.end]
    return all(span > TIMEOUT * NEARLY for span in spans)

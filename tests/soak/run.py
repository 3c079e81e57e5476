"""One run of the crash suite: load and storm together, then a quiet end, then the verdict."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.e2e.fleet import ROOT
from tests.soak import books, judge, works
from tests.soak.client import Client
from tests.soak.field import DAEMON, Field
from tests.soak.load import Load
from tests.soak.note import SIZE
from tests.soak.outbox import Reader, counted, published
from tests.soak.row import Row
from tests.soak.spec import COUNTS, HEARD, State
from tests.soak.storm import Storm

PACE = 0.15
"""Seconds over which a stroke's share of the tasks is spread; a stroke takes longer."""
AHEAD = 6000
"""Tasks that may be under way before the next stroke: what is behind must not grow without end."""
QUIET = 300.0
"""Seconds in which everything must have ended once nothing strikes any more."""
TOLD = 1500
"""Tasks that end while nobody reads the outbox: more than it holds."""
EVIDENCE = ROOT / "build" / "soak"


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a run."""

    seed: int
    seconds: float
    tasks: int
    """Accepted ones."""
    states: dict[str, int]
    """State, with the outcome of the dead, to tasks; all in the books."""
    attempts: int
    uncertain: int
    refused: int
    told: int
    """Ends that the outbox told of."""
    untold: int
    """Ends that it counted as lost."""
    in_hand: int
    """Attempts that were under way when a daemon died."""
    struck: dict[str, int]
    missing: list[str]
    """Strokes that never hit."""
    broken: list[str]
    left_out: str = ""
    """What this machine cannot do, and why."""
    evidence: Path | None = None

    def summary(self) -> str:
        states = ", ".join(f"{number:,} {state}" for state, number in sorted(self.states.items()))
        lines = [
            f"seed {self.seed}: {self.tasks:,} tasks accepted in {self.seconds:.0f} s; "
            f"in the books: {states}; {self.uncertain:,} with an answer that was lost, "
            f"{self.refused:,} refused",
            f"the outbox told of {self.told:,} ends, and of {self.untold:,} that its reader missed",
            f"{self.attempts:,} attempts in the ledger, {self.in_hand:,} of them under way when a daemon died",
            *(f"  {number:4} × {name}" for name, number in sorted(self.struck.items())),
        ]
        lines += [f"NEVER HIT: {name}" for name in self.missing]
        lines += [f"left out: {self.left_out}"] if self.left_out else []
        lines += [f"BROKEN: {sentence}" for sentence in self.broken[:50]]
        if len(self.broken) > 50:
            lines.append(f"… and {len(self.broken) - 50:,} more")
        if self.evidence is not None:
            lines.append(f"the evidence is in {self.evidence}")
        elif not self.broken:
            lines.append("every accepted task ended once, and none was with two workers at once")
        return "\n".join(lines)


def run(seed: int, tasks: int, strokes: int, say: Callable[[str], None]) -> Outcome:
    """At least so many tasks, and so many strokes; every fail point and every stroke at least once."""
    field = Field()
    failed = True
    try:
        outcome = _Run(field, seed, tasks, strokes, say).go()
        failed = bool(outcome.broken)
        if failed:
            outcome.evidence = _keep(field, seed, outcome.summary())
    except BaseException as error:
        say(f"broke off: {error!r}; the evidence is in {_keep(field, seed, repr(error))}")
        raise
    finally:
        field.close()
    return outcome


def _keep(field: Field, seed: int, summary: str) -> Path:
    target = EVIDENCE / f"seed-{seed}-{time.strftime('%H%M%S')}"
    field.keep(target)
    (target / "summary.txt").write_text(f"{summary}\n")
    (target / "kills.json").write_bytes(msgspec.json.format(msgspec.json.encode(field.kills)))
    return target


class _Run:
    def __init__(
        self, field: Field, seed: int, tasks: int, strokes: int, say: Callable[[str], None]
    ) -> None:
        self.field = field
        self.seed = seed
        self.tasks = tasks
        self.say = say
        self.storm = Storm(field, seed)
        self.strokes = max(strokes, self.storm.whole)
        self.begun = time.monotonic()

    def go(self) -> Outcome:
        self.field.write(State())
        self.field.up()
        self.reader = Reader(self.field.outbox, self.seed)
        try:
            self.load = Load(self.field, self.seed, self.tasks / (self.strokes * PACE))
            try:
                self._strike()
            finally:
                self.load.close()
            self.load.check()
            self._finish()
            self._tell()
        finally:
            self.reader.close()
        return self._judge()

    def _strike(self) -> None:
        for number in range(1, self.strokes + 1):
            self.load.due = self.tasks * number // self.strokes
            name = self.storm.strike()
            self.load.check()
            self._catch_up()
            self._progress(f"{number} strokes, last: {name}")
        for name in self.storm.missing():
            self.storm.strike_again(name)
        self.field.fleet.wait_for(
            lambda: self.load.error or self.load.promises.accepted >= self.tasks,
            "enough is accepted",
            QUIET,
        )

    def _finish(self) -> None:
        """Everything that was accepted ends."""
        self.say("\nno more strokes: waiting for every task to end\n")
        field = self.field
        field.write(State())
        field.fleet.settle()
        field.fleet.wait_for(lambda: not any(field.waiting().values()), "all has ended", QUIET)

    def _tell(self) -> None:
        """With nobody killed, what the outbox tells of and what it counts as lost is all that there was."""
        field, reader, promises = self.field, self.reader, self.load.promises
        # A new daemon owes nobody the count of lines that found no room before.
        field.end(signal.SIGTERM)
        field.up()
        reader.hasty.set()
        reader.empty.clear()
        field.fleet.wait_for(reader.empty.is_set, "what was there is read", QUIET)
        before = sum(counted(reader.lines))
        reader.stalled.set()
        serials = [promises.new("ok") for _ in range(TOLD)]
        tasks = [promises.payloads[serial] for serial in serials]
        answer = Client(field.fleet.places.api_socket).submit(HEARD[0], [*tasks], {})
        promises.taken.update(serials)
        assert answer["accepted"] == TOLD
        field.fleet.wait_for(lambda: not any(field.waiting().values()), "all has ended", QUIET)
        reader.stalled.clear()
        field.fleet.wait_for(
            lambda: sum(counted(reader.lines)) - before >= TOLD, "the outbox tells of all", QUIET
        )
        assert sum(counted(reader.lines)) - before == TOLD, "the outbox tells of more than all"

    def _catch_up(self) -> None:
        """Wait until not too many accepted tasks are without an end in the ledger."""
        self.field.fleet.wait_for(
            lambda: self.load.error or self.load.promises.accepted - self._worked() < AHEAD,
            "the workers keep up",
            QUIET,
        )

    def _worked(self) -> int:
        """About so many tasks were worked on: two notes each."""
        ledger = self.field.ledger
        return ledger.stat().st_size // SIZE // 2 if ledger.exists() else 0

    def _progress(self, text: str) -> None:
        seconds = time.monotonic() - self.begun
        accepted = self.load.promises.accepted
        self.say(f"\r\x1b[K{seconds:4.0f} s  {accepted:,} of {self.tasks:,} tasks  {text}")

    def _judge(self) -> Outcome:
        self.say("reading the books\n")
        field, promises = self.field, self.load.promises
        told = books.told(field.fleet, list(COUNTS))
        field.fleet.down()
        rows, contradictions = books.written(field.fleet.places.database)
        notes = works.notes_of(field.ledger.read_bytes())
        broken = judge.verdict(notes, rows, promises, field.kills)
        broken += published(self.reader.lines, self.reader.torn, rows, HEARD)
        broken += books.differing(rows, told) + contradictions
        told_of, lost = counted(self.reader.lines)
        left = field.processes("worker") + field.processes("job")
        broken += [f"left behind by `down`: {process}" for process in left]
        return Outcome(
            seed=self.seed,
            seconds=time.monotonic() - self.begun,
            tasks=promises.accepted,
            states=dict(Counter(_ended(row) for row in rows)),
            attempts=sum(note.kind == "begin" for note in notes),
            uncertain=len(promises.uncertain),
            refused=promises.refused,
            told=told_of,
            untold=lost,
            in_hand=works.in_hand(works.works_of(notes), field.kills, DAEMON),
            struck=dict(self.storm.struck),
            missing=self.storm.missing(),
            broken=broken,
            left_out=self.storm.left_out,
        )


def _ended(row: Row) -> str:
    return f"{row.state} ({row.outcome})" if row.state == "dead" else row.state

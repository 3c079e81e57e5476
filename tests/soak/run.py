"""One run of the crash suite: load and storm together, then a quiet end, then the verdict."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.e2e.fleet import ROOT
from tests.soak import books, judge
from tests.soak.field import COUNTS, DAEMON, ROUTE, Field
from tests.soak.load import Load
from tests.soak.note import SIZE
from tests.soak.storm import Storm

PACE = 0.15
"""Seconds over which a stroke's share of the tasks is spread; a stroke takes longer."""
AHEAD = 6000
"""Tasks that may be under way before the next stroke: what is behind must not grow without end."""
QUIET = 300.0
"""Seconds in which everything must have ended once nothing strikes any more."""
EVIDENCE = ROOT / "build" / "soak"


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a run."""

    seed: int
    seconds: float
    tasks: int
    """Accepted ones."""
    states: dict[str, int]
    """State to tasks, all in the books."""
    attempts: int
    uncertain: int
    in_hand: int
    """Attempts that were under way when a daemon died."""
    struck: dict[str, int]
    missing: list[str]
    """Strokes that never hit."""
    broken: list[str]
    evidence: Path | None = None

    def summary(self) -> str:
        states = ", ".join(f"{number:,} {state}" for state, number in sorted(self.states.items()))
        lines = [
            f"seed {self.seed}: {self.tasks:,} tasks accepted in {self.seconds:.0f} s; "
            f"in the books: {states}; {self.uncertain:,} with an answer that was lost",
            f"{self.attempts:,} attempts in the ledger, {self.in_hand:,} of them under way when a daemon died",
            *(f"  {number:4} × {name}" for name, number in sorted(self.struck.items())),
        ]
        lines += [f"NEVER HIT: {name}" for name in self.missing]
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
        field.fleet.close(failed=True)
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
        self.field.write()
        self.field.up()
        self.load = Load(self.field, self.seed, self.tasks / (self.strokes * PACE))
        try:
            self._strike()
        finally:
            self.load.close()
        self.load.check()
        self._finish()
        return self._judge()

    def _strike(self) -> None:
        for number in range(1, self.strokes + 1):
            self.load.due = self.tasks * number // self.strokes
            name = self.storm.strike()
            self.load.check()
            self._catch_up()
            self._progress(f"{number} strokes, last: {name}")
        for name in self.storm.missing():
            place = name.removeprefix("die at ")
            if place in self.storm.places:
                self.storm.strike_at(place)
        self.field.fleet.wait_for(
            lambda: self.load.error or self.load.promises.accepted >= self.tasks,
            "enough is accepted",
            QUIET,
        )

    def _finish(self) -> None:
        """Everything that was accepted ends."""
        self.say("\nno more strokes: waiting for every task to end\n")
        field = self.field
        field.write(**COUNTS)
        field.fleet.wait_for(lambda: not any(field.waiting().values()), "all has ended", QUIET)

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
        told = books.told(field.fleet, list(field.counts))
        field.fleet.down()
        rows, contradictions = books.written(field.fleet.places.database)
        notes = judge.notes_of(field.ledger.read_bytes())
        broken = judge.verdict(notes, rows, promises, field.kills, ROUTE[0])
        broken += books.differing(rows, told) + contradictions
        left = field.processes("worker") + field.processes("job")
        broken += [f"left behind by `down`: {process}" for process in left]
        return Outcome(
            seed=self.seed,
            seconds=time.monotonic() - self.begun,
            tasks=promises.accepted,
            states=dict(Counter(row.state for row in rows)),
            attempts=sum(note.kind == "begin" for note in notes),
            uncertain=len(promises.uncertain),
            in_hand=judge.in_hand(judge.works_of(notes), field.kills, DAEMON),
            struck=dict(self.storm.struck),
            missing=self.storm.missing(),
            broken=broken,
        )

"""Clean-ups are run: as their schedules say and as operators ask, one at a time, each with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from tmaxd.daemon.cleaning.cleaner import Cleaner, Report
from tmaxd.daemon.cleaning.schedule import by_name, wait
from tmaxd.daemon.kept import Unreadable, read
from tmaxd.daemon.log import EventLog
from tmaxd.ports import Clock, JournalError, Unknown, WorldError
from tmaxd.spec.upkeep import Cleanup, What
from tmaxd.tasks.records import Kept

KEPT = "cleanup"
"""The name under which it is kept when each clean-up ran last."""
DEADLINE = 600.0
"""Seconds that one clean-up may take. What is left then is for the next time."""
SETTLE = 60.0
"""Seconds after the daemon's start in which nothing is cleaned up by itself: what workers have said while no daemon was
there is taken in first, and results that wait in FIFOs name files."""
LOOK = 5.0
"""Seconds between two looks at the schedules at the most: the file may have changed, or the clock."""
A_DAY = 86_400.0
"""Seconds until a schedule is looked at again that cannot be understood any more: its time zone is gone."""
WRITE_EVERY = 300.0
"""Seconds between two notes on disk that a clean-up ran which found nothing: those that run each minute would else
keep a quiet disk awake."""


class Last(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a schedule. Times are wall times."""

    since: float
    """When it was first seen."""
    ran: float | None = None
    """When it ran last."""
    count: int = 0
    bytes: int = 0
    """What went then, or would have gone in a dry run."""
    dry: bool = False
    problem: str = ""
    """The first, and how many others."""


class Planned(msgspec.Struct, frozen=True):
    """A schedule, for status."""

    name: str
    entry: Cleanup
    last: Last
    next: float | None
    """Wall time; None: a flag keeps it from running."""


class Ran(msgspec.Struct, frozen=True):
    """One clean-up that was run."""

    entry: Cleanup
    dry: bool
    report: Report
    seconds: float


class Cleaning:
    """One a daemon, in the event loop's thread."""

    def __init__(
        self,
        cleaners: Mapping[What, Cleaner],
        entries: Callable[[], Sequence[Cleanup]],
        allowed: Callable[[What], bool],
        kept: Mapping[str, str],
        write: Callable[[Kept], object],
        clock: Clock,
        log: EventLog,
        chance: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`entries`: those of the spec in force, and ours. `allowed`: whether a kind may run by itself. `chance`: from
        0 to 1."""
        self._cleaners = cleaners
        self._entries = entries
        self._allowed = allowed
        self._write = write
        self._clock = clock
        self._log = log
        self._chance = chance
        self._sleep = sleep
        self._last = self._recalled(kept)
        self._told: dict[str, float] = {n: last.ran or last.since for n, last in self._last.items()}
        """The wall time of the run that the disk knows of."""
        wall, now = clock.wall(), clock.now()
        self._passed_from = {
            name: now - max(0.0, wall - at) for name, at in self._told.items()
        }  # fmt: skip
        """The monotonic time of the last run, or when it was first seen."""
        self._put_off: dict[str, float] = {}
        """Seconds, drawn anew after each run."""
        self._not_before = clock.now() + SETTLE
        self._one = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._asked_for: set[asyncio.Task[list[Ran]]] = set()
        self._unplanned: set[str] = set()
        """Those of which has been told that nobody knows when they are due."""

    def _recalled(self, kept: Mapping[str, str]) -> dict[str, Last]:
        """What cannot be read is begun anew: all that is lost is when each is due."""
        try:
            return read(KEPT, kept.get(KEPT, "{}"), dict[str, Last], "when each clean-up ran last")
        except Unreadable as error:
            self._log.warning("cleanup_unplanned", text=f"  {error}")
            return {}

    # ------------------------------------------------------------------------------- the schedules

    def start(self) -> None:
        """Go by the schedules until `close`."""
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """A clean-up under way is cancelled, and has stopped when this returns."""
        tasks = [*self._asked_for, *([self._task] if self._task else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._sleep(min(LOOK, max(0.0, await self.tend())))

    async def tend(self) -> float:
        """Run what is due now, one after the other; seconds until the next is."""
        waits = [LOOK]
        for name, entry in self._known().items():
            left = self._left(name, entry)
            if left <= 0 and self._allowed(entry.what):
                await self._scheduled(name, entry)
                left = self._left(name, entry)
            waits.append(left if left > 0 else LOOK)
        return min(waits)

    def planned(self) -> tuple[Planned, ...]:
        wall = self._clock.wall()
        return tuple(
            Planned(
                name,
                entry,
                self._last[name],
                wall + self._left(name, entry) if self._allowed(entry.what) else None,
            )
            for name, entry in self._known().items()
        )

    def _known(self) -> dict[str, Cleanup]:
        """The entries by name; those that are new are noted."""
        entries = by_name(self._entries())
        new = entries.keys() - self._last.keys()
        if new:
            wall = self._clock.wall()
            for name in new:
                self._last[name] = Last(since=wall)
                self._passed_from[name] = self._clock.now()
            self._note(entries)
        return entries

    def _left(self, name: str, entry: Cleanup) -> float:
        last, wall, now = self._last[name], self._clock.wall(), self._clock.now()
        at = last.since if last.ran is None else last.ran
        passed = now - self._passed_from[name]
        put_off = self._put_off.setdefault(name, self._chance() * entry.jitter)
        try:
            due = wait(entry, at, passed, wall)
        except (KeyError, ValueError) as error:
            due = A_DAY
            if name not in self._unplanned:
                self._unplanned.add(name)
                self._log.warning("cleanup_unplanned", what=name, text=f"  {error}")
        return max(due + put_off, self._not_before - now)

    async def _scheduled(self, name: str, entry: Cleanup) -> None:
        ran = await self._one_at_a_time(entry, not entry.apply)
        self._note_run(name, ran)

    def _note_run(self, name: str, ran: Ran) -> None:
        report, wall = ran.report, self._clock.wall()
        since = self._last[name].since if name in self._last else wall
        self._last[name] = Last(
            since=since,
            ran=wall,
            count=report.count,
            bytes=report.bytes,
            dry=ran.dry,
            problem=_in_short(report),
        )
        self._passed_from[name] = self._clock.now()
        self._put_off.pop(name, None)
        if report.count or abs(wall - self._told.get(name, 0.0)) >= WRITE_EVERY:
            self._note(by_name(self._entries()))

    def _note(self, entries: Mapping[str, Cleanup]) -> None:
        """Have the disk know when each ran; those that are not in the spec any more are forgotten."""
        self._last = {name: last for name, last in self._last.items() if name in entries}
        self._told = {n: last.ran or last.since for n, last in self._last.items()}
        self._write(Kept(KEPT, msgspec.json.encode(self._last).decode()))

    # ------------------------------------------------------------------------------------- the runs

    async def run(self, entries: Sequence[Cleanup], *, dry: bool) -> list[Ran]:
        """Now, one after the other, once what is under way has ended. Those of the spec count as their scheduled
        run. It goes on, also where whoever asked has gone away."""
        task = asyncio.ensure_future(self._run_all(entries, dry))
        self._asked_for.add(task)
        task.add_done_callback(self._asked_for.discard)
        return await asyncio.shield(task)

    async def _run_all(self, entries: Sequence[Cleanup], dry: bool) -> list[Ran]:
        names = {entry: name for name, entry in by_name(self._entries()).items()}
        done = []
        for entry in entries:
            ran = await self._one_at_a_time(entry, dry or not entry.apply)
            if entry in names and not dry:
                self._note_run(names[entry], ran)
            done.append(ran)
        return done

    async def _one_at_a_time(self, entry: Cleanup, dry: bool) -> Ran:
        async with self._one:
            report, began = Report(), self._clock.now()
            try:
                async with asyncio.timeout(DEADLINE):
                    await self._cleaners[entry.what].clean(entry, dry, self._clock.wall(), report)
            except TimeoutError:
                report.problem(
                    f"it was not through after {DEADLINE:.0f} s; the rest is for the next time"
                )
            except (OSError, WorldError, JournalError, Unknown) as error:
                report.problem(str(error) or type(error).__name__)
            except Exception as error:  # noqa: BLE001  # it must not end the schedules of all others
                report.problem(f"a bug in tmaxd: {error!r}")
            finally:
                # What went has gone, also where the daemon ends in the middle of it.
                self._tell(entry, dry, report)
            return Ran(entry, dry, report, self._clock.now() - began)

    def _tell(self, entry: Cleanup, dry: bool, report: Report) -> None:
        if dry:
            return
        if report.count:
            self._log.info("cleaned", what=entry.what, count=report.count, bytes=report.bytes)
        if report.problems:
            self._log.warning("cleanup_incomplete", what=entry.what, text=f"  {_in_short(report)}")


def _in_short(report: Report) -> str:
    others = len(report.problems) + report.unnamed - 1
    if others < 0:
        return ""
    return report.problems[0] + (f" (and {others} more)" if others else "")

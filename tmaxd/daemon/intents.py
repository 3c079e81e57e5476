"""What the operator has asked of groups and workers: durable, and over what the file says until it says otherwise.

A later order wins over an earlier one. One to a group holds for all its workers, also for those that had orders of
their own; one to a worker holds for it alone. When `count` of a group is edited in the file, the file has spoken last
of how many shall run: stops and scalings of that group are over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

from tmaxd.daemon.kept import read
from tmaxd.plan.draft import split
from tmaxd.plan.observed import Intent
from tmaxd.tasks.records import Kept

PREFIX = "intent/"
"""Of the names under which they are kept on disk: `intent/group/NAME`, `intent/worker/NAME`."""

Level = Literal["group", "worker"]


class Target(msgspec.Struct, frozen=True, order=True):
    """A group and one of its workers may have the same form of name (`pool-2`), so the level is said."""

    level: Level
    name: str

    @property
    def group(self) -> str:
        return self.name if self.level == "group" else split(self.name)[0]


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked of one target. None: nothing, so what was asked of its group holds."""

    stopped: bool | None = None
    drain: bool = False
    force: bool = False
    """Of `stopped` and `restart`."""
    paused: bool | None = None
    pinned: bool | None = None
    restart: dict[str, str] = {}
    """Worker to the run of it that shall be replaced: the one that lives, or that has ended."""
    start: bool = False
    """(of `restart`) They are to be started, and did not run."""
    count: int | None = None
    """Of a group: workers, in place of what the file says."""
    file_count: int = 0
    """What the file said then."""
    at: float = 0.0
    """Wall time of the last order."""

    @property
    def says_nothing(self) -> bool:
        said = (self.stopped, self.paused, self.pinned, self.count)
        return not self.restart and said == (None, None, None, None)


NOTHING = Asked()


class Intents:
    """One a daemon. `write` puts a record on disk; `changed` is called after each change."""

    def __init__(
        self, kept: Mapping[str, str], write: Callable[[Kept], None], changed: Callable[[], None]
    ) -> None:
        """`kept`: what was on disk, all of it. Raises `kept.Unreadable`."""
        self._asked: dict[Target, Asked] = {}
        self._write = write
        self._changed = changed
        for name, text in kept.items():
            if name.startswith(PREFIX):
                level, _, target = name.removeprefix(PREFIX).partition("/")
                key = Target("group" if level == "group" else "worker", target)
                self._asked[key] = read(name, text, Asked, f"what was ordered of {target}")

    # ------------------------------------------------------------------------------- what holds

    def __bool__(self) -> bool:
        """Whether anything was asked of anybody."""
        return bool(self._asked)

    def asked(self, target: Target) -> Asked:
        return self._asked.get(target, NOTHING)

    def count(self, group: str, in_file: int) -> int:
        """How many workers the group shall have."""
        count = self.asked(Target("group", group)).count
        return in_file if count is None else count

    def by_worker(self, workers: Iterable[str]) -> dict[str, Intent]:
        """Of those of the workers for which anything was asked."""
        found: dict[str, Intent] = {}
        for worker in workers:
            group = self.asked(Target("group", split(worker)[0]))
            own = self.asked(Target("worker", worker))
            if group is not NOTHING or own is not NOTHING:
                found[worker] = _merged(group, own, worker)
        return found

    def supposing(self, counts: Mapping[str, int]) -> Intents:
        """Those that would be left if the file said this of its groups. Nothing is written."""
        left = Intents({}, lambda _: None, lambda: None)
        left._asked = dict(self._asked)
        left.file_says(counts)
        return left

    # ------------------------------------------------------------------------------ what changes

    def stop(self, target: Target, file_count: int, at: float, *, drain: bool, force: bool) -> None:
        self._order(
            target, file_count, at, stopped=True, drain=drain, force=force, restart={}, start=False
        )

    def start(self, target: Target, file_count: int, at: float, ended: Mapping[str, str]) -> None:
        """`ended`: the last runs of those of its workers that do not live, by worker."""
        self._order(
            target,
            file_count,
            at,
            stopped=False,
            drain=False,
            force=False,
            restart=dict(ended),
            start=bool(ended),
        )

    def restart(
        self, target: Target, file_count: int, at: float, runs: Mapping[str, str], *, force: bool
    ) -> None:
        """`runs`: those that live now, or ended last, by worker."""
        self._order(
            target,
            file_count,
            at,
            stopped=False,
            drain=False,
            force=force,
            restart=dict(runs),
            start=False,
        )

    def pause(self, target: Target, file_count: int, at: float, *, on: bool) -> None:
        self._order(target, file_count, at, paused=on)

    def pin(self, target: Target, file_count: int, at: float, *, on: bool) -> None:
        self._order(target, file_count, at, pinned=on)

    def scale(self, group: str, count: int, file_count: int, at: float) -> None:
        """To what the file says: no scaling any more."""
        self._order(
            Target("group", group), file_count, at, count=None if count == file_count else count
        )

    def file_says(self, counts: Mapping[str, int]) -> tuple[str, ...]:
        """A spec comes into force, with these groups and their counts. The names of whatever it overrules."""
        over: list[str] = []
        for target, asked in list(self._asked.items()):
            count = counts.get(target.group)
            if count == asked.file_count:
                continue
            left = NOTHING
            if count is not None:
                left = msgspec.structs.replace(
                    asked, stopped=None, drain=False, count=None, file_count=count
                )
            if count is None or (asked.stopped, asked.count) != (None, None):
                over.append(target.name)
            self._put(target, left)
        return tuple(sorted(over))

    def forget_runs(self, living: Mapping[str, str]) -> None:
        """Restarts are done where another run lives. `living`: by worker."""
        for target, asked in list(self._asked.items()):
            left = {w: run for w, run in asked.restart.items() if living.get(w, run) == run}
            if left != asked.restart:
                force = asked.force and bool(left or asked.stopped)
                start = asked.start and bool(left)
                changed = msgspec.structs.replace(asked, restart=left, force=force, start=start)
                self._put(target, changed)

    # ----------------------------------------------------------------------------------- inside

    def _order(self, target: Target, file_count: int, at: float, **changes: object) -> None:
        if target.level == "group":
            own = {key: getattr(NOTHING, key) for key in changes}
            for other in [t for t in self._asked if t.level == "worker" and t.group == target.name]:
                self._put(other, msgspec.structs.replace(self._asked[other], **own))
        asked = msgspec.structs.replace(self.asked(target), file_count=file_count, at=at, **changes)
        self._put(target, self._without_no(target, asked))

    def _without_no(self, target: Target, asked: Asked) -> Asked:
        """`False` says something only where the group says `True`."""
        above = NOTHING if target.level == "group" else self.asked(Target("group", target.group))
        return msgspec.structs.replace(
            asked,
            stopped=None if asked.stopped is False and not above.stopped else asked.stopped,
            paused=None if asked.paused is False and not above.paused else asked.paused,
            pinned=None if asked.pinned is False and not above.pinned else asked.pinned,
        )

    def _put(self, target: Target, asked: Asked) -> None:
        there = self._asked.pop(target, None)
        text = None
        if not asked.says_nothing:
            self._asked[target] = asked
            text = msgspec.json.encode(asked).decode()
        if text is not None or there is not None:
            self._write(Kept(f"{PREFIX}{target.level}/{target.name}", text))
            self._changed()


def _merged(group: Asked, own: Asked, worker: str) -> Intent:
    stop = group if own.stopped is None else own
    # An order to restart ends a stop; so where both are there, the stop was ordered later.
    renews = () if stop.stopped else (own, group)
    renewed = next((asked for asked in renews if worker in asked.restart), None)
    return Intent(
        stopped=bool(stop.stopped),
        drain=stop.drain,
        force=bool(stop.stopped and stop.force) or (renewed is not None and renewed.force),
        restart="" if renewed is None else renewed.restart[worker],
        start=renewed is not None and renewed.start,
        paused=bool(group.paused if own.paused is None else own.paused),
        pinned=bool(group.pinned if own.pinned is None else own.pinned),
    )

"""Reads `tests/plan_cases/*.yaml`: what stands in a case, and how its short forms become whole values.

A file is a list of cases. A case has a `name` and one or more `steps` (a case of one step may write the step's
keys directly). A step says what is new since the last one; the planner's history is carried along.

    wanted    groups (takes_tasks and fingerprint have defaults, delays no jitter, and the fingerprint is approved),
              former (the same), inboxes, outboxes, shared, memory (of the fleet), one_by_one
    up        workers to see in good health: session `$NAME`, pane `%NAME`, run `NAME.1`, FIFOs where due
    seen, runs, loads, trees, intents, failed   laid over that, key by key; null takes an entry away
    pipes, no_pipes, inboxes, outboxes, shared   FIFOs that are there, or (no_pipes) are not
    foreign   names of sessions that are not ours
    usage     the last sample: number (it is taken at `now`, or `at`), fleet, free, and workers: bytes, or bytes and
              slope, of the run that is there
    history   what the planner remembers, laid over what it remembers by itself
    now       monotonic seconds
    expect    actions (all of them, in order, each with the fields that matter), wake_at, pending, waits, blocked,
              slots, memory, counted (what is remembered of memory, as far as named)

Afterwards the world is let go until it is at rest (`settles: false`: it cannot be), and `finally` says which
workers then run, `resting` of which others the session is still there. Unknown keys are errors, so that a slip of
the pen cannot make a case weaker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from tmaxd.plan import rules
from tmaxd.plan.draft import split
from tmaxd.plan.history import Death, History, LastExit, MassDeath, Roll, Slot, Stopping, Sweep
from tmaxd.plan.observed import Footprint, Intent, Load, Member, Observed, Run, Seen, Usage
from tmaxd.plan.tallies import Mark, Memory, Tally, Victim
from tmaxd.plan.wanted import NO_GROUP, Wanted, WantedGroup

FOLDER = Path(__file__).parents[2] / "plan_cases"

Raw = dict[str, Any]
T = TypeVar("T")

GROUP: Raw = {"takes_tasks": True, "fingerprint": "new", "restart": {"backoff": {"jitter": 0.0}}}
STARTED = 0.0
"""When the workers under `up` were started; every `now` is far later."""

PARTS: dict[str, type[msgspec.Struct]] = {
    "stop": rules.StopRules,
    "restart": rules.RestartRules,
    "backoff": rules.BackoffRules,
    "limit": rules.LimitRules,
    "rollout": rules.RolloutRules,
    "memory": rules.MemoryRules,
    "total": rules.ThresholdRules,
    "age": rules.AgeRules,
    "stopping": Stopping,
    "last_exit": LastExit,
}
"""Fields that are structs themselves."""
MAPS = ("seen", "runs", "loads", "trees", "intents")

STEP_KEYS = frozenset(
    {*MAPS, "wanted", "up", "failed", "pipes", "no_pipes", "inboxes"}
    | {"outboxes", "shared", "down", "foreign", "server", "history", "now", "expect", "usage"}
)
EXPECT_KEYS = frozenset(
    {"actions", "wake_at", "pending", "waits", "blocked", "slots", "memory"} | {"counted"}
)


@dataclass
class Step:
    wanted: Wanted
    observed: Observed
    remember: Raw
    now: float
    expect: Raw


@dataclass
class Case:
    name: str
    settles: bool
    finally_up: list[str] | None
    resting: list[str]
    steps: list[Raw]

    def play(self) -> Iterator[Step]:
        """The steps, each made of what the earlier ones said and what it adds."""
        table = _Table()
        for raw in self.steps:
            table.lay_over(raw)
            yield Step(
                wanted=table.wanted,
                observed=table.observed(),
                remember=raw.get("history", {}),
                now=float(raw["now"]),
                expect=raw["expect"],
            )


@dataclass
class _Table:
    """An Observed in the making, as raw values."""

    wanted: Wanted = field(default_factory=Wanted)
    maps: dict[str, Raw] = field(default_factory=lambda: {key: {} for key in MAPS})
    pipes: set[str] = field(default_factory=set)
    inboxes: list[str] = field(default_factory=list)
    outboxes: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    server: bool = True
    down: bool = False
    usage: Raw | None = None

    def lay_over(self, raw: Raw) -> None:
        if "wanted" in raw:
            self.wanted = _wanted(raw["wanted"])
        for worker in raw.get("up", ()):
            self._up(worker)
        for key, entries in self.maps.items():
            for name, changes in raw.get(key, {}).items():
                _merge(entries, name, changes)
        self.pipes |= set(raw.get("pipes", ()))
        self.pipes -= set(raw.get("no_pipes", ()))
        self.inboxes = raw.get("inboxes", self.inboxes)
        self.outboxes = raw.get("outboxes", self.outboxes)
        self.shared = raw.get("shared", self.shared)
        self.foreign = raw.get("foreign", self.foreign)
        self.failed = raw.get("failed", {})
        self.server = raw.get("server", self.server)
        self.down = raw.get("down", self.down)
        if "usage" in raw:
            self.usage = {"at": raw["now"], **raw["usage"]}

    def _up(self, worker: str) -> None:
        run = f"{worker}.1"
        pane = {"session_id": f"${worker}", "session": worker, "pane_id": f"%{worker}"}
        self.maps["seen"][worker] = {**pane, "run": run, "alive": True}
        self.maps["runs"][worker] = {"run": run, "alive": True, "started": STARTED}
        name, number = split(worker)
        if self.wanted.groups.get(name, NO_GROUP).takes_tasks:
            self.pipes.add(worker)
            if number > 0:  # the dispatcher is not told of spares
                self.maps["loads"][worker] = {}

    def observed(self) -> Observed:
        maps = self.maps
        return Observed(
            server=self.server,
            seen={name: strict(Seen, raw) for name, raw in maps["seen"].items()},
            runs={name: strict(Run, raw) for name, raw in maps["runs"].items()},
            loads={name: strict(Load, raw) for name, raw in maps["loads"].items()},
            trees={run: members(pids) for run, pids in maps["trees"].items()},
            intents={name: strict(Intent, raw) for name, raw in maps["intents"].items()},
            pipes=frozenset(self.pipes),
            inboxes=frozenset(self.inboxes),
            outboxes=frozenset(self.outboxes),
            shared=frozenset(self.shared),
            foreign=frozenset(self.foreign),
            failed=self.failed,
            down=self.down,
            usage=None if self.usage is None else self._sample(self.usage),
        )

    def _sample(self, raw: Raw) -> Usage:
        _only(raw, {"number", "at", "workers", "fleet", "free"}, "usage")
        found = {}
        for name, used in raw.get("workers", {}).items():
            size, slope = used if isinstance(used, list) else (used, None)
            if name in self.maps["runs"]:  # else it has ended since
                found[name] = Footprint(self.maps["runs"][name]["run"], size, slope)
        return Usage(
            number=raw["number"],
            at=float(raw["at"]),
            workers=found,
            fleet=raw.get("fleet", sum(footprint.bytes for footprint in found.values())),
            free=raw.get("free"),
        )


def read_all() -> list[tuple[str, Case]]:
    """(file and name, case) of every case, in the order of the files."""
    return [
        (f"{path.stem}: {case.name}", case)
        for path in sorted(FOLDER.glob("*.yaml"))
        for case in map(_case, yaml.safe_load(path.read_text()))
    ]


def members(pids: list[int]) -> frozenset[Member]:
    return frozenset(Member(pid, 1) for pid in pids)


def remembered(history: History, raw: Raw) -> History:
    """The history with what a case adds to it."""
    kinds: dict[str, type[msgspec.Struct]] = {
        "slots": Slot,
        "sweeps": Sweep,
        "rolls": Roll,
        "deaths": Death,
    }
    _only(raw, {*kinds, "mass", "memory"}, "history")
    added = {
        key: {
            **getattr(history, key),
            **{name: strict(kind, changes) for name, changes in raw.get(key, {}).items()},
        }
        for key, kind in kinds.items()
    }
    mass = strict(MassDeath, raw["mass"]) if "mass" in raw else history.mass
    memory = _counted(raw["memory"]) if "memory" in raw else history.memory
    return msgspec.structs.replace(history, **added, mass=mass, memory=memory)


def _counted(raw: Raw) -> Memory:
    parts = {"workers": Tally, "marks": Mark, "victims": Victim}
    for key, kind in parts.items():
        for entry in raw.get(key, {}).values():
            _check(kind, entry)
    return strict(Memory, raw)


def strict(kind: type[T], raw: Raw) -> T:
    """The value, if every key is a field of it."""
    _check(kind, raw)
    return msgspec.convert(raw, kind)


def _check(kind: type, raw: Raw) -> None:
    _only(raw, {f.name for f in msgspec.structs.fields(kind)}, kind.__name__)
    for key, part in PARTS.items():
        if isinstance(raw.get(key), dict):
            _check(part, raw[key])


def _case(raw: Raw) -> Case:
    steps = raw.get("steps", [{key: raw[key] for key in raw if key in STEP_KEYS}])
    shared = {"name", "settles", "finally", "resting", "steps"}
    _only(raw, shared if "steps" in raw else shared | STEP_KEYS, str(raw.get("name")))
    for step in steps:
        _only(step, STEP_KEYS, raw["name"])
        _only(step["expect"], EXPECT_KEYS, raw["name"])
    up, resting = raw.get("finally"), raw.get("resting", [])
    return Case(raw["name"], raw.get("settles", True), up, resting, steps)


def _wanted(raw: Raw) -> Wanted:
    lists = {"inboxes", "outboxes", "shared"}
    _only(raw, {"groups", "former", "memory", "one_by_one", *lists}, "wanted")
    return Wanted(
        groups={name: _group(changes) for name, changes in raw.get("groups", {}).items()},
        former={name: _group(changes) for name, changes in raw.get("former", {}).items()},
        inboxes=frozenset(raw.get("inboxes", ())),
        outboxes=frozenset(raw.get("outboxes", ())),
        shared=frozenset(raw.get("shared", ())),
        memory=strict(rules.FleetMemoryRules, raw.get("memory", {})),
        one_by_one=raw.get("one_by_one", False),
    )


def _group(changes: Raw) -> WantedGroup:
    raw = _over(GROUP, changes)
    return strict(WantedGroup, {"approved": raw["fingerprint"], **raw})


def _over(base: Raw, changes: Raw) -> Raw:
    """Laid over it, part by part."""
    both = {key: (base[key], changes[key]) for key in base.keys() & changes.keys()}
    parts = {key: _over(*two) for key, two in both.items() if isinstance(two[0], dict)}
    return {**base, **changes, **parts}


def _merge(entries: Raw, name: str, changes: object) -> None:
    if changes is None:
        entries.pop(name, None)
    elif isinstance(changes, Mapping):
        entries[name] = {**entries.get(name, {}), **changes}
    else:
        entries[name] = changes


def _only(raw: Mapping[str, object], allowed: set[str] | frozenset[str], where: str) -> None:
    unknown = raw.keys() - allowed
    if unknown:
        raise ValueError(f"{where}: unknown {sorted(unknown)}; known are {sorted(allowed)}")

from __future__ import annotations

import copy
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from tests.unit.spec.loading import spec_of
from tmaxd.spec.diff import Change, _words, diff
from tmaxd.spec.limits import FleetMemory, MaxAge, Memory, Thresholds, WorkerMemory
from tmaxd.spec.model import (
    Backoff,
    Group,
    Hook,
    Inbox,
    Outbox,
    Pipes,
    Retry,
    Route,
    Spec,
)
from tmaxd.spec.resolved import from_text, to_text
from tmaxd.spec.supervision import (
    After,
    Health,
    Pool,
    Ready,
    Restart,
    RestartBackoff,
    RestartLimit,
    Rollout,
    Stop,
)
from tmaxd.spec.units import Duration, Size
from tmaxd.spec.upkeep import Cleanup, Namespace, Store

WORDS = st.sampled_from(["a", "b", "{payload}", ""])
DURATIONS = st.sampled_from([Duration(0), Duration(1.5), Duration(60)])
SIZES = st.none() | st.sampled_from([Size(1 << 20), Size(1 << 30)])
LIMITS = {"warn": SIZES, "kill": SIZES, "samples": st.sampled_from([1, 3])}
CLEANUPS = st.builds(
    Cleanup,
    what=st.sampled_from(["tasks", "logs"]),
    ttl=st.none() | DURATIONS,
    every=st.none() | DURATIONS,
    groups=st.sampled_from([(), ("a", "b")]),
    compress=st.booleans(),
    apply=st.booleans(),
)
GROUPS = st.builds(
    Group,
    kind=st.sampled_from(["run", "serve", "task"]),
    argv=st.lists(WORDS, min_size=1, max_size=2).map(tuple),
    count=st.integers(0, 3),
    env=st.dictionaries(st.sampled_from("AB"), WORDS),
    cwd=st.sampled_from(["/", "/x"]),
    stop=st.builds(
        Stop,
        after=DURATIONS,
        drain=st.none() | DURATIONS,
        keys=st.sampled_from([(), ("C-c",)]),
    ),
    restart=st.builds(
        Restart,
        policy=st.sampled_from(["always", "never"]),
        success=st.sampled_from([(0,), (0, "TERM"), ()]),
        backoff=st.builds(RestartBackoff, factor=st.sampled_from([2.0, 1.5]), max=DURATIONS),
        limit=st.none() | st.builds(RestartLimit, crashes=st.integers(1, 2), within=DURATIONS),
    ),
    ready=st.none()
    | st.builds(
        Ready,
        tcp=st.none() | st.just("x:1"),
        frame=st.booleans(),
        within=st.none() | DURATIONS,
    ),
    health=st.none() | st.builds(Health, failures=st.integers(1, 3), output=DURATIONS),
    after=st.lists(
        st.builds(
            After, group=st.sampled_from("ab"), condition=st.sampled_from(["ready", "started"])
        ),
        max_size=2,
        unique_by=lambda item: item.group,
    ).map(tuple),
    rollout=st.builds(Rollout, surge=st.sampled_from([0, 1, "5%"]), pause=DURATIONS),
    pool=st.none() | st.builds(Pool, size=st.integers(0, 2), max_age=st.none() | DURATIONS),
    timeout=st.none() | DURATIONS,
    retry=st.builds(Retry, backoff=st.builds(Backoff, first=DURATIONS)),
    window=st.none() | st.integers(1, 2),
    balance=st.sampled_from(["least_loaded", "sticky"]),
    max_queue=st.none() | st.integers(1, 2),
    expire=st.none() | DURATIONS,
    lease=st.none() | st.just(Duration(30)),
    layout=st.sampled_from(["dedicated", "shared"]),
    memory=st.builds(
        WorkerMemory,
        **LIMITS,
        deadline=st.none() | DURATIONS,
        max=SIZES,
        total=st.builds(Thresholds, **LIMITS),
    ),
    max_tasks=st.none() | st.integers(1, 2),
    max_age=st.none() | st.builds(MaxAge, after=DURATIONS, jitter=st.sampled_from([0.1, 0.5])),
)
NAMES = st.lists(WORDS, min_size=1, max_size=2).map(tuple)
ROUTES = st.builds(
    Route,
    sources=NAMES,
    to=NAMES,
    when=st.sampled_from(["done", "any"]),
    max_hops=st.none() | st.just(3),
)
SPECS = st.builds(
    Spec,
    fleet=st.sampled_from(["x", "y"]),
    workers=st.dictionaries(st.sampled_from(["g", "h", "run"]), GROUPS),
    pipes=st.builds(
        Pipes,
        capacity=st.sampled_from([Size(4096), Size(8192)]),
        inboxes=st.dictionaries(st.sampled_from(["i", "j"]), st.builds(Inbox, to=NAMES)),
        outboxes=st.dictionaries(st.sampled_from(["i", "o"]), st.builds(Outbox, sources=NAMES)),
        routes=st.lists(ROUTES, max_size=2).map(tuple),
    ),
    on=st.dictionaries(
        st.sampled_from(["ended", "*"]),
        st.lists(st.builds(Hook, argv=NAMES, timeout=DURATIONS), min_size=1, max_size=2).map(tuple),
    ),
    memory=st.builds(
        Memory,
        sample=DURATIONS,
        fleet=st.builds(FleetMemory, **LIMITS, hold=SIZES),
        keep_free=SIZES,
    ),
    cleanup=st.lists(CLEANUPS, max_size=2).map(tuple),
    store=st.builds(
        Store,
        max_value=st.sampled_from([Size(4096), Size(8192)]),
        namespaces=st.dictionaries(
            st.sampled_from(["*", "a/b"]),
            st.builds(Namespace, max_keys=st.integers(1, 2), ttl=st.none() | DURATIONS),
        ),
    ),
    flags=st.dictionaries(st.sampled_from(["batching", "hot_reload"]), st.booleans()),
)


@given(SPECS, SPECS)
def test_applying_the_changes_gives_the_new_spec(old: Spec, new: Spec) -> None:
    words = copy.deepcopy(_words(old))
    for change in diff(old, new):
        apply(words, change)
    assert words == _words(new)


@given(SPECS)
def test_nothing_differs_from_itself(spec: Spec) -> None:
    assert diff(spec, copy.deepcopy(spec)) == ()


@given(SPECS)
def test_the_text_restores_the_spec(spec: Spec) -> None:
    assert from_text(to_text(spec)) == spec


@given(SPECS, SPECS)
def test_changes_go_to_json(old: Spec, new: Spec) -> None:
    for change in diff(old, new):
        back = msgspec.json.decode(msgspec.json.encode(change), type=Change)
        assert (back.key, back.field_class) == (change.key, change.field_class)


def test_the_words_are_those_of_the_file() -> None:
    old = spec_of("workers: {a: {task: [x], timeout: 30s, env: {A: 1}}, b: {run: [x]}}")
    new = spec_of(
        "workers: {a: {serve: [x], count: 2, env: {A: 2, B: 1}}, c: {run: [y]}}\n"
        "pipes: {inboxes: {i: {to: a}}}"
    )
    assert [(c.key, c.field_class) for c in diff(old, new)] == [
        ("pipes.inboxes.i", "live"),
        ("workers.a.count", "live"),
        ("workers.a.env.A", "when_idle"),
        ("workers.a.env.B", "when_idle"),
        ("workers.a.serve", "when_idle"),
        ("workers.a.task", "when_idle"),
        ("workers.a.timeout", "live"),
        ("workers.b", "live"),
        ("workers.c", "live"),
    ]
    by_key = {c.key: c for c in diff(old, new)}
    assert (by_key["workers.a.count"].old, by_key["workers.a.count"].new) == (1, 2)
    assert (by_key["workers.a.timeout"].old, by_key["workers.a.timeout"].new) == (30.0, UNSET)
    assert b'"old"' not in msgspec.json.encode(by_key["workers.c"])


def test_the_words_of_tasks_and_pipes() -> None:
    old = spec_of(
        "workers: {a: {task: [x], lease: never}, b: {task: [x], balance: sticky}}\n"
        "pipes: {inboxes: {i: {to: a}}, outboxes: {o: {from: a}}, routes: [{from: a, to: b}]}"
    )
    new = spec_of(
        "workers: {a: {task: [x], max_queue: 5, expire: 1h}, b: {task: [x], layout: shared}}\n"
        "pipes: {inboxes: {i: {to: [a, b]}}, outboxes: {o: {from: b}}, "
        "routes: [{from: a, to: [b], max_hops: 2}]}"
    )
    route = {"from": "a", "to": "b", "when": "done", "payload": "{result}"}
    assert [(c.key, c.old, c.new, c.field_class) for c in diff(old, new)] == [
        ("pipes.inboxes.i.to", "a", ["a", "b"], "live"),
        ("pipes.outboxes.o.from", "a", "b", "live"),
        ("pipes.routes", [route], [{**route, "max_hops": 2}], "live"),
        ("workers.a.expire", UNSET, 3600.0, "live"),
        ("workers.a.lease", "never", 60.0, "live"),
        ("workers.a.max_queue", UNSET, 5, "live"),
        ("workers.b.balance", "sticky", "least_loaded", "live"),
        ("workers.b.layout", "dedicated", "shared", "when_idle"),
    ]


def test_the_words_of_supervision() -> None:
    old = spec_of(
        "workers: {a: {task: [x]}, b: {run: [x], after: a, pool: 1, stop: {drain: 5s},\n"
        "  ready: {tcp: 80, within: never}, restart: {limit: {crashes: 3}}}}\non: {ended: [x]}"
    )
    new = spec_of(
        "workers: {a: {task: [x], health: {exec: [y]}, restart: {policy: never, success: [0, 3]}},\n"
        "  b: {run: [x], after: {a: started}, pool: {size: 2, max_age: never},\n"
        "  ready: {output: up}, restart: {limit: {crashes: 4}}, rollout: {surge: 5%}}}\n"
        "on: {ended: [x, y], '*': {run: [z], timeout: 1s}}"
    )
    health = {
        "exec": ("y",),
        "every": 10.0,
        "timeout": 5.0,
        "failures": 3,
        "successes": 1,
        "delay": 0.0,
        "then": "restart",
    }
    assert [(c.key, c.old, c.new) for c in diff(old, new)] == [
        ("on.*", UNSET, [{"run": ["z"], "timeout": 1.0}]),
        (
            "on.ended",
            [{"run": ["x"], "timeout": 30.0}],
            [{"run": ["x", "y"], "timeout": 30.0}],
        ),
        ("workers.a.health", UNSET, health),
        ("workers.a.restart.policy", "always", "never"),
        ("workers.a.restart.success", (0,), (0, 3)),
        ("workers.b.after.a", "ready", "started"),
        ("workers.b.pool.max_age", 3600.0, "never"),
        ("workers.b.pool.size", 1, 2),
        ("workers.b.ready.output", UNSET, "up"),
        ("workers.b.ready.tcp", "127.0.0.1:80", UNSET),
        ("workers.b.ready.within", "never", 60.0),
        ("workers.b.restart.limit.crashes", 3, 4),
        ("workers.b.rollout.surge", 0, "5%"),
        ("workers.b.stop.drain", 5.0, "never"),
    ]
    assert {c.field_class for c in diff(old, new)} == {"live"}


def test_the_words_of_memory_and_upkeep() -> None:
    old = spec_of(
        "workers: {a: {task: [x], memory: {kill: 1GiB, deadline: never}, max_age: 1h}}\n"
        "memory: {fleet: {hold: 2GiB}}\nflags: {batching: true}\n"
        "cleanup: [{what: logs, ttl: 1d, every: 1h}]"
    )
    new = spec_of(
        "workers: {a: {task: [x], memory: {kill: 2GiB, for: 1, total: {kill: 4GiB}}, max_tasks: 9}}\n"
        "memory: {sample: 10s, keep_free: 1GiB}\nflags: {batching: false, hot_reload: false}\n"
        "store: {namespaces: {notes: {max_keys: 5}}}\n"
        "cleanup: [{what: files, ttl: 0s, every: 1h, jitter: 1m, roots: /a, files: [/a/x]}]"
    )
    logs = {"what": "logs", "ttl": 86400.0, "every": 3600.0, "apply": True}
    files = {
        "what": "files",
        "ttl": 0.0,
        "every": 3600.0,
        "jitter": 60.0,
        "roots": ["/a"],
        "files": ["/a/x"],
        "apply": False,
    }
    notes = {"max_keys": 5, "max_size": 256 * 1024**2, "ttl": "never"}
    gib = 1024**3
    assert [(c.key, c.old, c.new) for c in diff(old, new)] == [
        ("cleanup", [logs], [files]),
        ("flags.batching", True, False),
        ("flags.hot_reload", UNSET, False),
        ("memory.fleet.hold", 2 * gib, UNSET),
        ("memory.keep_free", UNSET, gib),
        ("memory.sample", 5.0, 10.0),
        ("store.namespaces.notes", UNSET, notes),
        ("workers.a.max_age", {"after": 3600.0, "jitter": 0.1}, UNSET),
        ("workers.a.max_tasks", UNSET, 9),
        ("workers.a.memory.deadline", "never", 600.0),
        ("workers.a.memory.for", 3, 1),
        ("workers.a.memory.kill", gib, 2 * gib),
        ("workers.a.memory.total.kill", UNSET, 4 * gib),
    ]
    assert {c.field_class for c in diff(old, new)} == {"live"}


def test_the_layout_of_all_is_that_of_each() -> None:
    old = spec_of("workers: {a: {task: [x]}, b: {task: [x], layout: dedicated}, c: {run: [x]}}")
    new = spec_of(
        "workers: {a: {task: [x]}, b: {task: [x], layout: dedicated}, c: {run: [x]}}\n"
        "pipes: {layout: shared}"
    )
    assert [(c.key, c.field_class) for c in diff(old, new)] == [
        ("pipes.layout", "when_idle"),
        ("workers.a.layout", "when_idle"),
    ]


def apply(words: dict[str, Any], change: Change) -> None:
    *path, last = change.key.split(".")
    for part in path:
        words = words[part]
    if change.new is UNSET:
        del words[last]
    else:
        words[last] = change.new

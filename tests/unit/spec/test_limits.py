"""Memory, age and the memory store, as files say them: what lies over what, and what comes of it."""

from __future__ import annotations

import pytest

from tests.unit.spec.loading import HEAD, loaded, rejected, spec_of
from tmaxd.spec.limits import FleetMemory, MaxAge, Memory, Thresholds, WorkerMemory
from tmaxd.spec.load import from_text
from tmaxd.spec.units import Duration, Size
from tmaxd.spec.upkeep import Namespace, Store

MIB, GIB = 1024 * 1024, 1024**3


def test_nothing_is_limited_where_nothing_is_said() -> None:
    spec = spec_of("workers: {a: {task: [x]}}")
    group = spec.workers["a"]
    assert (group.memory, group.max_tasks, group.max_age) == (WorkerMemory(), None, None)
    assert (spec.memory, spec.cleanup, spec.store, spec.flags) == (Memory(), (), Store(), {})


def test_the_memory_of_workers_is_settled_in_layers() -> None:
    spec = spec_of(
        """
include: more.yaml
defaults: {memory: {kill: 4GiB, deadline: never}}
memory: {worker: {recycle: 800MiB, for: 5}}
workers:
  plain: {task: [x]}
  own: {run: [x], memory: {recycle: 1GiB, for: 1, high: 2GiB, max: 4GiB, deadline: 0s}}
  less: {task: [x], memory: {recycle: null, kill: null}}
  none: {task: [x], memory: null}
  total: {task: [x], memory: {total: {warn: 8GiB, kill: 9GiB, for: 2}}}
""",
        more_yaml="memory: {worker: {warn: 400MiB, recycle: 600MiB}}\ndefaults: {memory: {warn: 500MiB}}",
    )
    groups = {name: group.memory for name, group in spec.workers.items()}
    base = WorkerMemory(
        warn=Size(500 * MIB),
        recycle=Size(800 * MIB),
        kill=Size(4 * GIB),
        samples=5,
        deadline=None,
    )
    assert groups["plain"] == base
    assert groups["own"] == WorkerMemory(
        warn=Size(500 * MIB),
        recycle=Size(GIB),
        kill=Size(4 * GIB),
        samples=1,
        deadline=Duration(0),
        high=Size(2 * GIB),
        max=Size(4 * GIB),
    )
    assert (groups["less"].recycle, groups["less"].kill) == (None, None)
    assert groups["less"].warn == 500 * MIB
    assert groups["none"] == WorkerMemory()
    assert groups["total"].total == Thresholds(warn=Size(8 * GIB), kill=Size(9 * GIB), samples=2)


def test_the_memory_of_the_fleet_is_that_of_all_files() -> None:
    spec = spec_of(
        "include: more.yaml\nworkers: {}\nmemory: {fleet: {hold: 6GiB}, keep_free: null}",
        more_yaml="memory: {sample: 10s, fleet: {hold: 5GiB, kill: 8GiB, for: 1}, keep_free: 1GiB}",
    )
    fleet = FleetMemory(hold=Size(6 * GIB), kill=Size(8 * GIB), samples=1)
    assert spec.memory == Memory(sample=Duration(10), fleet=fleet)


@pytest.mark.parametrize(
    ("said", "age"),
    [
        ("24h", MaxAge(after=Duration(86400))),
        ("{after: 1h, jitter: 0}", MaxAge(after=Duration(3600), jitter=0.0)),
        ("{jitter: 0.5}", MaxAge(after=Duration(7200), jitter=0.5)),
        ("{}", MaxAge(after=Duration(7200))),
        ("never", None),
        ("null", None),
    ],
)
def test_ages(said: str, age: MaxAge | None) -> None:
    spec = spec_of(
        f"defaults: {{max_age: 2h}}\nworkers: {{a: {{run: [x], max_age: {said}}}, b: {{run: [x]}}}}"
    )
    assert spec.workers["a"].max_age == age
    assert spec.workers["b"].max_age == MaxAge(after=Duration(7200))


def test_the_tasks_of_defaults_are_not_for_groups_that_take_none() -> None:
    spec = spec_of("defaults: {max_tasks: 5}\nworkers: {a: {run: [x]}, b: {task: [x]}}")
    assert (spec.workers["a"].max_tasks, spec.workers["b"].max_tasks) == (None, 5)


def test_the_store_is_that_of_all_files() -> None:
    spec = spec_of(
        "include: more.yaml\nworkers: {}\n"
        "store: {namespaces: {cache: {ttl: never, max_keys: 5}, team/notes: {}}}",
        more_yaml="store: {max_value: 64KiB, namespaces: {cache: {ttl: 1h, max_size: 1MiB}, '*': {ttl: 1d}}}",
    )
    assert spec.store == Store(
        max_value=Size(65536),
        namespaces={
            "cache": Namespace(max_keys=5, max_size=Size(MIB)),
            "*": Namespace(ttl=Duration(86400)),
            "team/notes": Namespace(),
        },
    )


def test_a_mistake_of_the_defaults_is_shown_once_and_where_it_stands() -> None:
    text = rejected(
        "include: more.yaml\nmemory: {worker: {kill: 1GiB}}\nworkers: {a: {run: [x]}, b: {run: [x]}}",
        more_yaml="\ndefaults: {memory: {recycle: 2GiB}}",
    )
    assert text.count("nothing would ever be recycled") == 1
    assert text.startswith("/fleet/tmax.yaml:4:25: memory.worker.kill: `kill` (1GiB)")


def test_limits_that_the_kernel_keeps_first_are_warned_of() -> None:
    found = loaded(
        {"tmax.yaml": HEAD + "workers: {a: {run: [x], memory: {max: 1GiB, kill: 2GiB}}}"}
    )
    assert [(p.key, p.column) for p in found.warnings] == [("workers.a.memory.kill", 51)]
    assert "beyond `max` (1GiB)" in found.warnings[0].message


@pytest.mark.parametrize(("sample", "warned"), [("1s", True), ("2s", False), (None, False)])
def test_samples_that_cost_are_warned_of(sample: str | None, warned: bool) -> None:
    """Only where somebody has asked for them."""
    memory = "" if sample is None else f"memory: {{sample: {sample}}}"
    count = 400 if sample is None else 90
    text = f"workers: {{a: {{run: [x], count: {count}, pool: 10}}}}\n{memory}"
    warnings = loaded({"tmax.yaml": HEAD + text}).warnings
    assert [p.key for p in warnings] == ["memory.sample"] * warned
    assert not warned or "`2s` costs" in warnings[0].message


def test_the_text_has_only_what_is_said() -> None:
    plain = loaded({"tmax.yaml": HEAD + "workers: {a: {task: [x]}}"})
    said = loaded(
        {
            "tmax.yaml": HEAD
            + "workers: {a: {task: [x], memory: {for: 3, deadline: 10m, total: {}}, max_age: null}}\n"
            + "memory: {sample: 5s, fleet: {for: 3}}\nstore: {max_value: 1MiB}\nflags: {}\ncleanup: []"
        }
    )
    assert said.text == plain.text
    some = loaded(
        {
            "tmax.yaml": HEAD
            + "workers: {a: {task: [x], memory: {for: 1, deadline: never}}}\nmemory: {fleet: {for: 9}}"
        }
    )
    assert '"memory":{"deadline":null,"for":1}' in some.text
    assert '"memory":{"fleet":{"for":9}}' in some.text
    assert from_text(some.text) == some.spec

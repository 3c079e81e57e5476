"""What a valid file says of how workers are kept: restarts, probes, order, stops, changes, spares and hooks."""

from __future__ import annotations

import pytest

from tests.unit.spec.loading import HEAD, loaded, rejected, spec_of
from tmaxd.spec.load import from_text
from tmaxd.spec.model import Hook, Spec
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
from tmaxd.spec.units import Duration

ALL = """
defaults:
  restart: {backoff: {first: 1s, jitter: .5}, limit: {crashes: 5}}
pool: {groups: [web, db], max_age: never}
on:
  worker_crashed: [notify, 1.10]
  ended: {run: [a], timeout: 5s}
  "*": [[a, b], {run: [c]}]
workers:
  db:
    run: [db]
    restart:
      policy: on_failure
      success: [0, TERM]
      failure: [3]
      permanent: [78, HUP]
      backoff: {factor: 1.5, max: 5m, reset_after: 10m}
      limit: {within: 10m, then: stop}
    ready: {tcp: 5432, within: never}
    health: {http: "http://localhost:80/", every: 5s, failures: 2, successes: 2, delay: 1m, then: report}
    stop: {signal: INT, keys: [C-c, 1.10], after: 1s, drain: 0s}
    pool: 3
  web:
    serve: [web]
    after: {db: healthy, cache: started}
    ready: {output: "\\\\$ $", timeout: 1s, every: 200ms}
    health: {heartbeat: 1m}
    rollout:
      max_unavailable: 25%
      surge: 1
      canary: 5%
      canary_for: 10m
      healthy_for: 30s
      pause: 10s
      rollback: false
    stop: {keys: q}
  cache: {run: [cache], after: [db], restart: {limit: null}}
"""


def spec() -> Spec:
    return spec_of(ALL)


def test_restart() -> None:
    groups = spec().workers
    assert groups["db"].restart == Restart(
        policy="on_failure",
        success=(0, "TERM"),
        failure=(3,),
        permanent=(78, "HUP"),
        backoff=RestartBackoff(
            first=Duration(1),
            factor=1.5,
            max=Duration(300),
            jitter=0.5,
            reset_after=Duration(600),
        ),
        limit=RestartLimit(crashes=5, within=Duration(600), then="stop"),
    )
    backoff = RestartBackoff(first=Duration(1), jitter=0.5)
    assert groups["cache"].restart == Restart(backoff=backoff)
    assert groups["web"].restart == Restart(backoff=backoff, limit=RestartLimit(crashes=5))


def test_probes() -> None:
    groups = spec().workers
    assert groups["db"].ready == Ready(tcp="127.0.0.1:5432", within=None)
    assert groups["db"].health == Health(
        http="http://localhost:80/",
        every=Duration(5),
        failures=2,
        successes=2,
        delay=Duration(60),
        then="report",
    )
    assert groups["web"].ready == Ready(
        output="\\$ $", timeout=Duration(1), every=Duration(0.2), within=Duration(60)
    )
    assert groups["web"].health == Health(heartbeat=Duration(60))
    assert (groups["cache"].ready, groups["cache"].health) == (None, None)


def test_order_stop_and_changes() -> None:
    groups = spec().workers
    assert groups["web"].after == (
        After(group="cache", condition="started"),
        After(group="db", condition="healthy"),
    )
    assert groups["cache"].after == (After(group="db"),)
    assert groups["db"].stop == Stop(
        signal="INT", keys=("C-c", "1.10"), after=Duration(1), drain=Duration(0)
    )
    assert groups["web"].stop == Stop(keys=("q",))
    assert groups["web"].rollout == Rollout(
        max_unavailable="25%",
        surge=1,
        canary="5%",
        canary_for=Duration(600),
        healthy_for=Duration(30),
        pause=Duration(10),
        rollback=False,
    )


def test_pools() -> None:
    groups = spec().workers
    assert groups["db"].pool == Pool(size=3, max_age=None)
    assert groups["web"].pool == Pool(size=1, max_age=None)
    assert groups["cache"].pool is None


def test_hooks() -> None:
    assert spec().on == {
        "worker_crashed": (Hook(argv=("notify", "1.10")),),
        "ended": (Hook(argv=("a",), timeout=Duration(5)),),
        "*": (Hook(argv=("a", "b")), Hook(argv=("c",))),
    }


def test_hooks_of_all_files_are_taken() -> None:
    both = spec_of(
        "include: more.yaml\non: {ended: [a]}\nworkers: {}",
        more_yaml="on: {ended: [[b], [c]], ready: [d]}",
    )
    assert [hook.argv for hook in both.on["ended"]] == [("a",), ("b",), ("c",)]
    assert [hook.argv for hook in both.on["ready"]] == [("d",)]


@pytest.mark.parametrize(
    ("main", "pool"),
    [
        ("workers: {a: {run: [x]}}", None),
        ("workers: {a: {run: [x], pool: 2}}", Pool(size=2)),
        ("workers: {a: {run: [x], pool: {}}}", Pool(size=1)),
        ("defaults: {pool: 2}\nworkers: {a: {run: [x]}}", Pool(size=2)),
        ("defaults: {pool: 2}\nworkers: {a: {run: [x], pool: null}}", None),
        ("pool: {groups: a}\nworkers: {a: {run: [x], pool: null}}", None),
        ("pool: {groups: [a], size: 4}\nworkers: {a: {run: [x], pool: 0}}", Pool(size=0)),
        (
            "defaults: {pool: {size: 2, max_age: 5m}}\nworkers: {a: {run: [x], pool: 3}}",
            Pool(size=3, max_age=Duration(300)),
        ),
        (
            "defaults: {pool: 2}\npool: {groups: a, size: 4}\n"
            "workers: {a: {run: [x], pool: {max_age: 5m}}}",
            Pool(size=4, max_age=Duration(300)),
        ),
    ],
)
def test_a_group_s_pool_lies_over_that_of_the_fleet_over_the_defaults(
    main: str, pool: Pool | None
) -> None:
    assert spec_of(main).workers["a"].pool == pool


def test_another_question_takes_the_place_of_the_one_in_the_defaults() -> None:
    groups = spec_of(
        """
defaults: {ready: {tcp: 80, within: 5s}, health: {exec: [x], every: 3s}}
workers:
  other: {run: [x], ready: {output: up}, health: {output: 5m}}
  same: {run: [x], ready: {within: 6s}}
  none: {run: [x], ready: null, health: null}
"""
    ).workers
    assert groups["other"].ready == Ready(output="up", within=Duration(5))
    assert groups["other"].health == Health(output=Duration(300), every=Duration(3))
    assert groups["same"].ready == Ready(tcp="127.0.0.1:80", within=Duration(6))
    assert (groups["none"].ready, groups["none"].health) == (None, None)


def test_questions_for_tasks_in_the_defaults_are_passed_over_by_others() -> None:
    groups = spec_of(
        "defaults: {ready: {frame: true, within: 5s}, health: {heartbeat: 1m}}\n"
        "workers: {a: {serve: [x]}, b: {run: [x]}, c: {run: [x], ready: {alive: 1s}}}"
    ).workers
    assert groups["a"].ready == Ready(frame=True, within=Duration(5))
    assert groups["a"].health == Health(heartbeat=Duration(60))
    assert (groups["b"].ready, groups["b"].health) == (None, None)
    assert groups["c"].ready == Ready(alive=Duration(1), within=Duration(5))


def test_the_order_in_which_groups_are_named_means_nothing() -> None:
    one, other = (
        loaded(
            {
                "tmax.yaml": f"{HEAD}workers: {{a: {{run: [x]}}, b: {{run: [x]}}, c: {{run: [x], after: {text}}}}}"
            }
        )
        for text in ("[b, a]", "{a: ready, b: ready}")
    )
    assert one.digest == other.digest


def test_warnings() -> None:
    outcome = loaded(
        {
            "tmax.yaml": HEAD
            + """
defaults: {restart: {backoff: {first: 2m}}}
workers:
  a: {run: [x], rollout: {canary: 3}}
  b: {run: [x], after: {a: healthy}, ready: {output: "x*"}}
  c: {run: [x], count: 0, rollout: {canary: 3}}
"""
        }
    )
    assert [(w.key, w.message.partition(":")[0].partition(",")[0]) for w in outcome.warnings] == [
        ("defaults.restart.backoff.first", "longer than `max` (1m where nothing is said)"),
        ("workers.a.rollout.canary", "more than `count`"),
        ("workers.b.after.a", "`a` has no `health`"),
        ("workers.b.ready.output", "is found in an empty line too"),
    ]


def test_what_is_behind_a_mistake_is_not_blamed() -> None:
    """Groups with mistakes of their own are there, and are named all the same."""
    text = rejected(
        "workers: {a: {run: 1}, b: {run: [x], after: {a: finished}}}\npool: {groups: a}"
    )
    assert text.count("tmax.yaml:") == 1
    assert "workers.a.run: expected a list" in text


def test_one_mistake_is_one_problem_also_in_the_defaults() -> None:
    text = rejected(
        "defaults: {ready: {tcp: 70000, within: 5s}, restart: {limit: {crashes: 0, then: stop}}}\n"
        "workers: {a: {run: [x]}, b: {run: [x], ready: {every: 2s}}}"
    )
    assert [line.split(": ")[1] for line in text.splitlines() if "tmax.yaml:" in line] == [
        "defaults.ready.tcp",
        "defaults.restart.limit.crashes",
    ]


def test_a_file_that_is_missing_may_have_the_groups() -> None:
    text = rejected("include: gone.yaml\npool: {groups: a}\nworkers: {b: {run: [x], after: a}}")
    assert text.count("tmax.yaml:") == 1
    assert "cannot read" in text


def test_the_text_restores_all_of_it() -> None:
    whole = loaded({"tmax.yaml": HEAD + ALL})
    again = from_text(whole.text)
    assert again == whole.spec
    assert loaded({"tmax.yaml": HEAD + ALL}).text == whole.text
    stop = again.workers["db"].stop
    assert type(stop.drain) is Duration

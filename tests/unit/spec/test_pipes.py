"""What a group says about its tasks and `pipes` about where they go, once it is worked in."""

from __future__ import annotations

import time

import pytest

from tests.unit.spec.loading import HEAD, load_files, loaded, rejected, spec_of
from tmaxd.spec.load import Rejected, from_text
from tmaxd.spec.model import Inbox, Outbox, Route
from tmaxd.spec.units import Duration

TWO = "workers: {a: {task: [x]}, b: {serve: [x]}}\n"


def test_what_a_group_says_about_its_tasks() -> None:
    groups = spec_of(
        """
defaults: {balance: sticky, max_queue: 5, expire: 1h, lease: 5m}
workers:
  plain: {task: [x]}
  own: {serve: [x], balance: fastest, max_queue: 100000000, expire: 1d, lease: 30s}
  back: {task: [x], balance: null, max_queue: null, expire: null, lease: null}
  patient: {task: [x], lease: never}
  shell: {run: [x]}
"""
    ).workers
    said = {n: (g.balance, g.max_queue, g.expire, g.lease) for n, g in groups.items()}
    assert said == {
        "plain": ("sticky", 5, Duration(3600), Duration(300)),
        "own": ("fastest", 100_000_000, Duration(86400), Duration(30)),
        "back": ("least_loaded", None, None, Duration(60)),
        "patient": ("sticky", 5, Duration(3600), None),
        "shell": ("least_loaded", None, None, Duration(60)),
    }


def test_the_layout_is_the_group_s_or_that_of_the_defaults_or_of_the_pipes() -> None:
    groups = """
workers:
  plain: {task: [x]}
  own: {task: [x], layout: dedicated}
  back: {task: [x], layout: null}
  shell: {run: [x]}
"""
    layouts = {
        head: [g.layout for g in spec_of(head + groups).workers.values()]
        for head in (
            "",
            "pipes: {layout: shared}",
            "defaults: {layout: shared}",
            "defaults: {layout: dedicated}\npipes: {layout: shared}",
        )
    }
    assert layouts == {
        "": ["dedicated"] * 4,
        "pipes: {layout: shared}": ["shared", "dedicated", "shared", "dedicated"],
        "defaults: {layout: shared}": ["shared", "dedicated", "dedicated", "dedicated"],
        "defaults: {layout: dedicated}\npipes: {layout: shared}": [
            *("dedicated", "dedicated", "shared", "dedicated")
        ],
    }


def test_boxes_and_routes() -> None:
    pipes = spec_of(
        TWO
        + """
pipes:
  inboxes: {one: {to: a}, all: {to: [a, b]}}
  outboxes: {results: {from: [b, a]}, some: {from: b}}
  routes:
    - {from: a, to: b}
    - {from: [a, b], to: [b, a], when: any, payload: "{{{task}}}", max_hops: 3}
    - {from: b, to: a, when: null, payload: null, max_hops: 1, x-why: nothing}
"""
    ).pipes
    assert pipes.inboxes == {"one": Inbox(to=("a",)), "all": Inbox(to=("a", "b"))}
    assert pipes.outboxes == {
        "results": Outbox(sources=("b", "a")),
        "some": Outbox(sources=("b",)),
    }
    assert pipes.routes == (
        Route(sources=("a",), to=("b",)),
        Route(sources=("a", "b"), to=("b", "a"), when="any", payload="{{{task}}}", max_hops=3),
        Route(sources=("b",), to=("a",), max_hops=1),
    )


def test_the_routes_of_all_files_are_taken_in_their_order() -> None:
    routes = spec_of(
        TWO + "include: more.yaml\npipes: {routes: [{from: a, to: b}]}",
        more_yaml="pipes: {routes: [{from: a, to: b, when: dead, payload: x}], capacity: 4KiB}",
    ).pipes.routes
    assert [route.when for route in routes] == ["done", "dead"]


def test_the_text_of_a_revision_says_it_all() -> None:
    outcome = loaded(
        {
            "tmax.yaml": HEAD
            + "workers: {a: {task: [x], lease: never, expire: 5s, layout: shared}, b: {task: [x]}}\n"
            "pipes: {outboxes: {o: {from: a}}, routes: [{from: a, to: b, max_hops: 2}]}"
        }
    )
    again = from_text(outcome.text)
    assert again == outcome.spec
    assert again.workers["a"].lease is None
    assert type(again.workers["a"].expire) is Duration


def test_a_revision_of_a_time_without_these_keys_is_read() -> None:
    text = '{"fleet":"x","workers":{"a":{"kind":"task","argv":["x"],"cwd":"/"}},"pipes":{}}'
    group = from_text(text).workers["a"]
    assert (group.lease, group.layout, group.balance) == (Duration(60), "dedicated", "least_loaded")


@pytest.mark.parametrize(
    ("route", "warned"),
    [
        ("{from: a, to: b, when: dead}", "`{result}` is empty, other than `{error}`"),
        ("{from: a, to: b, when: dead, payload: '{task}{result}'}", "`{result}` is empty"),
        ("{from: a, to: b, payload: '{error}'}", "`{error}` is empty, other than `{result}`"),
        ("{from: a, to: b, when: dead, payload: '{error}'}", ""),
        ("{from: a, to: b, when: any, payload: '{error}{result}'}", ""),
        ("{from: a, to: b, when: dead, payload: 'again: {payload}'}", ""),
        ("{from: a, to: b, when: dead, payload: '{{result}}'}", ""),
    ],
)
def test_a_payload_that_would_be_empty_is_a_warning(route: str, warned: str) -> None:
    outcome = loaded({"tmax.yaml": HEAD + TWO + f"pipes: {{routes: [{route}]}}"})
    assert [w.key for w in outcome.warnings] == (["pipes.routes[0].payload"] if warned else [])
    assert warned in "".join(w.message for w in outcome.warnings)


def test_a_circle_with_a_bound_anywhere_is_legal() -> None:
    routes = ["{from: a, to: b}", "{from: b, to: a}"]
    for i in range(2):
        bounded = [*routes]
        bounded[i] = bounded[i].replace("}", ", max_hops: 5}")
        assert spec_of(TWO + f"pipes: {{routes: [{', '.join(bounded)}]}}").pipes.routes[i].max_hops
    assert "a -> b -> a" in rejected(TWO + f"pipes: {{routes: [{', '.join(routes)}]}}")


def test_a_long_circle_is_shortened() -> None:
    groups = "workers: {" + ", ".join(f"g{i}: {{task: [x], count: 0}}" for i in range(50)) + "}\n"
    routes = ", ".join(f"{{from: g{i}, to: g{(i + 1) % 50}}}" for i in range(50))
    text = rejected(groups + f"pipes: {{routes: [{routes}]}}")
    assert "g9 -> g10 -> … -> g0;" in text


def test_a_name_of_a_file_that_cannot_be_read_is_not_called_unknown() -> None:
    text = rejected(TWO + "include: gone.yaml\npipes: {routes: [{from: a, to: elsewhere}]}")
    assert "gone.yaml" in text
    assert "elsewhere" not in text


def test_a_file_full_of_routes_to_nowhere_is_refused_at_once() -> None:
    groups = "workers: {" + ", ".join(f"g{i}: {{task: [x], count: 0}}" for i in range(8000)) + "}\n"
    names = ", ".join(f"h{i}" for i in range(99))
    routes = ", ".join(f"{{from: [{names}], to: [{names}]}}" for _ in range(200))
    begun = time.monotonic()
    outcome = load_files({"tmax.yaml": HEAD + groups + f"pipes: {{routes: [{routes}]}}"})
    assert isinstance(outcome, Rejected)
    assert "there is no group `h0`" in outcome.problems[0].message
    assert time.monotonic() - begun < 20


def test_a_file_full_of_circles_is_refused_at_once() -> None:
    groups = "workers: {" + ", ".join(f"g{i}: {{task: [x], count: 0}}" for i in range(100)) + "}\n"
    names = ", ".join(f"g{i}" for i in range(100))
    routes = ", ".join(f"{{from: [{names}], to: [{names}]}}" for _ in range(400))
    begun = time.monotonic()
    text = rejected(groups + f"pipes: {{routes: [{routes}]}}")
    assert "g0 -> g0" in text
    assert time.monotonic() - begun < 20

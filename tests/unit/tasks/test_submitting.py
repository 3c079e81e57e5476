"""What is taken in and what is refused: options, several groups, limits, keys; and what routes bring in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.unit.tasks.driver import Driver, done, failed, results, started
from tmaxd.tasks import events as ev
from tmaxd.tasks.door import MAX_PAYLOAD, payloads_problem, problem_of
from tmaxd.tasks.frames import DoneFrame
from tmaxd.tasks.policy import GroupPolicy, Route
from tmaxd.tasks.records import Done, Options, Submitted

ONE = GroupPolicy()


def submit(*payloads: str, token: int = 1, groups: tuple[str, ...] = ("g",), **o: Any) -> ev.Submit:
    return ev.Submit(token, groups, payloads, Options(**o))


def test_a_copy_for_every_group() -> None:
    d = Driver(g=ONE, h=ONE)
    d.tell(submit("a", "b", groups=("g", "h")))
    assert d.of(ev.Accepted) == [ev.Accepted(1, 1, 4)]
    assert [(r.first_id, r.group, list(r.payloads)) for r in d.written(Submitted)] == [
        (1, "g", ["a", "b"]),
        (3, "h", ["a", "b"]),
    ]
    d.tell(submit("c", groups=("g", "nobody")))
    assert [denied.reason for denied in d.of(ev.Denied)] == ["unknown_group"]
    assert d.records == []


@pytest.mark.parametrize(
    ("payloads", "options", "words"),
    [
        (1, {"priority": 11}, "priority 11: it goes from -10 to 10"),
        (1, {"priority": -11}, "priority -11"),
        (2, {"key": "k"}, "a key names one task of one group, this submit has 2"),
        (0, {"key": "k"}, "this submit has 0"),
        (1, {"key": ""}, "the key has 0 characters"),
        (1, {"key": "k" * 201}, "the key has 201 characters, it takes 1 to 200"),
        (1, {"key": "a\0b"}, "the key holds a NUL character"),
        (1, {"affinity": "\ud800"}, "the affinity is not valid Unicode"),
        (1, {"affinity": "a" * 201}, "the affinity has 201 characters"),
        (1, {"due": float("nan")}, "due nan is no time"),
        (1, {"expires": float("inf")}, "expires inf is no time"),
        (1, {"expires": 999.0}, "it would have expired 1.000 s ago"),
        (1, {"expires": 1050.0, "due": 1060.0}, "it would expire 10.000 s before it may begin"),
    ],
)
def test_options_that_are_refused(payloads: int, options: dict[str, Any], words: str) -> None:
    d = Driver(g=ONE)
    d.tell(submit(*["x"] * payloads, **options))
    (denied,) = d.of(ev.Denied)
    assert denied.reason == "bad_option"
    assert words in denied.message
    assert (d.records, d.queries) == ([], [])


def test_one_bad_payload_among_many_is_found() -> None:
    good = ["x"] * 300
    assert payloads_problem(good) is None
    assert payloads_problem(["ü"] * 3) is None
    assert problem_of("é" * (MAX_PAYLOAD // 2)) is None
    for bad in ("a\0b", "\ud800", "x" * (MAX_PAYLOAD + 1), "é" * (MAX_PAYLOAD // 2) + "x"):
        problem = problem_of(bad)
        assert problem is not None
        assert payloads_problem([*good, bad, *good]) == problem


def test_later_tasks_wait_until_they_are_due() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=9)
    d.tell(submit("later", due=1060.0), submit("now", due=1000.0))
    assert (d.given, d.wake_at) == ([(2, 1)], 1060.0)
    assert [r.options.due for r in d.written(Submitted)] == [1060.0, None]
    d.wait(59.0)
    assert d.given == [(2, 1)]
    d.wait(1.0)
    assert d.given == [(2, 1), (1, 1)]
    d.says("g-1", done(1), done(2))
    (record,) = d.written(Done)
    assert record.delayed == 1


def test_the_groups_expiry_is_worked_in_and_counts_from_when_it_may_begin() -> None:
    d = Driver(g=GroupPolicy(expire=60.0))
    d.tell(submit("a"), submit("b", due=2000.0), submit("c", expires=1500.0))
    assert [r.options.expires for r in d.written(Submitted)] == [1060.0, 2060.0, 1500.0]


# ------------------------------------------------------------------------------------- limits


def test_what_can_never_fit_is_not_told_to_wait() -> None:
    d = Driver(g=GroupPolicy(max_queue=3))
    d.submit("g", "a", "b", "c", "d")
    (denied,) = d.of(ev.Denied)
    assert denied.reason == "queue_full"
    assert "4 tasks at once are more than the limit of 3" in denied.message
    assert "again" not in denied.message


def test_a_full_queue_refuses_and_says_so() -> None:
    d = Driver(g=GroupPolicy(max_queue=3))
    d.submit("g", "a", "b")
    d.submit("g", "c", due=5000.0)
    d.submit("g", "d")
    (denied,) = d.of(ev.Denied)
    assert denied.reason == "queue_full"
    assert (
        "3 tasks of group 'g' wait, the limit is 3: there is no room for 1 more" in denied.message
    )
    d.ready("g-1")
    d.submit("g", "d", "e")
    assert [denied.reason for denied in d.of(ev.Denied)] == ["queue_full"]
    d.submit("g", "d")
    assert d.of(ev.Accepted) == [ev.Accepted(1, 4, 1)]


def test_the_submits_own_limit_holds_as_well_and_for_all_copies() -> None:
    d = Driver(g=GroupPolicy(max_queue=9), h=ONE)
    d.submit("g", *"abc", max_queue=2)
    assert [denied.reason for denied in d.of(ev.Denied)] == ["queue_full"]
    d.tell(ev.Submit(1, ("h", "g", "g"), tuple("abcde")))
    assert [denied.reason for denied in d.of(ev.Denied)] == ["queue_full"]
    d.tell(ev.Submit(1, ("h", "g"), tuple("abcde"), max_queue=5))
    assert d.of(ev.Accepted) == [ev.Accepted(1, 1, 10)]


# --------------------------------------------------------------------------------------- keys


def test_the_same_key_is_the_same_task() -> None:
    d = Driver(g=ONE, h=ONE)
    d.tell(submit("a", key="k"))
    assert (d.records, d.effects) == ([], [])
    d.answer()
    assert d.of(ev.Accepted) == [ev.Accepted(1, 1, 1)]
    d.ready("g-1")
    d.says("g-1", done(1))
    d.tell(
        submit("a", key="k"),
        submit("b", key="k", token=2),
        submit("b", key="k", groups=("h",), token=3),
    )
    d.answer()
    same, conflict, other = d.effects
    assert same == ev.Accepted(1, 1, 1, existing=True, state="done")
    assert isinstance(conflict, ev.Denied)
    assert conflict.reason == "key_conflict"
    assert "key 'k' of group 'g' is that of task 1" in conflict.message
    assert other == ev.Accepted(3, 2, 1)


def test_equal_keys_at_the_same_time_are_one_task() -> None:
    d = Driver(g=ONE)
    d.tell(submit("a", key="k", token=1), submit("a", key="k", token=2))
    d.tell(submit("b", key="k", token=3), submit("x", token=4))
    assert len(d.queries) == 1
    answer = d.read(d.queries.pop())
    d.tell(submit("a", key="k", token=5), answer)
    assert d.effects[:2] == [ev.Accepted(1, 2, 1), ev.Accepted(2, 2, 1, True, "queued")]
    assert [denied.token for denied in d.of(ev.Denied)] == [3]
    assert d.effects[3] == ev.Accepted(5, 2, 1, True, "queued")
    d.tell(submit("a", key="k", token=6))
    d.answer()
    assert d.of(ev.Accepted) == [ev.Accepted(6, 2, 1, True, "queued")]


def test_the_answer_says_what_has_become_of_the_task_that_has_the_key() -> None:
    d = Driver(g=ONE)
    d.tell(submit("a", key="k"), submit("b", key="l"), submit("b", key="l", token=2))
    d.answer()
    d.tell(ev.Cancel(1, [1]))
    for key, payload, state in (("k", "a", "cancelled"), ("l", "b", "queued")):
        d.tell(submit(payload, key=key))
        d.answer()
        (answer,) = d.of(ev.Accepted)
        assert (answer.existing, answer.state) == (True, state)
    later = submit("c", key="m", due=d.now + 9)
    d.tell(later, msgspec.structs.replace(later, token=2))
    d.answer()
    assert [answer.state for answer in d.of(ev.Accepted)] == [None, "delayed"]
    assert d.state(1) == "cancelled"


def test_a_key_after_the_answer_in_the_same_step_is_looked_for_again() -> None:
    d = Driver(g=ONE)
    d.tell(submit("a", key="k", token=1))
    answer = d.read(d.queries.pop())
    d.tell(answer, submit("a", key="k", token=2))
    d.answer()
    assert d.of(ev.Accepted) == [ev.Accepted(2, 1, 1, True, "queued")]


def test_limits_hold_for_keys_when_their_answer_comes() -> None:
    d = Driver(g=GroupPolicy(max_queue=1))
    d.tell(submit("a", key="k", token=1), submit("b", key="l", token=2))
    d.answer()
    assert d.of(ev.Accepted) == [ev.Accepted(1, 1, 1)]
    assert [(denied.token, denied.reason) for denied in d.of(ev.Denied)] == [(2, "queue_full")]
    d.tell(submit("c", key="m", token=3))
    assert [denied.reason for denied in d.of(ev.Denied)] == ["queue_full"]


def test_a_key_that_cannot_be_looked_up_is_refused() -> None:
    d = Driver(g=ONE)
    d.tell(submit("a", key="k"))
    (query,) = d.queries
    assert isinstance(query, ev.FindKey)
    d.tell(ev.KeyFound(query.token, None, failed=True))
    assert [denied.reason for denied in d.of(ev.Denied)] == ["journal"]
    d.queries = []
    d.tell(submit("a", key="k"))
    d.answer()
    assert d.of(ev.Accepted) == [ev.Accepted(1, 1, 1)]


# ------------------------------------------------------------------------------------- routes


def routed(**fields: Any) -> Driver:
    d = Driver(g=GroupPolicy(routes=(Route(**fields),), attempts=1), h=ONE, i=ONE)
    d.ready("g-1", window=9, batch=True)
    return d


def test_an_end_makes_tasks_in_its_own_step() -> None:
    d = routed(to=("h", "i"), payload="{task}: {result} of {payload}")
    d.submit("g", "a", "b", priority=3)
    d.says("g-1", results(1, 2))
    new = d.written(Submitted)
    assert len(d.written(Done)) == 1
    assert [(r.first_id, r.group, list(r.payloads)) for r in new] == [
        (3, "h", ["1: r1 of a"]), (4, "i", ["1: r1 of a"]), (5, "h", ["2: r2 of b"]), (6, "i", ["2: r2 of b"]),
    ]  # fmt: skip
    assert new[0].options == Options(priority=3, source=1, hops=1)
    d.ready("h-1", window=9)
    assert d.given[-2:] == [(3, 1), (5, 1)]


def test_a_cancelled_task_makes_none_and_a_dead_one_where_that_is_wanted() -> None:
    d = routed(to=("h",), when="dead", payload="{error}")
    d.submit("g", *"abc")
    d.says("g-1", failed(1), done(2), started(3))
    assert [list(r.payloads) for r in d.written(Submitted)] == [["broke"]]
    d.tell(ev.Cancel(9, [3]))
    d.says("g-1", failed(3, outcome="cancelled"))
    assert (d.state(3), d.written(Submitted)) == ("cancelled", [])
    d.submit("g", "d", expires=1500.0)
    d.dies("g-1")
    d.wait(500.0)
    assert [record.source for record in (e.row for e in d.disk.entries.values())].count(5) == 1


def test_what_expired_on_disk_is_routed_with_its_payload() -> None:
    d = routed(to=("h",), when="dead", payload="late: {payload}")
    d.tell(ev.Hold("g-1", True))
    d.submit("g", *[f"p{n}" for n in range(1, 13)], expires=1010.0)
    d.wait(10.0)
    found = [e.payload for e in d.disk.entries.values() if e.row.group == "h"]
    assert sorted(found) == sorted(f"late: p{n}" for n in range(1, 13))


def test_a_result_in_a_file_is_read_by_the_driver() -> None:
    d = routed(to=("h",))
    d.submit("g", "a", "b")
    frames = (DoneFrame(1, 1, None, "/r1"), DoneFrame(2, 1, None, "/r2"))
    d.tell(ev.Frames("g-1", "run-g-1", frames, {"/r1": "long", "/r2": None}))
    assert [next(iter(r.payloads)) for r in d.written(Submitted)] == ["long", "{result}"]
    assert (d.state(3), d.state(4)) == ("queued", "dead")
    assert "/r2" in (d.disk.entries[4].row.error or "")
    assert (4, "dead") in d.of(ev.Ended)[0].tasks
    view = d.dispatcher.view(d.now).groups["h"]
    assert (view.queued, view.dead) == (1, 1)


def test_a_circle_ends_where_its_hops_do() -> None:
    d = Driver(g=GroupPolicy(routes=(Route(to=("g",), max_hops=2),)))
    d.ready("g-1", window=1)
    d.submit("g", "x")
    for task in (1, 2, 3, 4):
        d.says("g-1", done(task, result="again"))
    assert [entry.row.hops for entry in d.disk.entries.values()] == [0, 1, 2]


def test_routes_are_not_bound_by_the_limit_of_the_queue() -> None:
    d = Driver(g=GroupPolicy(routes=(Route(to=("h",)),)), h=GroupPolicy(max_queue=1))
    d.ready("g-1", window=3)
    d.submit("g", *"abc")
    d.says("g-1", *[done(task) for task in (1, 2, 3)])
    assert d.dispatcher.view(d.now).groups["h"].queued == 3


def test_outboxes_get_a_line_for_every_end() -> None:
    d = Driver(g=GroupPolicy(outboxes=("all", "more")))
    d.ready("g-1", window=3)
    d.submit("g", *"abc")
    d.tell(ev.Cancel(1, [3]))
    d.says("g-1", done(1), failed(2), failed(3, outcome="cancelled"))
    first, second = d.of(ev.Publish)
    assert (first.outbox, second.outbox, first.lines) == ("all", "more", second.lines)
    states = [line.split(b'"state":"')[1].split(b'"')[0] for line in first.lines]
    assert sorted(states) == [b"cancelled", b"dead", b"done"]


def test_what_a_route_could_not_make_is_not_tried_again() -> None:
    """Its payload is the text of the template, which nobody asked to be run."""
    d = Driver(
        g=GroupPolicy(routes=(Route(to=("h",)),)),
        h=GroupPolicy(routes=(Route(to=("i",), when="dead", payload="{payload}: {error}"),)),
        i=ONE,
    )
    d.ready("g-1")
    d.submit("g", "x")
    d.says("g-1", DoneFrame(1, 1, "no\0argument"))
    assert [d.state(task) for task in (1, 2, 3)] == ["done", "dead", "dead"]
    assert "it never had a payload" in (d.disk.entries[3].row.error or "")
    d.tell(ev.Retry(7, [2, 3]))
    d.answer()
    assert d.verdicts() == {2: "no_payload", 3: "no_payload"}
    assert (d.records, d.state(2)) == ([], "dead")


def test_what_expired_before_it_began_can_be_tried_again() -> None:
    d = Driver(g=ONE)
    d.submit("g", "x", expires=d.now + 5)
    d.wait(6)
    assert d.state(1) == "dead"
    d.tell(ev.Retry(7, [1]))
    d.answer()
    assert d.verdicts() == {1: "retried"}

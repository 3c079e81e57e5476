"""What the end of a task makes of it elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.tasks.door import MAX_PAYLOAD
from tmaxd.tasks.policy import GroupPolicy, Route
from tmaxd.tasks.routes import End, follow, uses_payload

DONE = End(17, 2, "echo-1", "done", "in", "out", "", 0)
DEAD = End(18, 3, "echo-2", "dead", "in", None, "it broke", 0)
CANCELLED = End(19, 0, None, "cancelled", "in", None, "cancelled", 0)


def policy(*routes: Route) -> GroupPolicy:
    return GroupPolicy(routes=routes)


def test_a_result_becomes_a_task_of_the_next_group() -> None:
    (routed,) = follow("echo", policy(Route(to=("check",))), DONE)
    assert (routed.groups, routed.payload, routed.hops, routed.problem) == (
        ("check",),
        "out",
        1,
        None,
    )


@pytest.mark.parametrize(
    ("end", "taken"),
    [(DONE, ["done", "any"]), (DEAD, ["dead", "any"]), (CANCELLED, [])],
)
def test_when(end: End, taken: list[str]) -> None:
    routes = (
        Route(to=("a",), when="done", payload="done"),
        Route(to=("b",), when="dead", payload="dead"),
        Route(to=("c",), when="any", payload="any"),
    )
    assert [routed.payload for routed in follow("echo", policy(*routes), end)] == taken


def test_every_placeholder() -> None:
    text = "{result}|{error}|{payload}|{task}|{group}|{worker}|{attempt}|{state}"
    route = policy(Route(to=("a",), when="any", payload=text))
    assert follow("echo", route, DONE)[0].payload == "out||in|17|echo|echo-1|2|done"
    assert follow("echo", route, DEAD)[0].payload == "|it broke|in|18|echo|echo-2|3|dead"
    expired = End(20, 0, None, "dead", "in", None, "its time was over")
    assert follow("echo", route, expired)[0].payload == "|its time was over|in|20|echo||0|dead"


def test_a_fan_out_is_one_routed_task_for_all_its_groups() -> None:
    (routed,) = follow("echo", policy(Route(to=("a", "b"))), DONE)
    assert routed.groups == ("a", "b")


@pytest.mark.parametrize(
    ("hops", "bound", "taken"), [(0, 1, True), (1, 1, False), (99, None, True)]
)
def test_a_bounded_route_ends(hops: int, bound: int | None, taken: bool) -> None:
    end = End(1, 1, "w-1", "done", "", "again", "", hops)
    routed = follow("echo", policy(Route(to=("echo",), max_hops=bound)), end)
    assert [one.hops for one in routed] == ([hops + 1] if taken else [])


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_value_is_not_a_template(text: str) -> None:
    end = End(1, 1, "w-1", "done", "{error}", text, "secret", 0)
    (routed,) = follow("echo", policy(Route(to=("a",), payload="{result}{payload}")), end)
    assert routed.payload == text + "{error}"


def test_what_cannot_be_carried_says_so() -> None:
    unread = End(17, 1, "w-1", "done", None, None, "", 0, True, "/spool/17.result")
    (routed,) = follow("echo", policy(Route(to=("a", "b"))), unread)
    assert routed.payload == "{result}"
    assert routed.problem == (
        "the route from echo to a, b could not carry task 17: its result stands in a file /spool/17.result"
        " that cannot be read or is too long for a payload; submit it by hand"
    )
    assert follow("echo", policy(Route(to=("a",), payload="{task}")), unread)[0].problem is None


def test_a_payload_that_is_not_at_hand() -> None:
    end = End(17, 1, "w-1", "done", None, "out", "", 0)
    (routed,) = follow("echo", policy(Route(to=("a",), payload="{payload}")), end)
    assert routed.problem is not None
    assert "its payload was too long to be kept" in routed.problem


@pytest.mark.parametrize(
    ("result", "says"),
    [("x" * MAX_PAYLOAD + "x", f"the limit is {MAX_PAYLOAD:,} "), ("a\0b", "NUL")],
)
def test_what_is_no_payload_is_not_made_one(result: str, says: str) -> None:
    end = End(17, 1, "w-1", "done", "", result, "", 4)
    (routed,) = follow("echo", policy(Route(to=("a",))), end)
    assert routed.problem is not None
    assert says in routed.problem
    assert (routed.payload, routed.hops) == ("{result}", 5)


def test_who_uses_the_payload() -> None:
    assert uses_payload(policy(Route(to=("a",)), Route(to=("a",), payload="x{payload}")))
    assert not uses_payload(policy(Route(to=("a",), payload="{{payload}}")))
    assert not uses_payload(GroupPolicy())

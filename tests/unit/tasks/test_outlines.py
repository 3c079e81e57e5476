"""The lines of outboxes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.tasks.outlines import LINE_LIMIT, lines
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.routes import End

POLICY = GroupPolicy(outboxes=("results", "audit"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3000).map(lambda text: text * 4)


def line(end: End) -> tuple[dict[str, Any], bytes]:
    first, second = lines("echo", POLICY, [end])
    assert (first.outbox, second.outbox) == ("results", "audit")
    assert first.lines == second.lines
    (found,) = first.lines
    assert found.endswith(b"\n")
    assert found.count(b"\n") == 1
    return json.loads(found), found


def done(result: str | None, file: str | None = None) -> End:
    return End(17, 1, "echo-1", "done", None, result, "", 0, result is None, file, 1700000000.1234)


def dead(error: str) -> End:
    return End(18, 3, "echo-1", "dead", None, None, error, at=1.0)


def test_a_task_that_is_done() -> None:
    assert line(done("text"))[0] == {
        "id": 17,
        "group": "echo",
        "state": "done",
        "attempt": 1,
        "worker": "echo-1",
        "result": "text",
        "at": 1700000000.123,
    }


@pytest.mark.parametrize("state", ["dead", "cancelled"])
def test_a_task_that_is_not(state: Any) -> None:
    assert line(End(18, 0, None, state, None, None, "its time was over", at=2.0))[0] == {
        "id": 18,
        "group": "echo",
        "state": state,
        "attempt": 0,
        "worker": None,
        "error": "its time was over",
        "at": 2.0,
    }


def test_a_task_done_without_a_word_has_an_empty_result() -> None:
    end = End(17, 1, "echo-1", "done", None, None)
    assert line(end)[0]["result"] == ""


def test_a_long_result_is_named_where_it_has_a_file() -> None:
    assert line(done("x" * 5000, "/spool/17"))[0]["result_file"] == "/spool/17"
    assert line(done(None, "/spool/17"))[0]["result_file"] == "/spool/17"
    short = line(done("x" * 3000, "/spool/17"))[0]
    assert short["result"] == "x" * 3000
    assert "result_file" not in short


@given(TEXTS)
def test_what_is_cut_is_the_beginning_and_says_so(text: str) -> None:
    for key, end in (("result", done(text)), ("error", dead(text))):
        found, raw = line(end)
        assert len(raw) <= LINE_LIMIT
        assert text.startswith(found[key])
        if found.get("truncated"):
            # one more character had no room, at six bytes each in the worst case
            assert len(raw) > LINE_LIMIT - 6
        else:
            assert found[key] == text


def test_a_text_that_just_fits_is_whole() -> None:
    _, raw = line(done(""))
    room = LINE_LIMIT - len(raw)
    assert line(done("x" * room))[0]["result"] == "x" * room
    assert line(done("x" * (room + 1)))[0]["truncated"] is True


def test_one_line_a_task_in_their_order() -> None:
    (publish, _) = lines("echo", POLICY, [done("1"), dead("2"), done("3")])
    assert [json.loads(raw)["id"] for raw in publish.lines] == [17, 18, 17]


def test_without_outboxes_there_is_nothing() -> None:
    assert lines("echo", GroupPolicy(), [done("1")]) == []
    assert lines("echo", POLICY, []) == []

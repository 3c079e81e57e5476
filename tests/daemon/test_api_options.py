"""What may be asked for tasks over the API: options, keys, limits, and the stream of acknowledgements."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.ctl.harness import conforms
from tests.daemon.api_client import Client, run
from tests.waiting import until
from tmaxd.daemon.api.payloads import array_items, line_items
from tmaxd.daemon.api.types import NewTask
from tmaxd.daemon.api.verb import Limits
from tmaxd.daemon.api.wishes import Item, Wishes
from tmaxd.tasks.records import PLAIN, Options

NDJSON = {"Content-Type": "application/x-ndjson"}
STREAM = NDJSON | {"Accept": "application/x-ndjson"}
URL = "/v1/tasks?group=check"


def lines_of(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines() if line]


# ------------------------------------------------------------------------------------- options


def test_the_query_says_what_holds_for_all() -> None:
    async def test(client: Client) -> None:
        before = time.time()
        query = "&priority=-3&after=60&affinity=a&expires=30"
        status, body = await client.ask("POST", URL + query, json=["one", "two"])
        assert (status, body["ranges"]) == (200, [[1, 2]])
        (options,) = client.fleet.asked
        assert (options.priority, options.affinity, options.key) == (-3, "a", None)
        assert options.due is not None
        assert before + 60 <= options.due <= time.time() + 60
        assert options.expires == options.due + 30

    run(test)


def test_a_task_s_own_words_go_before_the_query_s() -> None:
    wishes = Wishes(priority=2, after=10.0, key="k", affinity="a", expires=5.0)
    assert wishes.options(100.0) == Options(
        priority=2, due=110.0, key="k", affinity="a", expires=115.0
    )
    own = NewTask(payload="x", priority=0, at=500.0, key="own", affinity="b", expires=1.0)
    assert wishes.options_of(own, 100.0) == Options(
        priority=0, due=500.0, key="own", affinity="b", expires=501.0
    )
    assert wishes.options_of(NewTask(payload="x", after=0.0), 100.0).due is None
    assert Wishes().options_of(NewTask(payload="x"), 100.0) is PLAIN
    assert Wishes(at=99.0).options(100.0) is PLAIN, "a time that is over is no time"


def test_neighbours_that_are_asked_for_alike_go_together() -> None:
    items: list[Item] = [
        "a",
        NewTask(payload="b"),
        NewTask(payload="c", priority=1),
        NewTask(payload="d", priority=1),
        "e",
        NewTask(payload="f", key="k"),
        NewTask(payload="g", key="k"),
    ]
    runs = [(place, o.priority, o.key, list(p)) for place, o, p in Wishes().runs(items, 0.0)]
    assert runs == [
        (0, 0, None, ["a", "b"]),
        (2, 1, None, ["c", "d"]),
        (4, 0, None, ["e"]),
        (5, 0, "k", ["f"]),
        (6, 0, "k", ["g"]),
    ]
    assert list(Wishes().runs([], 0.0)) == []


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("&priority=11", "bad_parameter"),
        ("&priority=--1", "bad_parameter"),
        ("&priority=1.5", "bad_parameter"),
        ("&after=-1", "bad_parameter"),
        ("&after=1&at=2", "bad_option"),
        ("&key=", "bad_parameter"),
        ("&key=" + "k" * 201, "bad_parameter"),
        ("&expires=soon", "bad_parameter"),
        ("&max_queue=-1", "bad_parameter"),
        ("&priorty=1", "bad_parameter"),
        ("&key=k", "bad_option"),
    ],
)
def test_bad_options_in_the_query(query: str, word: str) -> None:
    async def test(client: Client) -> None:
        refused = await client.refused("POST", URL + query, json=["one", "two"])
        assert refused[:2] == (400, word)
        assert client.fleet.stories == {}

    run(test)


@pytest.mark.parametrize(
    ("line", "word", "words"),
    [
        (b'{"payload":"x","priority":30}', "bad_option", "<= 10"),
        (b'{"payload":"x","prio":3}', "bad_option", "unknown field `prio`"),
        (b'{"payload":"x","key":""}', "bad_option", "length >= 1"),
        (b'{"payload":"x","after":1,"at":2}', "bad_option", "give one of them"),
        (b'{"payload":3}', "bad_payload", "$.payload"),
        (b'{"priority":1}', "bad_payload", "missing required field `payload`"),
    ],
)
def test_bad_options_of_one_task(line: bytes, word: str, words: str) -> None:
    async def test(client: Client) -> None:
        data = b'"one"\n\n{"payload":"two"}\n' + line + b'\n"never"\n'
        status, body = await client.ask("POST", URL, data=data, headers=NDJSON)
        assert (status, body["error"], body["ranges"]) == (400, word, [[1, 2]])
        assert body["message"].startswith("line 4")
        assert words in body["message"]
        whole = b"[" + line + b"]"
        headers = {"Content-Type": "application/json"}
        assert (await client.refused("POST", URL, data=whole, headers=headers))[0] == 400
        assert len(client.fleet.stories) == 2

    run(test)


# ------------------------------------------------------------------------- keys and full queues


def test_a_key_that_is_known_is_the_same_task() -> None:
    async def test(client: Client) -> None:
        tasks = [{"payload": "one", "key": "a"}, {"payload": "two", "key": "b"}]
        status, body = await client.ask("POST", URL, json=tasks)
        assert (status, body) == (
            200,
            {"ranges": [[1, 2]], "accepted": 2, "existing": [], "existing_states": []},
        )
        status, body = await client.ask("POST", URL, json=[*reversed(tasks), "three"])
        assert body == {
            "ranges": [[3, 1]],
            "accepted": 1,
            "existing": [2, 1],
            "existing_states": ["done", "done"],
        }
        conforms(body, "Submission")

    run(test)


def test_a_conflict_says_which_line_and_what_was_taken_beside_it() -> None:
    async def test(client: Client) -> None:
        data = b'{"payload":"one","key":"a"}\n{"payload":"other","key":"a"}\n"three"\n'
        status, body = await client.ask("POST", URL, data=data, headers=NDJSON)
        conforms(body, "Refused")
        assert (status, body["error"]) == (409, "key_conflict")
        assert body["message"].startswith("line 2: ")
        assert sum(count for _, count in body["ranges"]) == len(client.fleet.stories)

    run(test)


def test_a_full_queue_is_said() -> None:
    async def test(client: Client) -> None:
        status, body = await client.ask("POST", f"{URL}&max_queue=2", json=["slow"] * 3)
        assert (status, body["error"], body["accepted"]) == (429, "queue_full", 0)

    run(test)


# ------------------------------------------------------------------------------------ the stream


def test_each_batch_is_acknowledged_as_soon_as_it_is_taken() -> None:
    async def test(client: Client) -> None:
        came = ""

        async def lines() -> AsyncIterator[bytes]:
            yield b'"one"\n'
            await until(lambda: came.count("\n") == 1, "the first is acknowledged")
            yield b'{"payload":"two","key":"k"}\n{"payload":"two","key":"k"}\n'
            await until(lambda: came.count("\n") == 3, "the others too")

        async with client.request("POST", URL, data=lines(), headers=STREAM) as response:
            assert (response.status, response.content_type) == (200, "application/x-ndjson")
            async for piece in response.content.iter_any():
                came += piece.decode()
        found = lines_of(came)
        assert found == [
            {"first_id": 1, "count": 1},
            {"first_id": 2, "count": 1},
            {"first_id": 2, "count": 1, "existing": True, "state": "done"},
            {"accepted": 2},
        ]
        for line in found[:3]:
            conforms(line, "Accepted")
        conforms(found[3], "AllAccepted")

    run(test)


def test_a_refusal_is_the_last_line_of_a_stream() -> None:
    async def test(client: Client) -> None:
        data = b'"one"\n"two"\nno json\n"never"\n'
        status, text = await client.ask("POST", URL, data=data, headers=STREAM)
        first, last = lines_of(text)
        assert (status, first) == (200, {"first_id": 1, "count": 2})
        conforms(last, "Refused")
        assert (last["error"], last["accepted"], last["ranges"]) == ("bad_payload", 2, [[1, 2]])
        status, text = await client.ask(
            "POST", "/v1/tasks?group=nosuch", data=b'"x"\n', headers=STREAM
        )
        assert lines_of(text)[0]["error"] == "unknown_group"

    run(test)


# ---------------------------------------------------------------------------- decoding, alone


def test_many_lines_are_one_call_and_numbered_all_the_same() -> None:
    limits = Limits(payload=8)
    plain = line_items(b'"a"\n"b"', 5, limits)
    assert (list(plain.items), plain.name(1, 1), plain.refusal) == (["a", "b"], "line 7: ", None)
    blank = line_items(b'"a"\n\n"b"\n', 5, limits)
    assert (list(blank.items), blank.name(1, 1), blank.name(0, 2)) == (
        ["a", "b"],
        "line 8: ",
        "lines 6 to 8: ",
    )
    long = line_items(b'"a"\n"' + "é".encode() * 5 + b'"\n"b"\n', 0, limits)
    assert list(long.items) == ["a"]
    assert long.refusal is not None
    assert str(long.refusal).startswith("line 2 has 10 bytes; the limit is 8")
    assert array_items(b'["a"]', limits).name(0, 1) == "", "there is nothing to tell apart"


# ------------------------------------------------------------------------------- cancel, retry


def test_cancel_and_retry_give_a_verdict_for_each() -> None:
    async def test(client: Client) -> None:
        await client.submit("slow 1", "long 2", "done 3", "fail 4")
        body = {"ids": [9, 1], "ranges": [[1, 3]]}
        status, text = await client.ask("POST", "/v1/cancel", json=body)
        found = lines_of(text)
        for line in found:
            conforms(line, "TaskVerdict")
        assert status == 200
        assert [(f["id"], f["verdict"]) for f in found] == [
            (1, "cancelled"),
            (2, "cancelling"),
            (3, "ended"),
            (9, "unknown"),
        ]
        _, text = await client.ask("POST", "/v1/retry", json={"ids": [1, 2, 3, 4]})
        verdicts = [f["verdict"] for f in lines_of(text)]
        assert verdicts == ["retried", "waiting", "done", "retried"]

    run(test)


def test_a_whole_group_is_chosen_by_states_and_in_pages() -> None:
    async def test(client: Client) -> None:
        await client.submit(*["slow"] * 2500, "done", "fail")
        _, text = await client.ask("POST", "/v1/cancel", json={"group": "check"})
        found = lines_of(text)
        assert {f["verdict"] for f in found} == {"cancelled"}
        assert sorted(f["id"] for f in found) == list(range(1, 2501))
        _, text = await client.ask("POST", "/v1/retry", json={"group": "check"})
        assert lines_of(text) == [{"id": 2502, "verdict": "retried"}], "the dead ones"
        choice = {"group": "check", "states": ["cancelled"]}
        _, text = await client.ask("POST", "/v1/retry", json=choice)
        assert len(lines_of(text)) == 2500
        assert await client.ask("POST", "/v1/cancel", json={"group": "other"}) == (200, "")

    run(test)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"states": ["dead"]}, 400, "bad_body"),
        ({"group": "check", "states": ["nice"]}, 400, "bad_body"),
        ({"id": 3}, 400, "bad_body"),
        ({"ranges": [[1, 10**9]]}, 413, "too_many_ids"),
    ],
)
def test_bad_choices(body: Any, status: int, word: str) -> None:
    async def test(client: Client) -> None:
        for path in ("/v1/cancel", "/v1/retry"):
            assert (await client.refused("POST", path, json=body))[:2] == (status, word)

    run(test)

"""Submitting over the API: both forms, and what a refusal leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO

import pytest

from tests.ctl.harness import conforms
from tests.daemon.api_client import Client, run, serving
from tests.waiting import until
from tmaxd.daemon.api import server


def test_submit_an_array() -> None:
    async def test(client: Client) -> None:
        payloads = [f"task {n} é\n" for n in range(5000)]
        status, body = await client.ask("POST", "/v1/tasks?group=check", json=payloads)
        assert status == 200
        conforms(body, "Submission")
        assert body == {
            "ranges": [[1, 5000]],
            "accepted": 5000,
            "existing": [],
            "existing_states": [],
        }
        assert client.fleet.batches == [2048, 2048, 904]
        assert [s.payload for s in client.fleet.stories.values()] == payloads
        assert await client.ask("POST", "/v1/tasks?group=check", json=[]) == (
            200,
            {"ranges": [], "accepted": 0, "existing": [], "existing_states": []},
        )

    run(test)


NDJSON = {"Content-Type": "application/x-ndjson"}


def test_submit_a_stream_is_durable_line_by_line() -> None:
    async def test(client: Client) -> None:
        async def lines() -> AsyncIterator[bytes]:
            yield b'"one"\n"tw'
            await until(lambda: len(client.fleet.stories) == 1, "the first line is taken")
            yield b'o"\n\n  \n'
            await until(lambda: len(client.fleet.stories) == 2, "the second line is taken")
            yield b'"three \\u00e9"'

        status, body = await client.ask(
            "POST", "/v1/tasks?group=check", data=lines(), headers=NDJSON
        )
        assert (status, body) == (
            200,
            {"ranges": [[1, 3]], "accepted": 3, "existing": [], "existing_states": []},
        )
        assert [s.payload for s in client.fleet.stories.values()] == ["one", "two", "three é"]

    run(test)


MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("bad", "status", "word", "message"),
    [
        (b"no json", 400, "bad_payload", "line 3 is not a JSON string, or an "),
        (b"17", 400, "bad_payload", "line 3 is not a JSON string, or an "),
        (b'"\xff"', 400, "bad_payload", "line 3 is not a JSON string, or an "),
        (b'"\\ud800"', 400, "bad_payload", "line 3 is not a JSON string, or an "),
        (b'"half', 400, "bad_payload", "line 3 is not a JSON string, or an "),
        (
            b'"' + b"x" * (MIB + 1) + b'"',
            413,
            "payload_too_large",
            "line 3 has 1,048,577 bytes; the limit is 1,048,576 (put the data into a file",
        ),
        (
            b'"' + b"x" * 7 * MIB + b'"',
            413,
            "payload_too_large",
            "line 3 has more than the limit of 1,048,576 bytes (put the data into a file",
        ),
        (b'"refuse me"', 400, "bad_payload", "line"),
    ],
)
def test_a_bad_line_in_a_stream(bad: bytes, status: int, word: str, message: str) -> None:
    async def test(client: Client) -> None:
        async def lines() -> AsyncIterator[bytes]:
            yield b'"one"\n"two"\n'
            await until(lambda: len(client.fleet.stories) == 2, "two are taken")
            yield bad + b"\n"
            yield b'"never"\n'

        code, body = await client.ask("POST", "/v1/tasks?group=check", data=lines(), headers=NDJSON)
        assert (code, body["error"]) == (status, word)
        assert body["message"].startswith(message)
        assert (body["ranges"], body["accepted"]) == ([[1, 2]], 2)
        assert len(client.fleet.stories) == 2

    run(test)


def test_lines_before_a_bad_one_in_the_same_piece_are_taken() -> None:
    async def test(client: Client) -> None:
        code, body = await client.ask(
            "POST", "/v1/tasks?group=check", data=b'"one"\n"two"\n{}\n"four"\n', headers=NDJSON
        )
        assert (code, body["ranges"]) == (400, [[1, 2]])

    run(test)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "bad_body"),
        (b"{", 400, "bad_body"),
        (b"{}", 400, "bad_body"),
        (b'["a", 1]', 400, "bad_body"),
        (b'["\xff"]', 400, "bad_body"),
        (b"[" * 100_000, 400, "bad_body"),
        (b'["' + b"x" * (MIB + 1) + b'"]', 413, "payload_too_large"),
        (b'["' + b"x" * 9 * MIB + b'"]', 413, "body_too_large"),
    ],
)
def test_bad_arrays_leave_nothing_behind(body: bytes, status: int, word: str) -> None:
    async def test(client: Client) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await client.refused(
            "POST", "/v1/tasks?group=check", data=BytesIO(body), headers=headers
        )
        assert answer[:2] == (status, word)
        assert client.fleet.stories == {}

    run(test)


@pytest.mark.parametrize(("group", "status"), [("nosuch", 404), ("shell", 409), ("a/b&c", 404)])
def test_groups_that_take_none(group: str, status: int) -> None:
    async def test(client: Client) -> None:
        options = {"params": {"group": group}, "json": ["x"]}
        assert (await client.refused("POST", "/v1/tasks", **options))[0] == status

    run(test)


def test_large_payloads_go_in_small_batches() -> None:
    async def test(client: Client) -> None:
        await client.submit(*["x" * MIB] * 7)
        assert client.fleet.batches == [4, 3]

    run(test)


def test_a_shutdown_does_not_wait_for_a_stream_that_goes_on() -> None:
    async def whole() -> None:
        async with serving() as client:
            reader, writer = await asyncio.open_unix_connection(str(client.socket))
            writer.write(b"POST /v1/tasks?group=check HTTP/1.1\r\nHost: x\r\n")
            writer.write(b"Content-Type: application/x-ndjson\r\n")
            writer.write(b'Transfer-Encoding: chunked\r\n\r\n4\r\n"a"\n\r\n')
            await until(lambda: len(client.fleet.stories) == 1, "the first line is taken")
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < server.SHUTDOWN_SECONDS
        assert await reader.read() == b""
        writer.close()

    asyncio.run(asyncio.wait_for(whole(), 10))

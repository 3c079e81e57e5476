"""Results and waits over the API."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import msgspec
import pytest

from tests.ctl.harness import conforms
from tests.daemon.api_client import Client, run, serving
from tests.waiting import until
from tmaxd.daemon.api import server
from tmaxd.ports import JournalError

# --------------------------------------------------------------------------------------- results


def with_file(client: Client, path: str) -> None:
    old = client.fleet.stories[1]
    client.fleet.stories[1] = msgspec.structs.replace(old, result=None, result_file=path)


def test_results() -> None:
    async def test(client: Client) -> None:
        await client.submit("a\n", "fail", "slow")
        assert await client.ask("GET", "/v1/tasks/1/result") == (200, "did a\n")
        dead = await client.refused("GET", "/v1/tasks/2/result")
        assert dead == (409, "task_dead", "task 2 is dead: exit status 3")
        slow = await client.refused("GET", "/v1/tasks/3/result")
        assert slow == (409, "not_ended", "task 3 is queued; it has no result yet")

    run(test)


def test_a_result_in_a_file() -> None:
    async def test(client: Client) -> None:
        await client.submit("a")
        path = client.spool / "check-1" / "1.result"
        path.parent.mkdir()
        path.write_text("é" * 1_000_000)
        with_file(client, str(path))
        assert await client.ask("GET", "/v1/tasks/1/result") == (200, "é" * 1_000_000)
        path.write_text("")
        assert await client.ask("GET", "/v1/tasks/1/result") == (200, "")

    run(test)


def test_a_result_file_is_not_trusted() -> None:
    async def test(client: Client) -> None:
        await client.submit("a")
        spool = client.spool
        (client.folder / "secret").write_text("secret")
        (spool / "link").symlink_to(client.folder / "secret")
        (spool / "dir").symlink_to(client.folder)
        os.mkfifo(spool / "fifo")
        for path, word in [
            (client.folder / "secret", "bad_result_file"),
            ("/etc/passwd", "bad_result_file"),
            ("relative", "bad_result_file"),
            (spool, "bad_result_file"),
            (spool / ".." / "secret", "bad_result_file"),
            (spool / "fifo", "bad_result_file"),
            (spool / "link", "result_gone"),
            (spool / "dir" / "secret", "result_gone"),
            (spool / "nosuch", "result_gone"),
            (f"{spool}/nul\0", "bad_result_file"),
        ]:
            with_file(client, str(path))
            status, error, _ = await client.refused("GET", "/v1/tasks/1/result")
            assert (status in (409, 410), error) == (True, word), path

    run(test)


# ------------------------------------------------------------------------------------------ wait


def test_wait() -> None:
    async def test(client: Client) -> None:
        await client.submit("a", "fail", "slow", "b")

        async def finish() -> None:
            await asyncio.sleep(0)
            client.fleet.finish(3)

        later = asyncio.create_task(finish())
        status, text = await client.ask("POST", "/v1/wait", json={"ids": [9], "ranges": [[1, 4]]})
        await later
        ends = [json.loads(line) for line in text.splitlines()]
        for end in ends:
            conforms(end, "TaskEnd")
        assert status == 200
        assert [(e["id"], e["state"]) for e in ends] == [
            (1, "done"),
            (2, "dead"),
            (3, "done"),
            (4, "done"),
            (9, "unknown"),
        ]
        assert await client.ask("POST", "/v1/wait", json={}) == (200, "")

    run(test)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"ids": ["x"]}, 400, "bad_body"),
        ({"id": [1]}, 400, "bad_body"),
        ({"ranges": [[1, 2, 3]]}, 400, "bad_body"),
        ({"ranges": [[0, 2]]}, 400, "bad_body"),
        ({"ranges": [[1, -2]]}, 400, "bad_body"),
        ({"ranges": [[1, 10**18]]}, 413, "too_many_ids"),
    ],
)
def test_bad_waits(body: Any, status: int, word: str) -> None:
    async def test(client: Client) -> None:
        assert (await client.refused("POST", "/v1/wait", json=body))[:2] == (status, word)

    run(test)


async def _open_wait(client: Client) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(str(client.socket))
    body = b'{"ids": [1]}'
    writer.write(b"POST /v1/wait HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def test_a_wait_shows_signs_of_life_and_notices_a_client_that_left() -> None:
    async def test(client: Client) -> None:
        await client.submit("slow")
        reader, writer = await _open_wait(client)
        assert await reader.readuntil(b"1\r\n\n\r\n") == b"1\r\n\n\r\n"
        assert client.fleet.closed_waits == 0
        writer.close()
        await until(lambda: client.fleet.closed_waits == 1, "the wait is given up")

    run(test, keep_alive=0.02)


def test_a_wait_that_fails_in_the_middle_is_cut_and_not_ended() -> None:
    async def test(client: Client) -> None:
        await client.submit("slow")
        reader, writer = await _open_wait(client)
        client.fleet.broken = JournalError("gone")
        client.fleet.changed.set()
        assert b"0\r\n\r\n" not in await reader.read()
        writer.close()

    run(test)


def test_a_shutdown_does_not_wait_for_waiters() -> None:
    async def whole() -> None:
        async with serving() as client:
            await client.submit("slow")
            reader, writer = await _open_wait(client)
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < server.SHUTDOWN_SECONDS
        assert b"0\r\n\r\n" not in await reader.read()
        writer.close()

    asyncio.run(asyncio.wait_for(whole(), 10))

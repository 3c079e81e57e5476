"""The API from the outside: who gets in, questions, bad requests, its description."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

from tests.ctl.fake_fleet import FakeFleet
from tests.ctl.harness import ROOT, conforms
from tests.daemon.api_client import Client, run
from tmaxd.daemon.api import openapi, server
from tmaxd.daemon.api.app import VERBS
from tmaxd.ports import JournalError, Unknown

# -------------------------------------------------------------------------------------- the door


def test_the_socket_is_the_owners_alone() -> None:
    async def test(client: Client) -> None:
        mode = client.socket.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        assert not (client.folder / "nextsock").exists()

    run(test)


def test_a_peer_of_another_user_is_refused() -> None:
    async def test(client: Client) -> None:
        status, word, message = await client.refused("GET", "/v1/status")
        assert (status, word) == (403, "forbidden")
        assert message == f"user id {os.getuid()} is neither the fleet's owner nor root"
        status, word, _ = await client.refused("POST", "/v1/down")
        assert (status, word) == (403, "forbidden")
        assert not client.fleet.ended.is_set()

    run(test, frozenset({os.getuid() + 12345}))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_a_real_other_user_is_refused_even_where_the_mode_lets_it() -> None:
    code = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
        "s.connect(sys.argv[1]); s.sendall(b'GET /v1/ping HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n');"
        "print(s.recv(4096).split()[1].decode())"
    )

    async def test(client: Client) -> None:
        client.folder.chmod(0o755)
        client.socket.chmod(0o666)
        argv = [sys.executable, "-c", code, str(client.socket)]
        done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, check=True)
        assert done.stdout == b"403\n"

    run(test)


def test_a_stale_socket_is_replaced_and_the_own_one_removed() -> None:
    async def whole() -> None:
        folder = Path(tempfile.mkdtemp(prefix="tmx", dir="/tmp"))
        path = folder / "api.sock"
        try:
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(str(path))
            first = await server.start(FakeFleet(), path, folder)
            second = await server.start(FakeFleet(), path, folder)
            await first.close()
            assert path.exists()
            await second.close()
            assert not path.exists()
        finally:
            shutil.rmtree(folder)

    asyncio.run(whole())


def test_a_socket_that_cannot_be_bound_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No such file|too long"):
        asyncio.run(_start_at(tmp_path / "nosuch" / "api.sock"))
    long = tmp_path / ("x" * 110)
    long.mkdir()
    with pytest.raises(OSError, match="too long"):
        asyncio.run(_start_at(long / "api.sock"))


async def _start_at(path: Path) -> None:
    await server.start(FakeFleet(), path, path.parent)


# ------------------------------------------------------------------------------------- questions


@pytest.mark.parametrize(
    ("method", "path", "code", "schema"),
    [
        ("GET", "/v1/ping", 200, "Ping"),
        ("GET", "/v1/status", 200, "Status"),
        ("GET", "/v1/plan", 200, "PlanResult"),
        ("POST", "/v1/reload?wait=0.5", 200, "ReloadResult"),
        ("GET", "/v1/tasks?group=check&state=done,dead&limit=5", 200, "TaskList"),
        ("GET", "/v1/tasks?state=done&state=dead&worker=check-1&key=k&source=3", 200, "TaskList"),
        ("GET", "/v1/tasks/1", 200, "Story"),
        ("POST", "/v1/down", 202, "Stopping"),
    ],
)
def test_answers_are_what_the_description_says(
    method: str, path: str, code: int, schema: str
) -> None:
    async def test(client: Client) -> None:
        await client.submit("fail once", "good")
        status, body = await client.ask(method, path)
        assert status == code
        conforms(body, schema)

    run(test)


def test_requests_reach_the_facade() -> None:
    async def test(client: Client) -> None:
        await client.ask("POST", "/v1/reload?wait=0.5")
        await client.ask("POST", "/v1/reload")
        assert client.fleet.waits == [0.5, 10.0]
        await client.ask("GET", "/v1/plan")
        await client.ask("GET", "/v1/plan?spec=/etc/a%20b.yaml")
        assert client.fleet.planned == [None, Path("/etc/a b.yaml")]
        await client.ask("POST", "/v1/down")
        assert client.fleet.ended.is_set()

    run(test)


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", "/", 404, "no_such_path"),
        ("GET", "/v2/status", 404, "no_such_path"),
        ("POST", "/v1/status", 405, "bad_method"),
        ("GET", "/v1/status?x=1", 400, "bad_parameter"),
        ("GET", "/v1/plan?spec=tmax.yaml", 400, "bad_parameter"),
        ("GET", "/v1/plan?spec=", 400, "bad_parameter"),
        ("GET", "/v1/plan?file=/tmax.yaml", 400, "bad_parameter"),
        ("POST", "/v1/reload?wait=soon", 400, "bad_parameter"),
        ("POST", "/v1/reload?wait=nan", 400, "bad_parameter"),
        ("POST", "/v1/reload?wait=-1", 400, "bad_parameter"),
        ("POST", "/v1/reload?wait=inf", 400, "bad_parameter"),
        ("GET", "/v1/tasks?limit=0", 400, "bad_parameter"),
        ("GET", "/v1/tasks?limit=1001", 400, "bad_parameter"),
        ("GET", "/v1/tasks?limit=%C2%B2", 400, "bad_parameter"),
        ("GET", "/v1/tasks?before=" + "9" * 5000, 400, "bad_parameter"),
        ("GET", "/v1/tasks?state=nice", 400, "bad_parameter"),
        ("GET", "/v1/tasks?state=done&state=nice", 400, "bad_parameter"),
        ("GET", "/v1/tasks?source=0", 400, "bad_parameter"),
        ("GET", "/v1/tasks?stat=done", 400, "bad_parameter"),
        ("GET", "/v1/tasks/seven", 400, "bad_parameter"),
        ("GET", "/v1/tasks/7", 404, "no_such_task"),
        ("GET", "/v1/tasks/7/result", 404, "no_such_task"),
        ("POST", "/v1/tasks", 400, "bad_parameter"),
        ("POST", "/v1/tasks?group=check", 415, "bad_content_type"),
        ("POST", "/v1/wait", 400, "bad_body"),
    ],
)
def test_bad_requests_are_refused_with_a_word(
    method: str, path: str, status: int, word: str
) -> None:
    async def test(client: Client) -> None:
        assert (await client.refused(method, path))[:2] == (status, word)

    run(test)


@pytest.mark.parametrize(
    ("error", "status", "word", "message"),
    [
        (JournalError("state.db: no space"), 503, "journal", "state.db: no space"),
        (Unknown("tmux is slow"), 503, "unknown", "no whole answer in time: tmux is slow"),
        (KeyError("x"), 500, "internal", "a bug in the daemon; its log has the traceback"),
    ],
)
def test_trouble_of_the_daemon_itself(
    error: Exception, status: int, word: str, message: str
) -> None:
    async def test(client: Client) -> None:
        client.fleet.broken = error
        assert await client.refused("GET", "/v1/tasks") == (status, word, message)

    run(test)


# ----------------------------------------------------------------------------------- description


def test_the_description_is_what_the_code_says() -> None:
    path = ROOT / "schemas" / "api.openapi.yaml"
    assert path.read_text() == openapi.text(), "write it: python -m tmaxd.daemon.api.openapi"


def test_the_description_names_every_verb_and_is_sound() -> None:
    document = openapi.document()
    assert sum(map(len, document["paths"].values())) == len(VERBS)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(msgspec.json.decode(msgspec.json.encode(schema)))


def test_the_api_is_imported_only_when_it_starts() -> None:
    code = (
        "import sys; import tmaxd.daemon.api.server, tmaxd.daemon.api.types, "
        "tmaxd.daemon.api.facade; assert 'aiohttp' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)

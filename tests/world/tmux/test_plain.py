"""The plain channel on its own: one process a batch, the same answers."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import pytest

from tests.world.tmux.real import environment, real
from tmaxd.ports import ServerId, Unknown, WorldError
from tmaxd.world.tmux.channel import NoServer, Reply
from tmaxd.world.tmux.plain import THREADS, PlainChannel
from tmaxd.world.tmux.tool import Tool


def test_each_list_ends_at_its_own_first_error() -> None:
    async def body() -> None:
        async with real(control=False) as world:
            server = await world.start()
            channel = PlainChannel(Tool.find(world.socket, environment()), 5.0)
            order: list[int] = []
            replies = await channel.run(
                [
                    [("display-message", "-p", "one"), ("display-message", "-p", "")],
                    [("kill-session", "-t", "$99"), ("display-message", "-p", "never")],
                    [("run-shell", "true"), ("rename-session", "-t", "$98", "x")],
                    [("display-message", "-p", "é;\t\n'$HOME")],
                ],
                server,
                lambda number, _: order.append(number),
            )
            assert replies == [
                (Reply(True, ("one",)), Reply(True, ("",))),
                (Reply(False, ("can't find session: $99",)),),
                (Reply(True, ()), Reply(False, ("can't find session: $98",))),
                (Reply(True, ("é;\t", "'$HOME")),),
            ]
            assert order == [0, 1, 2, 3]
            assert sorted(p.name for p in world.folder.iterdir()) == ["tmux.server", "tmux.sock"]

    asyncio.run(body())


def test_a_batch_may_be_far_longer_than_a_command_line() -> None:
    async def body() -> None:
        async with real(control=False) as world:
            await world.start()
            channel = PlainChannel(Tool.find(world.socket, environment()), 5.0)
            text = "x" * 30_000
            replies = await channel.run([[("display-message", "-p", text)]] * 40)
            assert replies == [(Reply(True, (text,)),)] * 40

    asyncio.run(body())


def test_another_server_runs_none_of_the_batch() -> None:
    async def body() -> None:
        async with real(control=False) as world:
            server = await world.start()
            channel = PlainChannel(Tool.find(world.socket, environment()), 5.0)
            for other in (
                ServerId(server.pid, server.started + 1),
                ServerId(server.pid + 1, server.started),
            ):
                with pytest.raises(Unknown, match="no longer the one"):
                    await channel.run([[("set-option", "-g", "@mark", "1")]], other)
            replies = await channel.run([[("show-options", "-gqv", "@mark")]], server)
            assert replies == [(Reply(True, ()),)]

    asyncio.run(body())


def test_a_socket_that_nobody_listens_on_is_no_server() -> None:
    async def body() -> None:
        async with real(control=False) as world:
            channel = PlainChannel(Tool.find(world.socket, environment()), 5.0)
            with pytest.raises(NoServer):
                await channel.run([[("list-sessions",)]])
            server = await world.start()
            await world.kill_server(server)
            assert world.socket.exists()
            with pytest.raises(NoServer):
                await channel.run([[("list-sessions",)]])
            assert (await world.client.look()).server is None

    asyncio.run(body())


@pytest.mark.parametrize("control", [True, False], ids=["control", "plain"])
def test_a_socket_whose_owner_does_not_answer_is_unknown(control: bool) -> None:
    async def body() -> None:
        async with real(control=control, deadline=0.3) as world:
            with socket.socket(socket.AF_UNIX) as other:
                other.bind(str(world.socket))
                other.listen()
                with pytest.raises(Unknown, match="no answer within"):
                    await world.client.look()
            world.socket.unlink()
            assert (await world.client.look()).server is None

    asyncio.run(body())


def test_calls_that_hang_are_ended_and_hold_no_thread() -> None:
    async def body() -> None:
        async with real(control=False, deadline=0.3) as world:
            server, _ = await world.up("a-1")
            world.signal_server(server, signal.SIGSTOP)
            looks = [world.client.look() for _ in range(2 * THREADS)]
            results = await asyncio.gather(*looks, return_exceptions=True)
            assert all(isinstance(one, Unknown) for one in results), results
            world.signal_server(server, signal.SIGCONT)
            assert (await world.client.look()).server == server

    asyncio.run(body())


def test_a_folder_of_any_name_will_do() -> None:
    async def body() -> None:
        async with real(control=False) as world:
            folder = world.folder / "a [b]*?\\ #{pid} %Y 'é"
            folder.mkdir()
            tool = Tool.find(folder / "s", environment())
            channel = PlainChannel(tool, 5.0)
            await channel.create()
            try:
                replies = await channel.run([[("display-message", "-p", "#{socket_path}")]])
                assert replies[0][0].text == str(folder / "s")
            finally:
                await channel.run([[("kill-server",)]])

    asyncio.run(body())


def test_without_tmux_the_error_says_what_to_do() -> None:
    with pytest.raises(WorldError, match=r"tmux was not found on PATH \(/nowhere\).*install tmux"):
        Tool.find(Path("/run/x"), {"PATH": "/nowhere"})

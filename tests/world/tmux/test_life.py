"""The server as a process: remembered, called back, never confused with another."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import msgspec
import pytest

from tests.waiting import until
from tests.world.tmux.real import real
from tmaxd.ports import ServerId, TmuxView
from tmaxd.world.tmux.life import Life, gone, start_ticks


@pytest.mark.parametrize("control", [True, False], ids=["control", "plain"])
def test_a_removed_socket_is_made_again_and_nothing_is_lost(control: bool) -> None:
    async def body() -> None:
        async with real(control=control) as world:
            await world.up("a-1")
            before = await world.client.look()
            world.socket.unlink()
            assert await world.client.look() == before
            await until(world.socket.exists, "the socket is back")
            await world.client.close()
            world.socket.unlink()
            after = world.another()
            assert await after.start() == before.server
            assert await after.look() == before

    asyncio.run(body())


def test_without_a_record_a_missing_socket_means_no_server() -> None:
    async def body() -> None:
        async with real() as world:
            server = await world.start()
            await world.client.close()
            (world.folder / "tmux.server").write_text("{")
            hidden = world.socket.rename(world.folder / "hidden")
            assert await world.another().look() == TmuxView(None, ())
            hidden.rename(world.socket)
            assert (await world.another().look()).server == server

    asyncio.run(body())


def test_a_process_that_only_has_the_pid_is_left_alone(tmp_path: Path) -> None:
    process = subprocess.Popen(["sleep", "1000"])
    try:
        life = Life(tmp_path / "record", tmp_path / "socket")
        life.remember(ServerId(process.pid, 1))
        record = msgspec.json.decode((tmp_path / "record").read_bytes())
        record["ticks"] += 1
        (tmp_path / "record").write_bytes(msgspec.json.encode(record))
        assert not Life(tmp_path / "record", tmp_path / "socket").call()
        # SIGUSR1 would have ended it, and it does once the record is right.
        assert process.poll() is None
        record["ticks"] -= 1
        (tmp_path / "record").write_bytes(msgspec.json.encode(record))
        assert Life(tmp_path / "record", tmp_path / "socket").call()
        assert process.wait(5) == -signal.SIGUSR1
    finally:
        process.kill()
        process.wait()


def test_the_record_is_private_and_goes_with_the_server(tmp_path: Path) -> None:
    life = Life(tmp_path / "record", tmp_path / "socket")
    (tmp_path / "socket").touch()
    life.remember(ServerId(os.getpid(), 1))
    assert (tmp_path / "record").stat().st_mode & 0o777 == 0o600
    life.forget()
    assert list(tmp_path.iterdir()) == []
    assert not life.call()


def test_a_zombie_has_ended() -> None:
    async def body() -> None:
        process = subprocess.Popen(["sleep", "1000"])
        ticks = start_ticks(process.pid)
        assert ticks is not None
        try:
            assert not await gone(process.pid, ticks, 0.02)
            process.kill()
            assert await gone(process.pid, ticks, 5)
        finally:
            process.kill()
            process.wait()
        assert await gone(process.pid, None, 0.02)

    asyncio.run(body())

"""The control channel: what it bears, how it is lost, and how it comes back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.waiting import until
from tests.world.tmux.real import Real, answer, job, real
from tmaxd.ports import Launched, ServerId, Unknown
from tmaxd.world.tmux.options import ANCHOR


async def _client_pid(world: Real) -> int:
    """The control client's process."""
    return int(await world.cli("list-clients", "-t", f"={ANCHOR}", "-F", "#{client_pid}"))


def test_text_that_looks_like_an_answer_is_text() -> None:
    async def body() -> None:
        async with real() as world:
            forged = "%end 1 2 3\n%begin 1 2 1\n%exit\n%error 1 2 1"
            server, born = await world.up("a-1")
            await world.tell("a-1", "say " + forged.replace("\n", "\\n") + "\\nlast")
            shown = await world.shows(server, born.pane_id, "last")
            assert shown == f"up\n{forged}\nlast"
            assert world.client.channel == "control"

    asyncio.run(body())


def test_a_killed_client_costs_one_call_at_most_and_comes_back() -> None:
    async def body() -> None:
        async with real() as world:
            server, born = await world.up("a-1")
            before = await world.client.look()
            assert world.client.degraded is None
            pid, changes = await _client_pid(world), world.changes
            os.kill(pid, signal.SIGKILL)
            await until(lambda: world.client.channel == "plain", "the loss is noticed")
            assert world.changes > changes
            assert "the control client ended" in (world.client.degraded or "")
            assert await world.client.look() == before
            await until(lambda: world.client.channel == "control", "it is back")
            assert await _client_pid(world) != pid
            assert await world.client.look() == before
            assert (await world.client.capture(server, born.pane_id, 1)) == "up"

    asyncio.run(body())


def test_a_detached_client_comes_back_too_and_so_does_the_anchor() -> None:
    async def body() -> None:
        async with real() as world:
            await world.up("a-1")
            for command in (("detach-client", "-s"), ("kill-session", "-t")):
                pid = await _client_pid(world)
                await world.cli(*command, f"={ANCHOR}")
                await until(lambda: world.client.channel == "plain", "the loss is noticed")
                await until(lambda: world.client.channel == "control", "it is back")
                assert await _client_pid(world) != pid
            view = await world.client.look()
            assert [pane.session for pane in view.panes] == ["a-1"]

    asyncio.run(body())


def test_while_the_server_hangs_nothing_is_known_and_afterwards_everything() -> None:
    async def body() -> None:
        async with real(deadline=0.3) as world:
            server, born = await world.up("a-1")
            before = await world.client.look()
            world.signal_server(server, signal.SIGSTOP)
            for _ in range(2):
                with pytest.raises(Unknown):
                    await world.client.look()
            with pytest.raises(Unknown):
                await world.client.kill(server, [born.session_id])
            world.signal_server(server, signal.SIGCONT)
            await until(lambda: world.client.channel == "control", "it is back")
            # The server may carry out, late, what it was told while it hung: that is what Unknown means.
            view = await world.client.look()
            assert view.server == before.server
            assert view.panes in ((), before.panes)

    asyncio.run(body())


def test_a_dead_server_is_not_brought_back_by_the_client() -> None:
    async def body() -> None:
        async with real() as world:
            server, _ = await world.up("a-1")
            await world.kill_server(server)
            await until(lambda: world.client.channel == "plain", "the loss is noticed")
            view = await answer(world.client.look, lambda view: view.server is None)
            assert view.panes == ()
            fresh = await world.start()
            assert fresh != server
            assert world.client.channel == "control"

    asyncio.run(body())


def test_a_person_who_makes_renames_or_kills_a_session_wakes_the_daemon() -> None:
    async def body() -> None:
        async with real() as world:
            await world.up("a-1")
            for command in (
                ("new-session", "-d", "-s", "mine", "--", "sleep", "1000"),
                ("rename-session", "-t", "=mine", "yours"),
                ("kill-session", "-t", "=yours"),
            ):
                changes = world.changes
                await world.cli(*command)
                await until(lambda c=changes: world.changes > c, f"{command[0]} is noticed")  # type: ignore[misc]

    asyncio.run(body())


def test_a_batch_of_a_megabyte_is_answered_while_it_is_written() -> None:
    async def body() -> None:
        async with real() as world:
            server = await world.start()
            # Each is refused, with a message as long as its name, so that both directions are full at once.
            names = {f"${number}": "x" * 3000 for number in range(1000, 1400)}
            refused = await world.client.launch(
                server, [job("a-1", "sleep", "1000", pane_id="%9", env={"A": "y" * 9000})] * 100
            )
            assert len(refused) == 100
            await world.client.rename(server, names)
            first, second = await asyncio.gather(
                world.client.launch(server, [job("a-1", "sleep", "1000")]),
                world.client.launch(server, [job("a-2", "sleep", "1000")]),
            )
            assert isinstance(first[0], Launched)
            assert isinstance(second[0], Launched)
            assert first[0].session_id != second[0].session_id

    asyncio.run(body())


def test_a_caller_who_gives_up_does_not_shift_the_answers_of_the_others() -> None:
    async def body() -> None:
        async with real() as world:
            server, born = await world.up("a-1")
            nudge = asyncio.ensure_future(world.client.nudge())
            await asyncio.sleep(0)
            nudge.cancel()
            assert await world.client.capture(server, born.pane_id, 5) == "up"
            with pytest.raises(asyncio.CancelledError):
                await nudge

    asyncio.run(body())


def test_our_options_are_put_to_a_server_that_somebody_else_has_started() -> None:
    async def body() -> None:
        async with real() as world:
            server = await world.start()
            await world.client.close()
            await world.cli("set-option", "-wg", "remain-on-exit", "off")
            await world.cli("set-option", "-g", "default-size", "80x24")
            await world.cli("set-option", "-g", "update-environment", "DISPLAY")
            after = world.another()
            assert (await after.look()).server == server
            assert after.channel == "control"
            assert after.version
            assert await world.cli("show-options", "-gvw", "remain-on-exit") == "on"
            assert await world.cli("show-options", "-gv", "default-size") == "220x50"
            assert await world.cli("show-options", "-gv", "update-environment") == ""

    asyncio.run(body())


def test_sessions_have_their_explicit_size_and_the_client_has_none() -> None:
    async def body() -> None:
        async with real() as world:
            await world.up("a-1")
            shape = "#{window_width}x#{window_height} #{session_attached}"
            assert await world.cli("display-message", "-p", "-t", "=a-1:", shape) == "220x50 0"

    asyncio.run(body())


def test_closing_leaves_no_client_behind_and_no_task() -> None:
    async def body() -> None:
        async with real() as world:
            server, _ = await world.up("a-1")
            pid = await _client_pid(world)
            tasks = asyncio.all_tasks()
            await world.client.close()
            assert not Path(f"/proc/{pid}").exists()
            assert asyncio.all_tasks() <= tasks
            assert await world.cli("list-clients") == ""
            assert (await world.another().look()).server == server

    asyncio.run(body())


def test_an_answer_for_another_life_is_refused_before_anything_is_sent() -> None:
    async def body() -> None:
        async with real() as world:
            server, born = await world.up("a-1")
            with pytest.raises(Unknown, match="not ServerId"):
                await world.client.kill(ServerId(server.pid, 1), [born.session_id])
            assert len((await world.client.look()).panes) == 1

    asyncio.run(body())


def test_a_client_that_attaches_while_another_one_leaves_does_not_crash_the_server() -> None:
    """As when a daemon is killed and the next one comes at once. 3.3a can die of it, with all the workers, so the
    new one first has an answer by other means."""

    async def body() -> None:
        async with real() as world:
            server, _ = await world.up("a-1")
            await world.client.close()
            for _ in range(4):
                async with world.attached(ANCHOR) as leaving:
                    assert leaving.stdin is not None
                    world.signal_server(server, signal.SIGSTOP)
                    leaving.stdin.close()
                    client = world.another()
                    look = asyncio.ensure_future(client.look())
                    await until(lambda: len(_waiting_clients()) == 2, "the next one is coming")
                    coming = _waiting_clients() - {leaving.pid}
                    assert b"\0-C\0" not in Path(f"/proc/{coming.pop()}/cmdline").read_bytes()
                    world.signal_server(server, signal.SIGCONT)
                    assert (await look).server == server
                    assert client.channel == "control"
                await client.close()

    asyncio.run(body())


def _waiting_clients() -> set[int]:
    """The pids of this process's tmux clients that have said all they have to say, and wait."""
    lists = Path("/proc/self/task").glob("*/children")
    pids = {int(pid) for file in lists for pid in file.read_text().split()}
    found = set()
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if "(tmux: client) S" in Path(f"/proc/{pid}/stat").read_text():
                found.add(pid)
    return found

"""The faults that `FakeTmux` has on demand, beyond the contract."""

from __future__ import annotations

import asyncio

import pytest

from tests.world.tmux.real import job
from tmaxd.ports import Launch, Launched, Unknown
from tmaxd.testing.tmux import FakeTmux


def test_a_hanging_server_does_nothing_for_so_many_calls() -> None:
    async def body() -> None:
        tmux = FakeTmux()
        server = await tmux.start()
        await tmux.launch(server, [job("a-1")])
        session = tmux.session("a-1").session_id
        tmux.hang(2)
        with pytest.raises(Unknown, match="no answer"):
            await tmux.look()
        with pytest.raises(Unknown, match="no answer"):
            await tmux.kill(server, [session])
        assert [pane.worker for pane in (await tmux.look()).panes] == ["a-1"]
        assert tmux.calls == ["start", "launch", "look", "kill", "look"]

    asyncio.run(body())


def test_a_lost_status_comes_with_the_nudge() -> None:
    async def body() -> None:
        tmux = FakeTmux()
        await tmux.launch(await tmux.start(), [job("a-1"), job("a-2")])
        tmux.lose_status()
        tmux.die("a-1", status=3)
        tmux.lose_status(False)
        tmux.die("a-2", signal=9)
        first, second = (await tmux.look()).panes
        assert (first.dead, first.status, first.signal) == (True, None, None)
        assert (second.dead, second.status, second.signal) == (True, None, 9)
        await tmux.nudge()
        assert (await tmux.look()).panes[0].status == 3

    asyncio.run(body())


def test_every_process_is_reported_when_it_begins_and_once_when_it_ends() -> None:
    async def body() -> None:
        seen: list[tuple[str, int]] = []

        def spawned(pid: int, launch: Launch) -> None:
            seen.append((launch.labels.worker, pid))

        tmux = FakeTmux(on_spawn=spawned, on_death=lambda pid: seen.append(("-", pid)))
        server = await tmux.start()
        names = ("a-1", "a-2", "a-3", "a-4")
        born = await tmux.launch(server, [job(name) for name in names])
        pids = [one.pid for one in born if isinstance(one, Launched)]
        assert seen == list(zip(names, pids, strict=True))
        seen.clear()

        assert tmux.die("a-1") == pids[0]
        tmux.exited(pids[1], signal=9)  # the caller knows already
        tmux.kill_session("a-3")
        tmux.kill_session("a-1")  # long dead
        (again,) = await tmux.launch(server, [job("a-2", pane_id=tmux.session("a-2").pane_id)])
        assert isinstance(again, Launched)
        tmux.kill_server()
        assert seen == [
            ("-", pids[0]),
            ("-", pids[2]),
            ("a-2", again.pid),
            ("-", again.pid),
            ("-", pids[3]),
        ]

    asyncio.run(body())


def test_what_people_do_is_seen_and_wakes_the_daemon() -> None:
    async def body() -> None:
        wakes: list[int] = []
        tmux = FakeTmux(on_change=lambda: wakes.append(len(wakes)))
        await tmux.launch(await tmux.start(), [job("a-1")])
        for act in (
            lambda: tmux.foreign("mine"),
            lambda: tmux.attach("a-1"),
            lambda: tmux.rename_session("a-1", "other"),
        ):
            before = len(wakes)
            act()
            assert len(wakes) == before + 1
        mine, renamed = (await tmux.look()).panes
        assert (mine.session, mine.fleet) == ("mine", "")
        assert (renamed.session, renamed.worker, renamed.attached) == ("other", "a-1", 1)

    asyncio.run(body())

"""What every `Tmux` does: the fake, and the real client over each of its channels."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from tests.contract.tmux_worlds import (
    KINDS,
    TmuxWorld,
    dead,
    launch,
    sight,
    tmux_world,
    workers,
)
from tests.world.tmux.real import FLEET, answer, job
from tmaxd.ports import Handover, Labels, Launched, Refused, ServerId, TmuxView, Unknown, WorldError

Try = Callable[[Callable[[TmuxWorld], Awaitable[None]]], None]


@pytest.fixture(params=KINDS)
def attempt(request: pytest.FixtureRequest) -> Try:
    """Runs a coroutine in a world of its own."""
    kind: str = request.param

    async def within(body: Callable[[TmuxWorld], Awaitable[None]]) -> None:
        async with tmux_world(kind) as world:
            await body(world)

    return lambda body: asyncio.run(within(body))


def test_without_a_server_there_is_nothing_and_looking_starts_none(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        assert await world.tmux.look() == TmuxView(None, ())
        await world.tmux.nudge()
        await world.tmux.stop()
        assert await world.tmux.look() == TmuxView(None, ())

    attempt(body)


def test_starting_twice_is_starting_once_and_the_anchor_is_not_seen(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server = await world.tmux.start()
        assert await world.tmux.start() == server
        assert await world.tmux.look() == TmuxView(server, ())

    attempt(body)


def test_what_is_launched_is_seen_with_its_labels(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, born = await workers(world, "a-1", "a-2")
        view = await world.tmux.look()
        assert view.server == server
        for one, pane in zip(born, view.panes, strict=True):
            assert (pane.session_id, pane.pane_id, pane.pid) == (
                one.session_id,
                one.pane_id,
                one.pid,
            )
            assert (pane.dead, pane.status, pane.signal) == (False, None, None)
            assert (pane.attached, pane.piped) == (0, False)
            assert (pane.fleet, pane.fingerprint) == (FLEET, "f1")
            assert pane.session == pane.worker
            assert pane.run == f"run-of-{pane.worker}"

    attempt(body)


def test_one_refusal_does_not_touch_the_others(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, _ = await workers(world, "a-1")
        world.folder()
        items = [job("a-1"), job("a-2"), job("a-3", cwd="/nowhere"), job("a-4"), job("a-2")]
        taken, second, lost, fourth, again = await world.tmux.launch(server, items)
        assert taken == Refused("duplicate session: a-1")
        assert again == Refused("duplicate session: a-2")
        assert lost == Refused("working directory /nowhere is not there or may not be entered")
        assert isinstance(second, Launched)
        assert isinstance(fourth, Launched)
        assert sorted(await sight(world)) == ["a-1", "a-2", "a-4"]

    attempt(body)


@pytest.mark.parametrize("status", [0, 3])
def test_an_exit_leaves_the_pane_and_its_status(attempt: Try, status: int) -> None:
    async def body(world: TmuxWorld) -> None:
        _, (born,) = await workers(world, "a-1")
        await world.exit("a-1", status)
        pane = await dead(world, "a-1")
        assert (pane.status, pane.signal, pane.pid) == (status, None, born.pid)

    attempt(body)


def test_a_death_by_signal_shows_the_signal(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        await workers(world, "a-1")
        await world.signal("a-1", signal.SIGKILL)
        pane = await dead(world, "a-1")
        assert (pane.status, pane.signal) == (None, signal.SIGKILL)

    attempt(body)


@pytest.mark.parametrize("alive", [False, True])
def test_a_respawn_keeps_the_pane_and_forgets_the_old_process(attempt: Try, alive: bool) -> None:
    async def body(world: TmuxWorld) -> None:
        server, (first,) = await workers(world, "a-1")
        if not alive:
            await world.exit("a-1", 3)
            await dead(world, "a-1")
        labels = Labels(fleet=FLEET, worker="a-1", run="second", fingerprint="f2")
        item = msgspec.structs.replace(job("a-1", pane_id=first.pane_id), labels=labels)
        (second,) = await world.tmux.launch(server, [item])
        assert isinstance(second, Launched)
        assert (second.session_id, second.pane_id) == (first.session_id, first.pane_id)
        assert second.pid != first.pid
        pane = (await sight(world))["a-1"]
        assert (pane.dead, pane.status, pane.signal) == (False, None, None)
        assert (pane.pid, pane.run, pane.fingerprint) == (second.pid, "second", "f2")

    attempt(body)


def test_a_look_at_some_panes_shows_what_the_whole_look_shows(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, _ = await workers(world, "a-1", "a-2", "a-3")
        await world.signal("a-2", signal.SIGKILL)
        await dead(world, "a-2")
        whole = await sight(world)
        asked = [whole["a-3"].pane_id, "%99", whole["a-2"].pane_id]
        assert await world.tmux.look_at(server, asked) == (whole["a-3"], whole["a-2"])
        assert await world.tmux.look_at(server, []) == ()
        with pytest.raises(Unknown):
            await world.tmux.look_at(ServerId(server.pid, server.started + 1), asked)

    attempt(body)


def test_a_respawn_in_a_pane_that_is_gone_is_refused(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, _ = await workers(world, "a-1")
        items = [job("a-2", pane_id="%99"), job("a-3")]
        refused, born = await world.tmux.launch(server, items)
        assert refused == Refused("can't find pane: %99")
        assert isinstance(born, Launched)

    attempt(body)


def test_killing_takes_exactly_what_is_named(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, born = await workers(world, "a-1", "a-10", "a-11")
        await world.tmux.kill(server, [born[0].session_id, "$99"])
        assert sorted(await sight(world)) == ["a-10", "a-11"]
        await world.tmux.kill(server, [born[0].session_id])
        await world.tmux.kill(server, [])
        assert sorted(await sight(world)) == ["a-10", "a-11"]

    attempt(body)


def test_renaming_leaves_a_taken_name_alone(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, born = await workers(world, "a-1", "a-2")
        await world.tmux.rename(
            server, {born[0].session_id: "a-2", born[1].session_id: "b-1", "$99": "c-1"}
        )
        seen = await sight(world)
        assert {name: pane.worker for name, pane in seen.items()} == {"a-1": "a-1", "b-1": "a-2"}

    attempt(body)


def test_a_session_becomes_another_worker_s(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, (former, spare) = await workers(world, "a-1", "a_1")
        logs = world.folder() / "spare.log", world.folder() / "worker.log"
        await world.tmux.log_to(server, {spare.pane_id: logs[0]})
        await world.exit("a-1", 1)
        await dead(world, "a-1")
        item = Handover(
            session_id=spare.session_id,
            pane_id=spare.pane_id,
            worker="a-1",
            log=logs[1],
            former=former.session_id,
        )
        await world.tmux.hand_over(server, [item])
        (pane,) = (await sight(world)).values()
        assert (pane.session, pane.worker, pane.run) == ("a-1", "a-1", "run-of-a_1")
        assert (pane.pane_id, pane.pid, pane.dead) == (spare.pane_id, spare.pid, False)
        assert pane.piped
        await world.say("a-1", "hello\n")
        await answer(lambda: world.read(logs[1]), lambda text: "hello" in text)
        assert "hello" not in await world.read(logs[0])
        before = await world.tmux.look()
        await world.tmux.hand_over(server, [item])
        assert await world.tmux.look() == before, "once more changes nothing"

    attempt(body)


def test_what_is_gone_or_taken_keeps_nobody_else_from_being_handed_over(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, (one, two) = await workers(world, "a_1", "a_2")
        await world.foreign("a-2")
        log = world.folder() / "log"
        gone = Handover(session_id="$99", pane_id="%99", worker="a-3", log=log, former="$98")
        items = [
            gone,
            Handover(session_id=one.session_id, pane_id=one.pane_id, worker="a-2", log=log),
            Handover(session_id=two.session_id, pane_id=two.pane_id, worker="a-1", log=log),
        ]
        await world.tmux.hand_over(server, items)
        await world.tmux.hand_over(server, [])
        seen = await sight(world)
        assert {name: pane.worker for name, pane in seen.items()} == {
            "a-1": "a-1",
            "a-2": "",
            "a_1": "a-2",
        }

    attempt(body)


OLD = ServerId(1, 1)
CHANGES: dict[str, Callable[[TmuxWorld, Launched], Awaitable[Any]]] = {
    "launch": lambda world, born: world.tmux.launch(OLD, [job("a-2")]),
    "respawn": lambda world, born: world.tmux.launch(OLD, [job("a-1", pane_id=born.pane_id)]),
    "kill": lambda world, born: world.tmux.kill(OLD, [born.session_id]),
    "rename": lambda world, born: world.tmux.rename(OLD, {born.session_id: "b-1"}),
    "hand_over": lambda world, born: world.tmux.hand_over(
        OLD,
        [
            Handover(
                session_id=born.session_id,
                pane_id=born.pane_id,
                worker="b-1",
                log=world.folder() / "l",
            )
        ],
    ),
    "log_to": lambda world, born: world.tmux.log_to(OLD, {born.pane_id: world.folder() / "l"}),
    "keys": lambda world, born: world.tmux.keys(OLD, {born.pane_id: ("C-c",)}),
    "capture": lambda world, born: world.tmux.capture(OLD, born.pane_id, 5),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_done_to_another_life_of_the_server(attempt: Try, change: str) -> None:
    async def body(world: TmuxWorld) -> None:
        _, (born,) = await workers(world, "a-1")
        before = await world.tmux.look()
        with pytest.raises(Unknown):
            await CHANGES[change](world, born)
        assert await world.tmux.look() == before

    attempt(body)


def test_after_a_crash_of_the_server_its_ids_mean_nothing(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, (old,) = await workers(world, "a-1")
        await world.crash_server(server)
        view = await answer(world.tmux.look, lambda view: view.server is None)
        assert view.panes == ()
        with pytest.raises(Unknown):
            await world.tmux.kill(server, [old.session_id])
        fresh, (new,) = await workers(world, "b-1")
        assert fresh != server
        assert (new.session_id, new.pane_id) == (old.session_id, old.pane_id)
        with pytest.raises(Unknown):
            await world.tmux.kill(server, [old.session_id])
        assert sorted(await sight(world)) == ["b-1"]

    attempt(body)


def test_a_log_begins_with_what_was_there_and_goes_on_through_a_respawn(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, (born,) = await workers(world, "a-1")
        log = world.folder() / "a-1.log"
        await world.tmux.log_to(server, {born.pane_id: log})
        assert (await sight(world))["a-1"].piped
        await world.say("a-1", "one\n")
        await answer(lambda: world.read(log), lambda got: got == "up\none\n")
        await launch(world, job("a-1", pane_id=born.pane_id))
        assert (await sight(world))["a-1"].piped
        await world.say("a-1", "two\n")
        await answer(lambda: world.read(log), lambda got: got == "up\none\nup\ntwo\n")

    attempt(body)


def test_a_log_moves_to_another_file_without_repeating_itself(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, (born,) = await workers(world, "a-1")
        first, second = world.folder() / "a-1.log", world.folder() / "b.log"
        await world.tmux.log_to(server, {born.pane_id: first, "%99": first})
        await world.say("a-1", "one\n")
        await answer(lambda: world.read(first), lambda got: got == "up\none\n")
        await world.tmux.log_to(server, {born.pane_id: second})
        await world.say("a-1", "two\n")
        await answer(lambda: world.read(second), lambda got: got == "two\n")
        assert await world.read(first) == "up\none\n"

    attempt(body)


def test_capturing_gives_the_last_lines(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, (born,) = await workers(world, "a-1")
        await world.say("a-1", "one\n\nthree\n")
        await answer(
            lambda: world.tmux.capture(server, born.pane_id, 9),
            lambda got: got == "up\none\n\nthree",
        )
        assert await world.tmux.capture(server, born.pane_id, 2) == "\nthree"
        with pytest.raises(WorldError, match="%99"):
            await world.tmux.capture(server, "%99", 2)

    attempt(body)


def test_what_is_typed_reaches_the_program_as_text_and_as_keys(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, (one, two) = await workers(world, "a-1", "a-2")
        typed = {
            one.pane_id: ("say ", "it's ; $HOME #{pane_id} 'n", "Enter"),
            "%99": ("x",),
            two.pane_id: ("C-c",),
        }
        await world.tmux.keys(server, typed)
        await answer(
            lambda: world.tmux.capture(server, one.pane_id, 9),
            lambda got: got == "up\nit's ; $HOME #{pane_id} 'n",
        )
        pane = await dead(world, "a-2")
        assert (pane.status, pane.signal) == (None, signal.SIGINT)

    attempt(body)


def test_a_dead_pane_is_not_typed_into(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, (one, two) = await workers(world, "a-1", "a-2")
        await world.exit("a-1", 3)
        before = await dead(world, "a-1")
        await world.tmux.keys(server, {one.pane_id: ("say no", "Enter")})
        await world.tmux.keys(server, {two.pane_id: ("say yes", "Enter")})
        await answer(
            lambda: world.tmux.capture(server, two.pane_id, 9), lambda got: got == "up\nyes"
        )
        assert (await sight(world))["a-1"] == before
        assert "no" not in await world.tmux.capture(server, one.pane_id, 9)

    attempt(body)


def test_a_session_of_somebody_else_is_seen_as_such(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        await workers(world, "a-1")
        await world.foreign("mine, my own")
        pane = (await sight(world))["mine, my own"]
        assert (pane.fleet, pane.worker, pane.run, pane.fingerprint) == ("", "", "", "")

    attempt(body)


def test_a_person_who_looks_on_is_counted(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        await workers(world, "a-1", "a-2")
        async with world.attached("a-1"):
            seen = await sight(world)
            assert {name: pane.attached for name, pane in seen.items()} == {"a-1": 1, "a-2": 0}
        await answer(lambda: sight(world), lambda seen: seen["a-1"].attached == 0)

    attempt(body)


def test_the_next_daemon_finds_everything_as_it_was(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        await workers(world, "a-1", "a-2")
        before = await world.tmux.look()
        await world.tmux.close()
        after = world.next_daemon()
        assert await after.look() == before
        assert await after.start() == before.server
        assert await after.look() == before

    attempt(body)


def test_stopping_ends_everything_and_may_be_repeated(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server, _ = await workers(world, "a-1")
        await world.tmux.stop()
        assert await world.tmux.look() == TmuxView(None, ())
        await world.tmux.stop()
        assert await world.tmux.start() != server
        assert (await world.tmux.look()).panes == ()

    attempt(body)


def test_empty_batches_ask_nothing(attempt: Try) -> None:
    async def body(world: TmuxWorld) -> None:
        server = await world.tmux.start()
        assert await world.tmux.launch(server, []) == ()
        await world.tmux.rename(server, {})
        await world.tmux.log_to(server, {})
        await world.tmux.keys(server, {})

    attempt(body)

"""When runs become ready, and what is asked of them until then."""

from __future__ import annotations

import pytest

from tests.daemon.probing_scene import BAD, CHECK, Scene, every, is_ready, play
from tests.waiting import settle
from tmaxd.daemon.probing import UNREADABLE
from tmaxd.ports.probes import Answer, Exec, Question
from tmaxd.spec.supervision import Ready
from tmaxd.testing.probes import GOOD, HANGS


def test_without_a_check_a_program_is_ready_by_being_there() -> None:
    async def body() -> None:
        scene = Scene()
        live = scene.begin()
        assert (is_ready(live), live.ready_at) == (True, live.started)
        assert scene.events() == []
        assert scene.flow.notes == [], "nothing that the next daemon could not see itself"
        assert scene.flow.told == [], "it takes no tasks"

    play(body)


def test_one_that_takes_tasks_is_ready_when_it_says_so() -> None:
    async def body() -> None:
        scene = Scene()
        live = scene.begin(takes_tasks=True)
        assert not is_ready(live)
        scene.clock.advance(2.0)
        live.said, live.window = True, 8
        scene.probing.said(live)
        assert live.ready_at == live.started + 2.0
        assert scene.flow.told == ["w-1"]
        (note,) = scene.flow.notes
        assert (note.said, note.ready, note.window) == (True, True, 8)
        (event,) = scene.events()
        assert (event["event"], event["how"], event["after"], event["window"]) == (
            "ready", "frame", 2.0, 8,
        )  # fmt: skip
        scene.probing.said(live)
        assert scene.flow.told == ["w-1", "w-1"], "its program began anew"
        assert live.ready_at == live.started + 2.0

    play(body)


@pytest.mark.parametrize("first", ["frame", "check"])
def test_a_check_comes_on_top_of_the_frame(first: str) -> None:
    async def body() -> None:
        scene = Scene(Ready(exec=CHECK))
        scene.probes.answers[CHECK] = BAD
        live = scene.begin(takes_tasks=True)

        async def say() -> None:
            live.said = True
            scene.probing.said(live)
            await settle()

        async def pass_check() -> None:
            scene.probes.answers[CHECK] = GOOD
            await scene.pass_by(1.1)

        await scene.pass_by(1.0)
        await (say() if first == "frame" else pass_check())
        assert not is_ready(live)
        assert scene.flow.told == [], "no task before it is ready"
        if first == "frame":
            assert [(note.said, note.ready) for note in scene.flow.notes] == [(True, False)]
        await (pass_check() if first == "frame" else say())
        assert is_ready(live)
        assert scene.flow.told == ["w-1"]
        assert [(note.said, note.ready) for note in scene.flow.notes][-1] == (True, True)
        assert [event["how"] for event in scene.events("ready")] == ["exec"]

    play(body)


def test_it_is_asked_until_it_is_ready_and_sooner_at_first() -> None:
    async def body() -> None:
        scene = Scene(Ready(exec=CHECK, every=every(1)))
        begun, times = scene.clock.now(), []

        def answer(_: Question) -> Answer:
            times.append(round(scene.clock.now() - begun, 2))
            return GOOD if len(times) == 7 else BAD

        scene.probes.answers[CHECK] = answer
        live = scene.begin()
        await scene.pass_by(2.0)
        assert not is_ready(live)
        assert live.probe == "exec check it: exit status 1\nthe database is gone"
        await scene.pass_by(20.0)
        assert times == pytest.approx([0, 0.1, 0.3, 0.7, 1.5, 2.5, 3.5], abs=0.13)
        assert is_ready(live)
        assert live.probe == ""
        assert live.ready_at is not None
        assert live.ready_at - begun == pytest.approx(3.5, abs=0.13)
        assert scene.events("probe_failed") == [], "that it is not ready yet is no failure"
        assert [(note.said, note.ready) for note in scene.flow.notes] == [(False, True)]

    play(body)


def test_a_command_is_asked_in_the_surroundings_of_its_worker() -> None:
    async def body() -> None:
        scene = Scene(Ready(exec=CHECK))
        scene.begin("w-3")
        await scene.pass_by(0)
        assert scene.probes.asked == [Exec(CHECK, {"WORKER": "w-3", "A": "b"}, "/there")]

    play(body)


def test_ready_by_time_alive() -> None:
    async def body() -> None:
        scene = Scene(Ready(alive=every(3)))
        live = scene.begin()
        await scene.pass_by(2.9)
        assert not is_ready(live)
        await scene.pass_by(0.2)
        assert is_ready(live)
        assert scene.events("ready")[0]["how"] == "alive"

    play(body)


def test_ready_by_a_line_of_output() -> None:
    async def body() -> None:
        scene = Scene(Ready(output=r"listening on \d+$"))
        scene.outputs.write("w-1", b"listening on 80\n")
        live = scene.begin()
        await scene.pass_by(1.0)
        assert not is_ready(live), "that was the run before"
        scene.outputs.broken.add("w-1")
        scene.outputs.write("w-1", b"loading\n")
        await scene.pass_by(0.2)
        assert live.probe == "the log of w-1 cannot be read: Input/output error"
        scene.outputs.broken.clear()
        await scene.pass_by(UNREADABLE)
        assert (
            live.probe == "no line of its output matches listening on \\d+$; its last line: loading"
        )
        scene.outputs.write("w-1", b"\x1b[1mlistening on 8080\x1b[0m\r\n")
        await scene.pass_by(0.1)
        assert is_ready(live)
        assert live.probe == ""

    play(body)


def test_what_was_ready_stays_so_whatever_the_spec_says_then() -> None:
    async def body() -> None:
        scene = Scene()
        live = scene.begin()
        at = live.ready_at
        scene.probes.answers[CHECK] = BAD
        scene.apply(Ready(exec=CHECK), None)
        await scene.pass_by(2.0)
        assert live.ready_at == at
        assert scene.probes.asked == []
        other = scene.begin("w-2")
        await scene.pass_by(1.0)
        assert not is_ready(other)
        asked = len(scene.probes.asked)
        scene.apply(Ready(tcp="127.0.0.1:1"), None)
        await scene.pass_by(0.1)
        assert is_ready(other), "by the check that is in force now"
        assert len(scene.probes.asked) == asked + 1

    play(body)


def test_a_check_that_is_taken_back_keeps_nobody_waiting() -> None:
    async def body() -> None:
        scene = Scene(Ready(exec=CHECK, timeout=every(30)))
        scene.probes.answers[CHECK] = HANGS
        live = scene.begin()
        await scene.pass_by(1.0)
        assert not is_ready(live)
        wakes = scene.wakes
        scene.apply(None, None)
        assert is_ready(live)
        assert scene.wakes > wakes
        await settle()
        assert scene.probes.under_way == 0, "nobody waits for its answer any more"

    play(body)


@pytest.mark.parametrize("takes_tasks", [True, False])
def test_a_run_of_a_group_that_is_gone_is_asked_nothing(takes_tasks: bool) -> None:
    async def body() -> None:
        scene = Scene(Ready(exec=CHECK))
        live = scene.begin("former-1", takes_tasks=takes_tasks)
        if takes_tasks:
            assert not is_ready(live)
            live.said = True
            scene.probing.said(live)
            assert scene.flow.told == ["former-1"]
        assert is_ready(live)
        await scene.pass_by(1.0)
        assert scene.probes.asked == []

    play(body)

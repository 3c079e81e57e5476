"""When runs fall ill and get well, and what is asked of whom when."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from tests.daemon.probing_scene import BAD, CHECK, Scene, every, health_of, nothing_left, play
from tests.waiting import settle, until
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.probing import AT_ONCE, Probing
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.ports.probes import Answer, Exec, Question
from tmaxd.spec.supervision import Health, Ready
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.probes import GOOD, HANGS
from tmaxd.world.clock import SystemClock


def test_health_is_asked_from_its_delay_on_and_turns_after_a_row() -> None:
    async def body() -> None:
        health = Health(exec=CHECK, every=every(2), delay=every(5), failures=3, successes=2)
        scene = Scene(None, health)
        live = scene.begin()
        begun = scene.clock.now()
        await scene.pass_by(4.9)
        assert scene.probes.asked == []
        assert health_of(live) is None
        await scene.pass_by(0.2)
        assert health_of(live) is True
        assert live.healthy_since == pytest.approx(begun + 5, abs=0.13)
        assert scene.events("healthy") == [], "what was never ill does not get well"
        scene.probes.answers[CHECK] = BAD
        await scene.pass_by(4.0)
        assert (health_of(live), len(scene.events("probe_failed"))) == (True, 1)
        assert live.probe == "exec check it: exit status 1\nthe database is gone"
        wakes = scene.wakes
        await scene.pass_by(2.0)
        assert health_of(live) is False
        assert live.healthy_since == pytest.approx(begun + 11, abs=0.13)
        assert scene.wakes == wakes + 1
        (event,) = scene.events("unhealthy")
        assert (event["worker"], event["probe"]) == ("w-1", "exec")
        assert event["text"].endswith("exit status 1\nthe database is gone")
        await scene.pass_by(10.0)
        assert len(scene.events()) == 2, "it is said once"
        scene.probes.answers[CHECK] = GOOD
        await scene.pass_by(2.0)
        assert health_of(live) is False
        assert live.probe
        await scene.pass_by(2.0)
        assert (health_of(live), live.probe) == (True, "")
        assert len(scene.events("healthy")) == 1

    play(body)


def test_a_probe_that_hangs_counts_as_failed_and_does_not_pile_up() -> None:
    async def body() -> None:
        health = Health(exec=CHECK, every=every(1), timeout=every(3), failures=2)
        scene = Scene(None, health)
        scene.probes.answers[CHECK] = HANGS
        live = scene.begin()
        await scene.pass_by(2.9)
        assert health_of(live) is None
        await scene.pass_by(3.2)
        assert health_of(live) is False
        assert live.probe == "exec check it: has not ended within 3 s, and was killed"
        assert scene.probes.most == 1

    play(body)


def test_few_questions_at_once_and_all_get_their_turn() -> None:
    async def body() -> None:
        workers = 3 * AT_ONCE
        scene = Scene(None, Health(exec=CHECK, timeout=every(1), failures=1))
        scene.probes.answers[CHECK] = HANGS
        lives = [scene.begin(f"w-{n}") for n in range(1, workers + 1)]
        await scene.pass_by(0.5)
        assert scene.probes.under_way == AT_ONCE
        scene.probes.answers[CHECK] = GOOD
        await scene.pass_by(0.6)
        assert [live.healthy for live in lives[AT_ONCE:]] == [True] * (workers - AT_ONCE)
        assert scene.probes.most == AT_ONCE

    play(body)


def test_silence_of_the_terminal() -> None:
    async def body() -> None:
        scene = Scene(None, Health(output=every(4)))
        live = scene.begin()
        for _ in range(10):
            scene.outputs.write("w-1", b".")
            await scene.pass_by(2.0)
            assert health_of(live) is True
        await scene.pass_by(3.1)
        assert health_of(live) is False
        assert live.probe.startswith("output 4 s: nothing for 4")
        scene.outputs.write("w-1", b".")
        await scene.pass_by(1.1)
        assert health_of(live) is True

    play(body)


@pytest.mark.parametrize("fault", ["unlogged", "unreadable"])
def test_a_log_that_says_nothing_of_the_worker_makes_nobody_ill(fault: str) -> None:
    async def body() -> None:
        scene = Scene(None, Health(output=every(4)))
        live = scene.begin()
        await scene.pass_by(1.0)
        if fault == "unlogged":
            scene.probing.logged = lambda _: False
        else:
            scene.outputs.broken.add("w-1")
        await scene.pass_by(20.0)
        assert health_of(live) is True
        scene.probing.logged = lambda _: True
        scene.outputs.broken.clear()
        await scene.pass_by(3.5)
        assert health_of(live) is True, "its silence counts from when it can be heard"
        await scene.pass_by(2.0)
        assert health_of(live) is False

    play(body)


def test_silence_of_the_results_fifo() -> None:
    async def body() -> None:
        scene = Scene(None, Health(heartbeat=every(10)))
        live = scene.begin(takes_tasks=True)
        live.said = True
        scene.probing.said(live)
        for beat in range(5):
            scene.flow.heard[live.run] = float(beat)
            await scene.pass_by(8.0, step=0.5)
            assert health_of(live) is True
        await scene.pass_by(5.0, step=0.5)
        assert health_of(live) is False
        assert live.probe.startswith("heartbeat 10 s: nothing for 1")

    play(body)


def test_a_changed_check_begins_anew_and_the_same_one_goes_on() -> None:
    async def body() -> None:
        scene = Scene(None, Health(exec=CHECK, every=every(1), failures=2))
        scene.probes.answers[CHECK] = BAD
        live = scene.begin()
        await scene.pass_by(2.0)
        assert health_of(live) is False
        since = live.healthy_since
        scene.apply(None, Health(exec=CHECK, every=every(1), failures=2))
        assert (health_of(live), live.healthy_since) == (False, since)
        scene.apply(None, Health(exec=CHECK, every=every(1), failures=5))
        assert (health_of(live), live.healthy_since, live.probe) == (None, None, "")
        await scene.pass_by(3.5)
        assert health_of(live) is None
        await scene.pass_by(1.0)
        assert health_of(live) is False
        scene.apply(None, None)
        assert (health_of(live), live.probe) == (None, "")
        asked = len(scene.probes.asked)
        await scene.pass_by(5.0)
        assert len(scene.probes.asked) == asked

    play(body)


def test_a_run_is_asked_in_its_own_environment_also_when_the_spec_has_another_by_now() -> None:
    async def body() -> None:
        health = Health(exec=CHECK, every=every(1))
        scene = Scene(None, health)
        old = scene.apply(None, health)
        scene.begin(with_=old)
        scene.apply(None, health, a="changed")
        # Adopted: of what it began with, only the fingerprint is known.
        scene.begin("w-2", with_=old)
        await scene.pass_by(2.5)
        assert {one.env["WORKER"] for one in execs(scene)} == {"w-1"}
        assert {one.env["A"] for one in execs(scene)} == {"b"}
        scene.apply(None, health)  # the change is taken back
        await scene.pass_by(1.5)
        assert {(one.env["WORKER"], one.env["A"]) for one in execs(scene)} == {
            ("w-1", "b"),
            ("w-2", "b"),
        }

    play(body)


def execs(scene: Scene) -> list[Exec]:
    return [one for one in scene.probes.asked if isinstance(one, Exec)]


@pytest.mark.parametrize("how", ["forgotten", "dead"])
def test_a_run_that_is_over_is_asked_nothing_more(how: str) -> None:
    async def body() -> None:
        scene = Scene(None, Health(exec=CHECK, every=every(1), failures=1))
        live = scene.begin()
        await scene.pass_by(0.5)
        assert health_of(live) is True
        scene.probes.answers[CHECK] = HANGS
        await scene.pass_by(1.0)
        assert scene.probes.under_way == 1
        if how == "forgotten":
            scene.probing.forget(live)
            await settle()
            assert scene.probes.under_way == 0
        else:
            live.alive = False
        await scene.pass_by(10.0)
        assert len(scene.probes.asked) == 2
        assert health_of(live) is True, "that it could not answer in its last moments says nothing"
        assert scene.events() == []

    play(body)


def test_a_bug_in_a_probe_is_a_bad_answer() -> None:
    async def body() -> None:
        scene = Scene(None, Health(exec=CHECK, every=every(1), failures=1))

        def bug(_: Question) -> Answer:
            raise RuntimeError("oops")

        scene.probes.answers[CHECK] = bug
        live = scene.begin()
        await scene.pass_by(0.1)
        assert live.probe == "exec check it: cannot be asked: RuntimeError('oops')"
        scene.probes.answers[CHECK] = GOOD
        await scene.pass_by(1.1)
        assert health_of(live) is True

    play(body)


def test_its_own_timer_does_it_too() -> None:
    async def body() -> None:
        scene = Scene(Ready(alive=every(0.03)), Health(exec=CHECK, every=every(0.03)))
        clock = SystemClock()
        scene.clock = cast(FakeClock, clock)
        probing = Probing(
            probes=scene.probes,
            outputs=scene.outputs,
            flow=cast(TaskFlow, scene.flow),
            clock=clock,
            log=EventLog(clock, scene.text, human=False),
            wake=lambda: None,
            environment=lambda worker, group: {},
            clean=nothing_left,
        )
        scene.probing = probing
        scene.apply(Ready(alive=every(0.03)), Health(exec=CHECK, every=every(0.03)))
        live = scene.begin()
        await until(lambda: live.ready and len(scene.probes.asked) >= 3, "it is asked")
        probing.close()
        asked = len(scene.probes.asked)
        await asyncio.sleep(0.1)  # nothing may come: there is nothing to wait for
        assert len(scene.probes.asked) == asked

    play(body)

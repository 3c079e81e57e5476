"""Commands on events: which are run, what they get, how many at once, and what becomes of those that fail."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Coroutine

import msgspec

from tmaxd.daemon.eventface import shown
from tmaxd.daemon.events import Events
from tmaxd.daemon.hooks import AT_ONCE, WAITING, Hooks, as_json
from tmaxd.daemon.log import EventLog
from tmaxd.ports import EventRow
from tmaxd.ports.probes import Answer, Exec
from tmaxd.spec.model import Hook
from tmaxd.spec.units import Duration
from tmaxd.tasks.records import EventNoted
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.probes import HANGS, FakeProbes


class Room:
    def __init__(self, **rules: tuple[Hook, ...]) -> None:
        clock = FakeClock()
        self.clock = clock
        self.probes = FakeProbes(clock)
        self.noted: list[EventNoted] = []
        events = Events(1, clock, lambda records: self.noted.extend(records))  # type: ignore[arg-type]
        self.log = EventLog(clock, io.StringIO())
        self.log.tell = events.take
        self.cleaned = 0
        self.hooks = Hooks(self.probes, self.log, {"TMAX_FLEET": "f"}, "/home", self._clean)
        self.hooks.rules(rules)
        events.listeners.append(self.hooks.take)
        self.flush = events.flush

    async def _clean(self) -> None:
        self.cleaned += 1

    def asked(self) -> list[Exec]:
        return [question for question in self.probes.asked if isinstance(question, Exec)]

    def names(self) -> list[str]:
        self.flush()
        return [event.name for event in self.noted]


def hook(*argv: str, timeout: float = 30) -> tuple[Hook, ...]:
    return (Hook(argv=argv, timeout=Duration(timeout)),)


def in_loop(body: Callable[[], Coroutine[object, object, None]]) -> None:
    asyncio.run(body())


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_command_gets_the_event_on_its_standard_input() -> None:
    async def body() -> None:
        room = Room(ended=hook("notify", "me"))
        room.log.info("started", worker="a-1")
        room.log.warning("ended", worker="a-1", reason="crashed", status=3)
        await turns()
        (command,) = room.asked()
        assert (command.argv, command.cwd) == (("notify", "me"), "/home")
        event = json.loads(command.stdin)
        assert command.stdin.endswith(b"}\n")
        assert (event["event"], event["worker"], event["seq"]) == ("ended", "a-1", 2)
        assert (event["reason"], event["fields"]) == ("crashed", {"status": 3})
        assert command.env == {
            "TMAX_FLEET": "f",
            "TMAX_EVENT": "ended",
            "TMAX_EVENT_WORKER": "a-1",
            "TMAX_EVENT_GROUP": "a",
        }
        assert room.cleaned == 1

    in_loop(body)


def test_names_of_kinds_and_of_all() -> None:
    async def body() -> None:
        room = Room(worker_crashed=hook("crash"), **{"*": hook("all")})
        room.log.info("ended", worker="a-1", reason="scaled_down")
        room.log.info("ended", worker="a-1", reason="crashed")
        await turns()
        assert sorted(command.argv[0] for command in room.asked()) == ["all", "all", "crash"]

    in_loop(body)


def test_few_run_at_once_and_the_others_wait() -> None:
    async def body() -> None:
        room = Room(started=hook("slow"))
        room.probes.answers["slow",] = HANGS
        for n in range(AT_ONCE + 2):
            room.log.info("started", worker=f"a-{n}")
        await turns()
        assert room.probes.under_way == AT_ONCE
        room.clock.advance(31)
        room.probes.expire()
        await turns()
        assert len(room.asked()) == AT_ONCE + 2
        room.hooks.close()
        await turns()

    in_loop(body)


def test_more_than_can_wait_are_passed_over_and_that_is_said() -> None:
    async def body() -> None:
        room = Room(started=hook("slow"))
        room.probes.answers["slow",] = HANGS
        for n in range(AT_ONCE + WAITING + 5):
            room.log.info("started", worker=f"a-{n}")
        await turns()
        room.probes.answers["slow",] = Answer(True)
        room.clock.advance(31)
        room.probes.expire()
        await turns(4 * WAITING)
        (skipped,) = [event for event in room.noted if event.name == "hooks_skipped"]
        assert json.loads(skipped.fields)["count"] == 5
        assert len(room.asked()) == AT_ONCE + WAITING

    in_loop(body)


def test_one_that_fails_is_an_event_that_calls_no_hooks() -> None:
    async def body() -> None:
        room = Room(**{"*": hook("bad", "word")})
        room.probes.answers["bad", "word"] = Answer(False, "exit status 1", "no such file")
        room.log.info("started", worker="a-1")
        await turns()
        assert room.names() == ["started", "hook_failed"]
        fields = json.loads(room.noted[1].fields)
        assert (fields["command"], fields["hook"]) == ("bad", "started")
        assert fields["text"] == "  exit status 1: no such file"
        assert len(room.asked()) == 1
        assert room.hooks.problems() == ("the hook `bad word` failed: exit status 1: no such file",)
        for _ in range(2):
            room.log.info("started", worker="a-1")
            await turns()
        room.flush()
        assert [(e.name, e.count) for e in room.noted[-2:]] == [("started", 3), ("hook_failed", 3)]
        assert "failed 3 times in a row" in room.hooks.problems()[0]
        room.probes.answers["bad", "word"] = Answer(True)
        room.log.info("started", worker="a-1")
        await turns()
        assert room.hooks.problems() == ()

    in_loop(body)


def test_the_end_of_the_daemon_ends_what_runs() -> None:
    async def body() -> None:
        room = Room(started=hook("slow"))
        room.probes.answers["slow",] = HANGS
        for n in range(AT_ONCE + 2):
            room.log.info("started", worker=f"a-{n}")
        await turns()
        room.hooks.close()
        await turns()
        assert room.probes.under_way == 0
        assert len(room.asked()) == AT_ONCE

    in_loop(body)


def test_rules_are_those_of_the_spec_in_force() -> None:
    async def body() -> None:
        room = Room(started=hook("one"))
        room.hooks.rules({"started": hook("two")})
        room.log.info("started", worker="a-1")
        await turns()
        assert [command.argv for command in room.asked()] == [("two",)]

    in_loop(body)


def test_the_event_is_the_one_that_the_api_gives() -> None:
    row = EventRow(7, 2.0, 1.0, 3, "info", "ended", "a-1", "a", "crashed", '{"status":3}')
    assert json.loads(as_json(row)) == msgspec.to_builtins(shown(row))

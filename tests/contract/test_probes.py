"""The contract of the port `Probes`, tried on the fake and on real commands and servers."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.contract.probes_worlds import FakeWorld, ProbesWorld, RealWorld
from tests.waiting import until
from tmaxd.ports.probes import TAIL, Answer, Exec, Http, Tcp

Scenario = Callable[[ProbesWorld], Awaitable[None]]
Run = Callable[[Scenario], None]


@pytest.fixture(params=[FakeWorld, RealWorld])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    def perform(scenario: Scenario) -> None:
        async def main() -> None:
            world: ProbesWorld = request.param(tmp_path)
            try:
                await scenario(world)
            finally:
                await world.close()

        asyncio.run(main())

    return perform


def real(tmp_path: Path, scenario: Callable[[RealWorld], Awaitable[None]]) -> None:
    async def main() -> None:
        world = RealWorld(tmp_path)
        try:
            await scenario(world)
        finally:
            await world.close()

    asyncio.run(main())


def test_a_command_is_good_when_it_succeeds(run: Run) -> None:
    async def body(world: ProbesWorld) -> None:
        assert await world.probes.ask(world.command(0, "words"), 10) == Answer(True)
        bad = await world.probes.ask(world.command(3, "the database is gone"), 10)
        assert bad == Answer(False, "exit status 3", "the database is gone")
        missing = await world.probes.ask(world.missing_command(), 10)
        assert not missing.good
        assert missing.why.startswith("cannot be run: [Errno 2] No such file or directory")

    run(body)


def test_what_hangs_has_failed_when_its_time_is_over(run: Run) -> None:
    async def body(world: ProbesWorld) -> None:
        begun = time.monotonic()
        command = await world.probes.ask(world.hanging_command(), 0.3)
        server = await world.probes.ask(await world.silent_server(), 0.1)
        assert time.monotonic() - begun < 5
        assert (command.good, command.why) == (
            False,
            "has not ended within 0.3 s, and was killed",
        )
        assert server == Answer(False, "no answer within 0.1 s")
        assert not world.left_over(), "with all its processes"

    run(body)


def test_a_question_that_is_cancelled_leaves_nothing(run: Run) -> None:
    async def body(world: ProbesWorld) -> None:
        asking = asyncio.ensure_future(world.probes.ask(world.hanging_command(), 60))
        await until(world.left_over, "it runs")
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: not world.left_over(), "nothing of it runs")

    run(body)


def test_a_port_is_good_when_it_accepts(run: Run) -> None:
    async def body(world: ProbesWorld) -> None:
        assert await world.probes.ask(await world.open_port(), 10) == Answer(True)
        refused = await world.probes.ask(world.closed_port(), 10)
        assert refused == Answer(False, "connection refused")

    run(body)


@pytest.mark.parametrize(("status", "good"), [(200, True), (302, True), (404, False), (503, False)])
def test_a_page_is_good_by_its_status(run: Run, status: int, good: bool) -> None:
    async def body(world: ProbesWorld) -> None:
        answer = await world.probes.ask(await world.page(status, "" if good else "not now"), 10)
        assert answer == (Answer(True) if good else Answer(False, f"status {status}", "not now"))

    run(body)


def test_many_questions_at_once(run: Run) -> None:
    async def body(world: ProbesWorld) -> None:
        questions = [world.command(n % 3, str(n)) for n in range(12)]
        answers = await asyncio.gather(*(world.probes.ask(q, 10) for q in questions))
        assert [a.good for a in answers] == [n % 3 == 0 for n in range(12)]
        assert [a.output for a in answers] == ["" if n % 3 == 0 else str(n) for n in range(12)]

    run(body)


# ------------------------------------------------------------------------- only of the real adapter


def test_a_command_runs_in_the_environment_and_folder_that_are_given(tmp_path: Path) -> None:
    async def body(world: RealWorld) -> None:
        script = 'printf %s "$PWD|$MARK|$PATH|${HOME-none}|$(tty)"; exit 1'
        question = Exec(("sh", "-c", script), {"MARK": "m"}, str(tmp_path))
        answer = await world.probes.ask(question, 10)
        folder, mark, path, home, tty = answer.output.split("|")
        assert (folder, mark, home) == (str(tmp_path), "m", "none")
        assert path
        assert tty == "not a tty"
        gone = await world.probes.ask(Exec(("true",), {}, str(tmp_path / "gone")), 10)
        assert not gone.good
        assert str(tmp_path / "gone") in gone.why

    real(tmp_path, body)


def test_only_the_last_words_of_a_flood_are_kept(tmp_path: Path) -> None:
    async def body(world: RealWorld) -> None:
        script = "yes flood | head -c 3000000; printf 'the \\303\\244nd'; exit 1"
        answer = await world.probes.ask(Exec(("sh", "-c", script), {}, str(tmp_path)), 30)
        assert answer.why == "exit status 1"
        assert answer.output.endswith("flood\nthe änd")
        assert len(answer.output.encode()) <= TAIL
        endless = await world.probes.ask(Exec(("yes",), {}, str(tmp_path)), 0.3)
        assert endless.why == "has not ended within 0.3 s, and was killed"
        killed = await world.probes.ask(Exec(("sh", "-c", "kill -9 $$"), {}, str(tmp_path)), 30)
        assert killed.why == "killed by SIGKILL"

    real(tmp_path, body)


def test_what_a_command_leaves_in_the_background_ends_with_it(tmp_path: Path) -> None:
    """It holds the output open, which nobody waits for."""

    async def body(world: RealWorld) -> None:
        script = "sleep 1000 & echo $! >> pids; exit 0"
        begun = time.monotonic()
        answer = await world.probes.ask(Exec(("sh", "-c", script), {}, str(tmp_path)), 30)
        assert answer == Answer(True)
        assert time.monotonic() - begun < 10
        await until(lambda: not world.left_over(), "its child has ended")

    real(tmp_path, body)


def test_without_pidfds_commands_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("os.pidfd_open", refused)

    async def body(world: RealWorld) -> None:
        assert (await world.probes.ask(world.command(4, "x"), 10)).why == "exit status 4"
        assert not (await world.probes.ask(world.hanging_command(), 0.2)).good
        assert not world.left_over()

    real(tmp_path, body)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.0 200\r\n\r\n", ""),
        (b"SSH-2.0-OpenSSH_9\r\n", "the answer is no HTTP: b'SSH-2.0-OpenSSH_9\\r\\n'"),
        (b"", "the connection was closed without a whole answer"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n", "the connection was closed without a whole answer"),
        (b"HTTP/1.1 200 " + b"x" * 70_000, "the head of the answer has a line over 16384 bytes"),
        (b"HTTP/1.1 500 X\r\n\r\n\xff\xfe no", "status 500"),
    ],
)
def test_what_servers_may_say(tmp_path: Path, data: bytes, why: str) -> None:
    async def body(world: RealWorld) -> None:
        answer = await world.probes.ask(await world.answers(data), 10)
        assert (answer.good, answer.why) == (not why, why)

    real(tmp_path, body)


def test_a_server_that_floods_its_head_is_not_read_for_ever(tmp_path: Path) -> None:
    async def body(world: RealWorld) -> None:
        data = b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1_000_000
        answer = await world.probes.ask(await world.answers(data), 10)
        assert (answer.good, answer.why) == (False, "the head of the answer has over 65536 bytes")

    real(tmp_path, body)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", ""])
def test_a_port_by_the_names_of_this_machine(tmp_path: Path, name: str) -> None:
    async def body(world: RealWorld) -> None:
        port = (await world.open_port()).address.rpartition(":")[2]  # type: ignore[union-attr]
        assert (await world.probes.ask(Tcp(f"{name}:{port}"), 10)).good

    real(tmp_path, body)


def test_a_host_without_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str, *_: object, **__: object) -> list[object]:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)

    async def body(world: RealWorld) -> None:
        answer = await world.probes.ask(Http("http://nowhere.invalid/"), 10)
        assert answer == Answer(False, "nowhere.invalid has no address: Name or service not known")

    real(tmp_path, body)


def test_a_stuck_name_server_costs_no_more_than_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from tmaxd.world.probe_names import AT_ONCE

    gate = threading.Event()

    def stuck(host: str, *_: object, **__: object) -> list[object]:
        gate.wait(30)
        return []

    monkeypatch.setattr("socket.getaddrinfo", stuck)

    async def body(world: RealWorld) -> None:
        try:
            asks = [world.probes.ask(Tcp("far.invalid:1"), 0.2) for _ in range(AT_ONCE + 1)]
            answers = await asyncio.gather(*asks)
        finally:
            gate.set()
        whys = sorted(answer.why for answer in answers)
        assert whys[0] == f"far.invalid cannot be looked up: {AT_ONCE} lookups are stuck"
        assert whys[1:] == ["no answer within 0.2 s"] * AT_ONCE
        names = [t for t in threading.enumerate() if t.name == "probe-names"]
        for thread in names:
            await asyncio.to_thread(thread.join, 10)

    real(tmp_path, body)


def test_a_command_finds_what_it_is_given_on_its_standard_input(tmp_path: Path) -> None:
    async def body(world: RealWorld) -> None:
        long = b"x" * 200_000 + b"\n"
        script = "import sys; sys.exit(len(sys.stdin.read()))"
        counted = Exec((sys.executable, "-c", script), {}, str(tmp_path), b"abc")
        assert (await world.probes.ask(counted, 20)).why == "exit status 3"
        unread = Exec(("true",), {}, str(tmp_path), long)
        assert await world.probes.ask(unread, 20) == Answer(True)
        whole = Exec(("sh", "-c", "test $(wc -c) -eq 200001"), {}, str(tmp_path), long)
        assert await world.probes.ask(whole, 20) == Answer(True)
        nothing = Exec(("sh", "-c", "test $(wc -c) -eq 0"), {}, str(tmp_path))
        assert await world.probes.ask(nothing, 20) == Answer(True)

    real(tmp_path, body)

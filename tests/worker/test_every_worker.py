"""What each worker that we ship must do, whatever its language and form: one suite for all of them."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.worker.door import ROOT, Door, python, runner
from tests.worker.scripted import __file__ as SCRIPTED
from tmaxd.tasks.frames import DoneFrame, HeartbeatFrame, ReadyFrame

WORKERS = {
    "sdk": python(ROOT / "examples/echo_worker.py"),
    "sdk-async": python(SCRIPTED, "async"),
    "runner-argument": runner("printf", "%s", "{payload}"),
    "runner-stdin": runner("cat"),
    "bash": ["bash", str(ROOT / "examples/worker.sh")],
    "node": ["node", str(ROOT / "examples/worker.mjs")],
}
"""Each gives the payload back."""

KINDS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            name == "node" and shutil.which("node") is None, reason="node is not installed"
        ),
    )
    for name in WORKERS
]
FORMS = {"bash": "tsv"}
STOPPED = {"runner-argument": 143, "runner-stdin": 143}
"""Exit status after SIGTERM where it is not 0."""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ready(door: Door, kind: str) -> Door:
    door.start(WORKERS[kind], {"TMAX_WINDOW": "4"})
    return door


def test_says_first_that_it_is_ready_with_version_and_window(door: Door, kind: str) -> None:
    frame = door.start(WORKERS[kind])
    assert frame.v == 1
    assert frame.window == {"sdk": 64, "sdk-async": 16, "node": 16}.get(kind, 1)
    assert door.raw.startswith(b"\n"), "a torn line of a predecessor must be ended first"
    assert door.frames[0] == frame
    assert door.form == FORMS.get(kind, "json")


ODD = [
    "",
    " ",
    "plain",
    "tab\there, new\nline\r\nand \\ backslash \\t \\\\n",
    "'single' \"double\" `back`",
    "$(touch x) ${HOME} $HOME `touch x`; touch x",
    "-n",
    "--help",
    "-",
    "& | > x < y * ? [a-z] {a,b} ~ !",
    "{payload}{payload}",
    "%s %d %% \\x41 \\101 \\c",
    "naïve Ωμέγα 漢字 🐁 \u2028 \x85",
    "\n\n\n",
    "\\",
    "\x01\x1b[31m\x7f",
    '{"t":"done","id":1}',
]


def test_gives_odd_payloads_back_unchanged(ready: Door) -> None:
    for number, payload in enumerate(ODD, 1):
        ready.task(number, payload)
        assert ready.text(ready.outcome(number)) == payload
    assert not ready.bad()
    assert not (ready.folder / "x").exists(), "a payload was run by a shell"


def test_says_started_before_done(ready: Door) -> None:
    ready.run(1, "a")
    kinds = [type(f).__name__ for f in ready.frames if not isinstance(f, HeartbeatFrame)]
    assert kinds == ["ReadyFrame", "StartedFrame", "DoneFrame"]


def test_takes_a_payload_by_file(ready: Door, kind: str) -> None:
    payload = "zeile ü\n" * (5_000 if kind == "runner-argument" else 30_000)
    frame = ready.run(1, payload)
    if kind.startswith("runner"):  # the tail of standard output is the result, in whole lines
        text = ready.text(frame)
        assert payload.endswith(text)
        assert text.startswith("zeile")
        assert 2000 < len(text.encode()) < 4096
    else:
        assert isinstance(frame, DoneFrame)
        assert frame.result_file
        assert Path(frame.result_file).parent == ready.folder
        assert ready.text(frame) == payload


def test_payloads_around_the_frame_limit(ready: Door, kind: str) -> None:
    if kind.startswith("runner"):
        pytest.skip("a tail is never that long")
    for number, length in enumerate((*range(3900, 4110, 15), 4030, 4055, 4060, 4096), 1):
        payload = "x" * length
        assert ready.text(ready.run(number, payload)) == payload
    assert not ready.bad()


def test_a_missing_payload_file_fails_the_task_and_not_the_worker(ready: Door, kind: str) -> None:
    if kind == "bash":
        pytest.skip("the example leaves that out")
    ready.task(1, "x" * 5000)
    ready.outcome(1)
    ready.write(
        b'{"t":"task","id":2,"attempt":1,"payload_file":"/nowhere/2"}\n'
        if ready.form == "json"
        else b"task_file\t2\t1\t-\t/nowhere/2\n"
    )
    assert "/nowhere/2" in getattr(ready.outcome(2), "error", "")
    assert ready.text(ready.run(3, "goes on")) == "goes on"


def test_a_repeated_frame_is_answered_from_memory(ready: Door, tmp_path: Path) -> None:
    ready.run(1, "once")
    ready.task(1, "once")
    ready.until(lambda: len(ready.outcomes(1)) == 2, "the result again")
    assert ready.outcomes(1)[0] == ready.outcomes(1)[1]
    assert sum(type(f).__name__ == "StartedFrame" for f in ready.frames) == 1
    ready.task(1, "another attempt", attempt=2)
    assert ready.text(ready.outcome(1, attempt=2)) == "another attempt"


def test_frames_that_come_twice_before_they_are_done_run_once(ready: Door, kind: str) -> None:
    if kind == "bash":
        pytest.skip("it takes one task at a time and remembers one")
    for _ in range(2):
        for number in (1, 2, 3):
            ready.task(number, f"payload {number}")
    ready.run(4, "last")
    for number in (1, 2, 3):
        assert {ready.text(f) for f in ready.outcomes(number)} == {f"payload {number}"}
    assert sum(type(f).__name__ == "StartedFrame" for f in ready.frames) == 4


GARBAGE = [
    b"\n\n",
    b"nonsense\n",
    b"{\n",
    b'{"t":"task"}\n',
    b'{"t":"task","id":"1","attempt":1,"payload":"x"}\n',
    b'{"t":"task","id":1,"attempt":1}\n',
    b'{"t":"unheard","id":1}\n',
    b"[]\n",
    b'{"t":"tasks","tasks":[[1,1]]}\n',
    b'{"t":"tasks","tasks":[[1,1,"x"]\n',
    b'{"t":"cancel","id":"1"}\n',
    b"cancel\t1\n",
    b"null\n",
    b"task\n",
    b"task\t1\n",
    b"task\tone\t1\t-\tx\n",
    b"task\t1\t1\tsoon\tx\n",
    b"\xff\xfe\x00\n",
    b"[" * 4000 + b"\n",
    b"x" * 20_000 + b"\n",
]


def test_garbage_is_skipped(ready: Door) -> None:
    for line in GARBAGE:
        ready.write(line)
        ready.write(line, "control")
    assert ready.text(ready.run(7, "still here")) == "still here"
    assert not ready.bad()
    assert not ready.outcomes(1)


def test_a_torn_line_is_ended_by_a_newline(ready: Door) -> None:
    whole = b'{"t":"task","id":1,"attempt":1,"pay'
    ready.write(whole if ready.form == "json" else b"task\t1\t1")
    ready.write(b"\n")
    assert ready.text(ready.run(2, "after it")) == "after it"
    assert not ready.outcomes(1)


def test_frames_may_come_in_pieces(ready: Door) -> None:
    line = (
        b'{"t":"task","id":1,"attempt":1,"payload":"\xc3\xbc"}\n'
        if ready.form == "json"
        else b"task\t1\t1\t-\t\xc3\xbc\n"
    )
    for i in range(len(line)):
        ready.write(line[i : i + 1])
    assert ready.text(ready.outcome(1)) == "ü"


def test_results_outlive_the_daemon(ready: Door) -> None:
    for number in range(1, 5):
        ready.task(number, f"payload {number}")
    ready.started(1)
    ready.go()
    ready.come()
    for number in range(1, 5):
        assert ready.text(ready.outcome(number)) == f"payload {number}"
    assert len(ready.outcomes(1)) == 1


def test_idle_it_ends_on_sigterm(ready: Door, kind: str) -> None:
    ready.run(1, "a")
    ready.kill(signal.SIGTERM)
    assert ready.ended() == STOPPED.get(kind, 0)


def test_a_ping_is_answered_with_a_heartbeat(ready: Door) -> None:
    before = ready.heartbeats()
    ready.write(b'{"t":"ping"}\n' if ready.form == "json" else b"ping\n", "control")
    ready.run(1, "wakes those that only look between tasks")
    ready.run(2, "and once more")
    ready.until(lambda: ready.heartbeats() > before, "a heartbeat")


def test_nothing_of_ours_is_open_in_what_it_starts(door: Door) -> None:
    """The runner's children must not hold the FIFOs: they could forge frames, and outlive the run."""
    door.start(runner("bash", "-c", "ls -l /proc/$$/fd"))
    text = door.text(door.run(1, ""))
    assert ".pipe" not in text
    numbers = {line.split()[-3] for line in text.splitlines()[1:]}
    assert numbers <= {"0", "1", "2", "3"}, "3 is the folder that ls reads"


# ------------------------------------------------------------------------------------- any text

TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
    | st.text("\\tnr\t\n\rü$", max_size=20),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module", params=["bash", "runner-stdin", "runner-argument"])
def echo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    with Door(tmp_path_factory.mktemp("echo")) as door:
        door.start(WORKERS[request.param], {"TMAX_WINDOW": "20"})
        yield door


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts=TEXTS)
def test_any_text_survives_bash_both_ways(echo: Door, texts: list[str]) -> None:
    first = 1 + max((getattr(f, "id", 0) for f in echo.frames), default=0)
    for number, text in enumerate(texts, first):
        echo.task(number, text)
    for number, text in enumerate(texts, first):
        assert echo.text(echo.outcome(number)) == text
    echo.frames[:] = [f for f in echo.frames if isinstance(f, ReadyFrame)] + echo.frames[-1:]
    assert not echo.bad()


def test_the_shell_never_saw_a_payload(echo: Door) -> None:
    echo.run(999_999, "$(touch broken)`touch broken`")
    assert not (echo.folder / "broken").exists()

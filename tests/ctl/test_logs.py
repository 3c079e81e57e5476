"""`tmaxctl logs`: the tail, what follows, and a rotation in between."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from tests.ctl.harness import Home, Running
from tmaxd.ctl.verbs.logs import tail


def log_of(home: Home, worker: str = "check-1") -> Path:
    home.places().logs.mkdir(parents=True, exist_ok=True)
    return home.places().logs / f"{worker}.log"


@pytest.mark.parametrize(
    ("text", "lines", "end"),
    [
        (b"", 3, b""),
        (b"a\nb\nc\n", 2, b"b\nc\n"),
        (b"a\nb\nc", 2, b"b\nc"),
        (b"a\nb\n", 9, b"a\nb\n"),
        (b"a\nb\n", 0, b""),
        (b"x" * 200_000 + b"\n" + b"y" * 100_000 + b"\nz\n", 2, b"y" * 100_000 + b"\nz\n"),
    ],
)
def test_tail(tmp_path: Path, text: bytes, lines: int, end: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(text)
    assert tail(path, lines) == (end, len(text))


def test_bytes_as_they_are_and_lines_as_json(home: Home) -> None:
    log_of(home).write_bytes(b"one\r\n\x1b[2Jtwo\xff\r\nprompt$ ")
    env = ["--fleet", "demo"]
    process = home.start("logs", "check-1", "-n", "2", *env)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, b"\x1b[2Jtwo\xff\r\nprompt$ ", b"")
    done = home.ctl("logs", "check-1", "-o", "json", *env)
    assert done.out == '{"line": "one"}\n{"line": "\\u001b[2Jtwo�"}\n{"line": "prompt$ "}\n'


def read_lines(process: subprocess.Popen[bytes], number: int) -> list[bytes]:
    assert process.stdout is not None
    end = threading.Timer(10, process.kill)
    end.start()
    try:
        return [process.stdout.readline() for _ in range(number)]
    finally:
        end.cancel()


def test_follow_over_a_rotation(home: Home) -> None:
    log = log_of(home)
    log.write_bytes(b"zero\none\n")
    process = home.start("logs", "-f", "-n", "1", "check-1", "--fleet", "demo")
    try:
        assert read_lines(process, 1) == [b"one\n"]
        with log.open("ab") as old:
            old.write(b"two\n")
            old.flush()
            assert read_lines(process, 1) == [b"two\n"]
            log.rename(log.with_suffix(".log.1"))
            # What is still written to the file that was rotated away is not lost.
            old.write(b"three\n")
        log.write_bytes(b"four\n")
        assert read_lines(process, 2) == [b"three\n", b"four\n"]
        log.write_bytes(b"")
        with log.open("ab") as new:
            new.write(b"5\n")
        assert read_lines(process, 1) == [b"5\n"]
        process.send_signal(2)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


def test_follow_waits_for_the_first_line(home: Home, running: Running) -> None:
    process = home.start("logs", "-f", "check-1")
    try:
        log_of(home).write_bytes(b"first\n")
        assert read_lines(process, 1) == [b"first\n"]
    finally:
        process.kill()
        process.communicate()


def test_workers_without_a_log(home: Home, running: Running) -> None:
    silent = home.ctl("logs", "check-1")
    assert silent.code == 1
    assert "check-1 has written nothing yet" in silent.err
    unknown = home.ctl("logs", "chekc-1", "-f")
    assert unknown.code == 1
    assert unknown.err == "tmaxctl: there is no worker `chekc-1`; did you mean check-1?\n"
    assert home.ctl("logs", "../../secret").code == 2
    several = home.ctl("logs", "check")
    assert (several.code, several.err) == (1, "tmaxctl: check is a group: check-1, check-2\n")
    assert "shell-1 has written nothing yet" in home.ctl("logs", "shell").err, "a group of one"
    assert home.ctl("attach", "check").err == several.err


def test_a_link_is_not_followed(home: Home) -> None:
    secret = home.write("secret", "secret")
    log_of(home).symlink_to(secret)
    done = home.ctl("logs", "check-1", "--fleet", "demo")
    assert (done.code, done.out) == (1, "")
    assert "check-1.log" in done.err

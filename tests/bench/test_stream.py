"""The bench's own submitter and its look at CPU and memory: what they count is what there was."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.costs import cpu_of, memory_of
from tests.bench.stream import await_end, submit

PIECE = 7
OK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Daemon:
    """Answers one connection with what it is told to say, in small pieces, and keeps what it heard."""

    def __init__(self, path: Path, answer: bytes) -> None:
        self.heard = b""
        self._answer = answer
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(path))
        self._listening.listen()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        there, _ = self._listening.accept()
        with there:
            there.settimeout(10)
            self.heard += there.recv(65536)
            for start in range(0, len(self._answer), PIECE):
                there.sendall(self._answer[start : start + PIECE])
            there.shutdown(socket.SHUT_WR)
            while data := there.recv(65536):
                self.heard += data

    def close(self) -> None:
        self._listening.close()
        self._thread.join()


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tmb-", dir="/tmp") as folder:
        yield Path(folder) / "api.sock"


def accepted(first: int, count: int) -> bytes:
    return b'{"first_id":%d,"count":%d}\n' % (first, count)


def test_a_submit_counts_acknowledgements_however_they_are_cut(path: Path) -> None:
    lines = OK + accepted(5, 4) + accepted(9, 4) + accepted(13, 2) + b'{"accepted":10}\n'
    daemon = Daemon(path, lines)
    try:
        assert submit(path, "w", 10, 4, "&priority=-5") == 14
    finally:
        daemon.close()
    assert daemon.heard.startswith(b"POST /v1/tasks?group=w&priority=-5 HTTP/1.1\r\n")
    assert daemon.heard.count(b'"twelve bytes"\n') == 10
    assert daemon.heard.endswith(b"0\r\n\r\n")


def test_a_refused_submit_says_why(path: Path) -> None:
    daemon = Daemon(path, OK + accepted(1, 4) + b'{"error":"queue_full"}\n')
    try:
        with pytest.raises(RuntimeError, match=r"took 4 tasks, then: .*queue_full"):
            submit(path, "w", 8, 4)
    finally:
        daemon.close()


@pytest.mark.parametrize("ends", [2, 1])
def test_waiting_for_ends_counts_them(path: Path, ends: int) -> None:
    lines = OK + b"".join(b'{"id":%d,"state":"done"}\n' % task for task in range(7, 7 + ends))
    daemon = Daemon(path, lines)
    try:
        if ends == 2:
            await_end(path, 7, 2)
        else:
            with pytest.raises(RuntimeError, match="1 of 2 tasks ended"):
                await_end(path, 7, 2)
    finally:
        daemon.close()
    assert b'{"ranges": [[7, 2]]}' in daemon.heard


def test_cpu_time_is_that_of_the_thread_that_used_it() -> None:
    before = cpu_of(os.getpid())
    end = time.thread_time() + 0.05
    while time.thread_time() < end:
        pass
    used = cpu_of(os.getpid()) - before
    assert 0.04 <= used.main <= used.whole
    assert memory_of(os.getpid()) > 1

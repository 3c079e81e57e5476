"""The small HTTP client against answers that are not as they should be."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ctl.harness import Home
from tmaxd.ctl.http import Broken, Connection

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def answering(home: Home, answer: bytes, read: int = 65536) -> Iterator[Path]:
    """A server for one request: reads once, answers, and goes away."""
    path = home.folder / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(read)
            peer.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield path
    finally:
        thread.join()
        listener.close()


def ask(path: Path) -> bytes:
    with Connection(path, 5.0) as connection:
        return connection.ask("GET", "/").read()


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"content-length: 2\r\n\r\nhi", b"hi"),
        (OK + b"\r\n", b""),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3;x=y\r\nyou\r\n0\r\n\r\n", b"hiyou"),
    ],
)
def test_bodies(home: Home, answer: bytes, body: bytes) -> None:
    with answering(home, answer) as path:
        assert ask(path) == body


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"", "ended in the middle"),
        (b"SSH-2.0-x\r\n\r\n", "not an HTTP answer"),
        (OK + b"content-length: 5\r\n\r\nhi", "ended in the middle"),
        (OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n", "ended in the middle"),
        (OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n", "bad chunk size"),
        (OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhiii\r\n", "longer than it says"),
    ],
)
def test_answers_that_are_not_whole(home: Home, answer: bytes, what: str) -> None:
    with answering(home, answer) as path, pytest.raises(Broken, match=what):
        ask(path)


def test_a_refusal_in_mid_body_is_heard(home: Home) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 1000

    answer = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno"
    with answering(home, answer, read=10) as path, Connection(path, 5.0) as connection:
        response = connection.stream("POST", "/", endless(), "text/plain")
        assert (response.status, response.read()) == (413, b"no")


def test_lines_of_a_stream(home: Home) -> None:
    body = OK + b"transfer-encoding: chunked\r\n\r\n3\r\na\nb\r\n4\r\nc\n\nd\r\n0\r\n\r\n"
    with answering(home, body) as path, Connection(path, 5.0) as connection:
        assert list(connection.ask("GET", "/").lines()) == [b"a", b"bc", b"", b"d"]

"""The small HTTP client against answers that are not as they should be."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from tests.ctl.harness import Home
from tmaxd.ctl.http import Broken, Connection

OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def talking(home: Home, talk: Callable[[socket.socket], object]) -> Iterator[Path]:
    """A server for one connection that does what it is told with it."""
    path = home.folder / "s"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(10)
            talk(peer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield path
    finally:
        thread.join()
        listener.close()


def answering(home: Home, answer: bytes, read: int = 65536) -> AbstractContextManager[Path]:
    """A server for one request: reads once, answers, and goes away."""

    def talk(peer: socket.socket) -> None:
        peer.recv(read)
        peer.sendall(answer)

    return talking(home, talk)


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
        response, sender = connection.exchange("POST", "/", endless(), "", lambda: True)
        assert (response.status, response.read()) == (413, b"no")
    assert not sender.going, "nothing is sent any more, nor kept waiting"


CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


class Peer:
    """The other side of an exchange."""

    def __init__(self, peer: socket.socket) -> None:
        self._file = peer.makefile("rb")
        self.say = peer.sendall

    def head(self) -> None:
        while self._file.readline().strip():
            pass

    def chunk(self) -> bytes:
        size = int(self._file.readline(), 16)
        data = self._file.read(size)
        assert self._file.readline() == b"\r\n"
        return data

    def close(self) -> None:
        self._file.close()


@contextmanager
def peer_of(peer: socket.socket) -> Iterator[Peer]:
    with closing(Peer(peer)) as found:
        found.head()
        yield found


def test_an_exchange_goes_both_ways_at_once(home: Home) -> None:
    """Each piece is sent when the answer to the one before has been read: neither waits for the other's end."""
    read = threading.Semaphore(0)

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            yield b"piece %d\n" % number
            assert read.acquire(timeout=10)

    def talk(connection: socket.socket) -> None:
        with peer_of(connection) as peer:
            peer.say(CHUNKED)
            for number in range(3):
                assert peer.chunk() == b"piece %d\n" % number
                peer.say(b"2\r\n%d\n\r\n" % number)
            assert peer.chunk() == b""
            peer.say(b"0\r\n\r\n")

    with talking(home, talk) as path, Connection(path, 5.0) as connection:
        answer, sender = connection.exchange("POST", "/", pieces(), "", lambda: True)
        for number, line in enumerate(answer.lines()):
            assert line == b"%d" % number
            read.release()
        sender.check()


def test_silence_is_a_timeout_only_while_an_answer_is_due(home: Home) -> None:
    due = threading.Event()
    over = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield b"x"
        assert over.wait(10)

    def talk(connection: socket.socket) -> None:
        with peer_of(connection) as peer:
            assert peer.chunk() == b"x"
            peer.say(CHUNKED + b"2\r\na\n\r\n")
            assert over.wait(10)

    with talking(home, talk) as path:
        try:
            with Connection(path, 0.1) as connection:
                answer, _ = connection.exchange("POST", "/", pieces(), "", due.is_set)
                lines = answer.lines()
                assert next(lines) == b"a"
                began = time.monotonic()
                threading.Timer(0.4, due.set).start()
                with pytest.raises(TimeoutError):
                    next(lines)
                assert time.monotonic() - began >= 0.4
                over.set()
        finally:
            over.set()


def test_pieces_that_cannot_be_read_end_the_body_and_are_told_at_the_end(home: Home) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the disk is gone")

    def talk(connection: socket.socket) -> None:
        with peer_of(connection) as peer:
            assert (peer.chunk(), peer.chunk()) == (b"x", b"")
            peer.say(OK + b"content-length: 2\r\n\r\nok")

    with talking(home, talk) as path, Connection(path, 5.0) as connection:
        answer, sender = connection.exchange("POST", "/", pieces(), "", lambda: True)
        assert answer.read() == b"ok"
        with pytest.raises(OSError, match="the disk is gone"):
            sender.check()


def test_lines_of_a_stream(home: Home) -> None:
    body = OK + b"transfer-encoding: chunked\r\n\r\n3\r\na\nb\r\n4\r\nc\n\nd\r\n0\r\n\r\n"
    with answering(home, body) as path, Connection(path, 5.0) as connection:
        assert list(connection.ask("GET", "/").lines()) == [b"a", b"bc", b"", b"d"]

"""Requests to the daemon over its unix socket, on connections that are kept. As much of HTTP/1.1 as that needs:
`http.client` takes 15 ms to import, and a tenth of a millisecond for each answer's head.
"""

from __future__ import annotations

import os
import select
import socket
import time

TYPE_CHECKING = False  # typing itself takes 5 ms to import
if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10.0
"""Seconds until a daemon that is away, or does not answer, is given up: one that starts anew takes a fraction."""

LOOK_EVERY = 0.05
"""Seconds between two looks for a daemon that is away."""

CHUNK = 65536

MAX_HEAD = 65536
"""Bytes of an answer's head."""


class Unavailable(Exception):
    """The daemon is not there, or has gone while it was asked; the text says which."""


class Lines:
    """One connection, and what of an answer has been read from it."""

    def __init__(self, path: str, timeout: float) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._held = b""
        try:
            self.socket.settimeout(timeout)
            self.socket.connect(path)
        except BaseException:
            self.socket.close()
            raise
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)

    @property
    def stale(self) -> bool:
        """The other side has closed it, or says something that nobody asked for."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        self.socket.close()

    def send(self, method: str, target: str, body: bytes, media: str) -> None:
        kind = f"Content-Type: {media}\r\n" if media else ""
        head = f"{method} {target} HTTP/1.1\r\nHost: tmaxd\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)

    def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of the answer, by their names in lower case."""
        while b"\r\n\r\n" not in self._held:
            if len(self._held) > MAX_HEAD:
                raise OSError("the answer has no end of its head")
            self._more()
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        return int(first.split(" ", 2)[1]), headers

    def body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") == "chunked":
            return b"".join(self.chunks())
        return self._exactly(int(headers.get("content-length", "0")))

    def chunks(self) -> Iterator[bytes]:
        while True:
            size = int(self._line(), 16)
            if not size:
                self._line()
                return
            yield self._exactly(size)
            self._line()

    def _line(self) -> bytes:
        while b"\r\n" not in self._held:
            self._more()
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def _exactly(self, size: int) -> bytes:
        pieces, have = [self._held], len(self._held)
        while have < size:
            piece = self.socket.recv(min(size - have, 1 << 20))
            if not piece:
                raise ConnectionError("it ended in the middle of an answer")
            pieces.append(piece)
            have += len(piece)
        data = b"".join(pieces)
        self._held = data[size:]
        return data[:size]

    def _more(self) -> None:
        piece = self.socket.recv(CHUNK)
        if not piece:
            raise ConnectionError("it ended before an answer")
        self._held += piece


class Client:
    """Callable from any thread, and after a fork: each request has a connection to itself."""

    def __init__(self, path: str, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience
        self._idle: list[Lines] = []
        self._owner = os.getpid()

    def ask(
        self, method: str, target: str, body: bytes = b"", media: str = "", *, again: bool = True
    ) -> tuple[int, bytes]:
        """Status and body of the answer. `again`: it does no harm if it is done twice, so it is asked of the next
        daemon if this one ends meanwhile. Raises Unavailable."""
        until = time.monotonic() + self._patience
        while True:
            connection = self._connection(until)
            try:
                connection.send(method, target, body, media)
                status, headers = connection.head()
                data = connection.body(headers)
            except (OSError, ValueError) as error:
                connection.close()
                if again and time.monotonic() < until and not isinstance(error, TimeoutError):
                    continue
                raise Unavailable(
                    f"the daemon went away while it was asked ({self._path}: {error});"
                    " what was asked may have been done"
                ) from error
            except BaseException:
                connection.close()  # an interrupted answer must not be taken for the next one's
                raise
            if headers.get("connection") == "close":
                connection.close()
            else:
                self._idle.append(connection)
            return status, data

    def stream(self, target: str, patience: float) -> Iterator[bytes]:
        """The lines of an answer that does not end by itself; empty ones are signs of life. The first item is its
        status. Raises Unavailable when it breaks off, or is silent for `patience` seconds."""
        connection = self._connection(time.monotonic() + self._patience)
        try:
            connection.socket.settimeout(patience)
            connection.send("GET", target, b"", "")
            status, headers = connection.head()
            yield b"%d" % status
            if headers.get("transfer-encoding") != "chunked":
                yield connection.body(headers)
                return
            rest = b""
            for chunk in connection.chunks():
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
        except (OSError, ValueError) as error:
            raise Unavailable(f"the daemon went away ({self._path}: {error})") from error
        finally:
            connection.close()

    def close(self) -> None:
        """Those that nobody uses at the moment."""
        while self._idle:
            self._idle.pop().close()

    def _connection(self, until: float) -> Lines:
        if self._owner != os.getpid():
            # The other process goes on with them.
            self._owner, self._idle = os.getpid(), []
        while self._idle:
            try:
                kept = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if not kept.stale:
                return kept
            kept.close()
        while True:
            try:
                return Lines(self._path, self._patience)
            except OSError as error:
                if time.monotonic() >= until:
                    raise Unavailable(f"no daemon answers at {self._path}: {error}") from error
            time.sleep(LOOK_EVERY)

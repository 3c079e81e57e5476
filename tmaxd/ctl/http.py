"""HTTP/1.1 over a unix socket, as much of it as tmaxctl needs.

Not `http.client`: that costs 15 ms to import, a fifth of all `tmaxctl status` may take. One request a
connection; bodies go and come as chunks where they are streams. A stream that ends without its last
chunk raises `Broken`.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path

MAX_LINE = 65536
"""Bytes in a head line or a chunk size line; aiohttp sends far shorter ones."""


class Broken(Exception):
    """The other side did not speak HTTP, or went away in the middle."""


class Response:
    def __init__(self, reader: BufferedReader) -> None:
        self._reader = reader
        words = self._line().split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise Broken(f"not an HTTP answer: {words[0][:40]!r}")
        self.status = int(words[1])
        self.headers: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.partition(b":")
            self.headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._chunks()
        else:
            yield self._exactly(int(self.headers.get("content-length", "0")))

    def read(self) -> bytes:
        return b"".join(self.pieces())

    def lines(self) -> Iterator[bytes]:
        """The lines of a streamed body, without newlines, as they come."""
        held = b""
        for piece in self.pieces():
            *whole, held = (held + piece).split(b"\n")
            yield from whole
        if held:
            yield held

    def _chunks(self) -> Iterator[bytes]:
        while True:
            word = self._line().split(b";", 1)[0]
            try:
                size = int(word, 16)
            except ValueError:
                raise Broken(f"bad chunk size {word[:20]!r}") from None
            if size:
                yield self._exactly(size)
            if self._line():
                raise Broken("a chunk is longer than it says")
            if not size:
                return

    def _line(self) -> bytes:
        line = self._reader.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            raise Broken("the connection ended in the middle of an answer")
        return line.rstrip(b"\r\n")

    def _exactly(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) != size:
            raise Broken("the connection ended in the middle of an answer")
        return data


class Connection:
    """One request and its answer. Raises OSError when nobody listens, TimeoutError when a single send or
    receive takes longer than `timeout` seconds, `Broken` for an answer that is not whole."""

    def __init__(self, path: Path, timeout: float | None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        self._reader = self._socket.makefile("rb")
        try:
            self._socket.connect(str(path))
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        self._reader.close()
        self._socket.close()

    def ask(self, method: str, target: str, body: bytes | None = None, media: str = "") -> Response:
        head = self._head(method, target, media)
        if body is not None:
            head += f"Content-Length: {len(body)}\r\n"
        self._send(head.encode() + b"\r\n" + (body or b""))
        return self._response()

    def stream(self, method: str, target: str, pieces: Iterable[bytes], media: str) -> Response:
        """Send a body of unknown length. Stops as soon as the other side has answered, which in the middle
        of a body is a refusal."""
        head = self._head(method, target, media) + "Transfer-Encoding: chunked\r\n\r\n"
        going = self._send(head.encode())
        for piece in pieces:
            if not going or self._answered():
                return self._response()
            if piece:
                going = self._send(b"%x\r\n%b\r\n" % (len(piece), piece))
        self._send(b"0\r\n\r\n")
        return self._response()

    @staticmethod
    def _head(method: str, target: str, media: str) -> str:
        kind = f"Content-Type: {media}\r\n" if media else ""
        return f"{method} {target} HTTP/1.1\r\nHost: tmaxd\r\nConnection: close\r\n{kind}"

    def _send(self, data: bytes) -> bool:
        """False: the other side takes no more, and has said why or will not."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _answered(self) -> bool:
        # poll, not select: a descriptor over 1023 is no error to it.
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def _response(self) -> Response:
        try:
            return Response(self._reader)
        except ConnectionResetError as error:
            raise Broken("the daemon closed the connection without an answer") from error

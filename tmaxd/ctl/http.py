"""HTTP/1.1 over a unix socket, as much of it as tmaxctl needs.

Not `http.client`: that costs 15 ms to import, a fifth of all `tmaxctl status` may take. One request a
connection; bodies go and come as chunks where they are streams, also both at once. A stream that ends
without its last chunk raises `Broken`.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

JOIN = 1.0
"""Seconds that the end of an exchange waits for its sender, which may be reading from somebody slow."""

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
        held: list[bytes] = []
        for piece in self.pieces():
            *whole, rest = piece.split(b"\n")
            if whole:
                yield b"".join([*held, whole[0]])
                yield from whole[1:]
                held = []
            held.append(rest)
        if last := b"".join(held):
            yield last

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
        self._timeout = timeout
        self._sender: Sender | None = None
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
        if self._sender is not None:
            self._sender.stop()
        self._reader.close()
        self._socket.close()

    def be_patient(self, timeout: float) -> None:
        """From now on a single send or receive may take so many seconds. Not in an exchange."""
        self._socket.settimeout(timeout)

    def ask(self, method: str, target: str, body: bytes | None = None, media: str = "") -> Response:
        head = self._head(method, target, media)
        if body is not None:
            head += f"Content-Length: {len(body)}\r\n"
        self._send(head.encode() + b"\r\n" + (body or b""))
        return self._response()

    def exchange(
        self,
        method: str,
        target: str,
        pieces: Iterable[bytes],
        head: str,
        busy: Callable[[], bool],
    ) -> tuple[Response, Sender]:
        """Send a body of unknown length from a thread, while its answer is read as it comes. `head`: further
        lines of the request's head. Silence is a timeout only while `busy` says that something is due, and
        after the body."""
        lines = self._head(method, target, "") + head + "Transfer-Encoding: chunked\r\n\r\n"
        self._send(lines.encode())
        sender = self._sender = Sender(self._socket, pieces)
        self._reader.close()
        self._reader = BufferedReader(
            _Patient(self._socket, self._timeout, lambda: busy() or not sender.going)
        )
        return self._response(), sender

    @staticmethod
    def _head(method: str, target: str, media: str) -> str:
        kind = f"Content-Type: {media}\r\n" if media else ""
        return f"{method} {target} HTTP/1.1\r\nHost: tmaxd\r\nConnection: close\r\n{kind}"

    def _send(self, data: bytes) -> None:
        """What the other side does not take any more, it has said why, or will not."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def _response(self) -> Response:
        try:
            return Response(self._reader)
        except ConnectionResetError as error:
            raise Broken("the daemon closed the connection without an answer") from error


class Sender:
    """Sends a body as chunks, in a thread of its own. Ends early when the other side takes no more; what goes
    wrong with the pieces themselves ends the body where it is, and is raised by `check`."""

    def __init__(self, to: socket.socket, pieces: Iterable[bytes]) -> None:
        # Imported late: 5 ms that most verbs do without.
        from threading import Thread

        self._socket = to
        self._pieces = pieces
        self._failure: Exception | None = None
        self._stopped = False
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def going(self) -> bool:
        return self._thread.is_alive()

    def check(self) -> None:
        """Raises what ended the body too early. Call when the answer has ended."""
        self._thread.join(JOIN)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        self._stopped = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other side was quicker
        finally:
            self._thread.join(JOIN)

    def _run(self) -> None:
        try:
            for piece in self._pieces:
                if self._stopped or (
                    piece and not self._send(b"%x\r\n%b\r\n" % (len(piece), piece))
                ):
                    return
        except Exception as error:  # noqa: BLE001  raised again by `check`, in the thread that waits
            self._failure = error
        self._send(b"0\r\n\r\n")

    def _send(self, data: bytes) -> bool:
        try:
            self._socket.sendall(data)
        except OSError:
            return False  # its answer, or the lack of one, says why
        return True


class _Patient(RawIOBase):
    """A socket as a stream that waits as long as it may be silent."""

    def __init__(self, of: socket.socket, timeout: float | None, busy: Callable[[], bool]) -> None:
        self._socket = of
        self._timeout = timeout
        self._busy = busy
        # poll, not select: a descriptor over 1023 is no error to it.
        self._poll = select.poll()
        self._poll.register(of, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        wait = None if self._timeout is None else self._timeout * 1000
        due = False
        while not self._poll.poll(wait):
            # Twice: what is due may have become so at the end of a long silence.
            if due and self._busy():
                raise TimeoutError("silence")
            due = self._busy()
        return self._socket.recv_into(buffer)

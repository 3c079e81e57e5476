"""A submitter that costs next to nothing, since it shares the machine with what it measures: one streaming request,
bodies made beforehand, acknowledgements only counted.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

AHEAD = 16
"""Batches that may wait for their acknowledgement."""
PATIENCE = 120.0
CHUNK = 65536

_ACCEPTED = re.compile(rb'"first_id":(\d+),"count":(\d+)')


class Stream:
    """One `POST /v1/tasks`, open from `with` to its end. Raises RuntimeError when the daemon refuses something."""

    def __init__(self, api: Path, group: str, query: str = "") -> None:
        self.accepted = 0
        self.last = 0
        """The highest id."""
        self._rest = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(str(api))
        media = "application/x-ndjson"
        self._socket.sendall(
            f"POST /v1/tasks?group={group}{query} HTTP/1.1\r\nHost: tmaxd\r\nContent-Type: {media}\r\n"
            f"Accept: {media}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._socket.sendall(b"0\r\n\r\n")
                while b'"accepted":' not in self._rest:
                    self._read()
        finally:
            self._socket.close()

    def send(self, chunk: bytes) -> None:
        """A piece as `chunk_of` makes it; goes out at once."""
        self._socket.sendall(chunk)

    def until(self, accepted: int) -> None:
        """Wait until so many tasks are on disk."""
        while self.accepted < accepted:
            self._read()

    def _read(self) -> None:
        data = self._socket.recv(CHUNK)
        if not data:
            raise RuntimeError(f"the daemon took {self.accepted} tasks, then went away")
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            found = _ACCEPTED.search(line)
            if found is not None:
                count = int(found[2])
                self.accepted += count
                self.last = int(found[1]) + count - 1
            elif b'"error":' in line:
                raise RuntimeError(f"the daemon took {self.accepted} tasks, then: {line[:1000]!r}")
            elif b'"accepted":' in line:
                self._rest = line


def chunk_of(lines: bytes) -> bytes:
    """Lines of NDJSON as a piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(lines), lines)


def submit(api: Path, group: str, count: int, batch: int, query: str = "") -> int:
    """Submit so many equal tasks of twelve bytes; returns the highest id, when all are on disk."""
    whole = chunk_of(b'"twelve bytes"\n' * batch)
    with Stream(api, group, query) as stream:
        for sent in range(batch, count + 1, batch):
            stream.send(whole)
            stream.until(sent - AHEAD * batch)
        if count % batch:
            stream.send(chunk_of(b'"twelve bytes"\n' * (count % batch)))
        stream.until(count)
        return stream.last


def await_end(api: Path, first: int, count: int) -> None:
    """Wait until these tasks have ended."""
    body = json.dumps({"ranges": [[first, count]]}).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(api))
        sock.sendall(
            b"POST /v1/wait HTTP/1.1\r\nHost: tmaxd\r\nConnection: close\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        seen = sum(data.count(b'"state":') for data in _pieces(sock))
    if seen != count:
        raise RuntimeError(f"{seen} of {count} tasks ended before the daemon went away")


def _pieces(sock: socket.socket) -> Iterator[bytes]:
    """Whole lines, so that nothing that is looked for is cut."""
    rest = b""
    while data := sock.recv(CHUNK):
        lines, newline, rest = (rest + data).rpartition(b"\n")
        yield lines + newline
    yield rest

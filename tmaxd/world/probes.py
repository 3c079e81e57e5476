"""The port `Probes`: TCP and HTTP by asyncio's streams; commands by `probe_exec`.

HTTP is a few lines and no library: of an answer only the status counts.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping

from tmaxd.ports.probes import TAIL, Answer, Exec, Question, Tcp
from tmaxd.world import probe_exec
from tmaxd.world.probe_names import addresses

LINE = 16 * 1024
HEAD = 64 * 1024
"""Bytes that a line, and the whole head of an HTTP answer, may have; servers themselves allow about 8 KiB in
requests."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: |\r?\n)")


class SystemProbes:
    """`env`: the environment that workers start from."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)

    async def ask(self, question: Question, timeout: float) -> Answer:
        if isinstance(question, Exec):
            return await probe_exec.ask(question, self._env, timeout)
        try:
            async with asyncio.timeout(timeout):
                if isinstance(question, Tcp):
                    return await _tcp(question.address)
                return await _http(question.url)
        except TimeoutError:
            return Answer(False, f"no answer within {timeout:g} s")
        except OSError as error:
            return Answer(False, _reason(error))
        except ValueError as error:
            return Answer(False, str(error))


def _reason(error: OSError) -> str:
    """asyncio puts its own words and the address into `strerror`; the kernel's are shorter."""
    return os.strerror(error.errno).lower() if error.errno else str(error)


async def _connect(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the first of the host's addresses that accepts. Raises OSError."""
    problem = OSError(f"{host} has no address")
    for address in await addresses(host):
        try:
            return await asyncio.open_connection(address, port, limit=LINE)
        except OSError as error:
            problem = error
    raise problem


async def _tcp(address: str) -> Answer:
    host, _, port = address.rpartition(":")
    _, writer = await _connect(host.strip("[]") or "localhost", int(port))
    writer.close()
    return Answer(True)


async def _http(url: str) -> Answer:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    reader, writer = await _connect(host, parts.port or 80)
    try:
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\n"
            "User-Agent: tmaxd-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        return await _answer(reader)
    finally:
        writer.transport.abort()  # whatever else it has to say is not waited for


async def _answer(reader: asyncio.StreamReader) -> Answer:
    try:
        status = await _status(reader)
    except asyncio.IncompleteReadError as error:
        raise OSError("the connection was closed without a whole answer") from error
    except asyncio.LimitOverrunError as error:
        raise OSError(f"the head of the answer has a line over {LINE} bytes") from error
    if status < 400:
        return Answer(True)
    return Answer(False, f"status {status}", await _words(reader))


async def _status(reader: asyncio.StreamReader) -> int:
    """Of the final answer; interim ones (RFC 9110, 15.2) are passed over."""
    size, status = 0, 100
    while status < 200:
        line = await reader.readuntil(b"\n")
        found = _STATUS.match(line)
        if found is None:
            raise OSError(f"the answer is no HTTP: {line[:60]!r}")
        status = int(found[1])
        while line.strip():
            line = await reader.readuntil(b"\n")
            size += len(line)
            if size > HEAD:
                raise OSError(f"the head of the answer has over {HEAD} bytes")
    return status


async def _words(reader: asyncio.StreamReader) -> str:
    """The beginning of what a refusal says, as far as it has come; the rest of its time may be spent on it."""
    data = b""
    try:
        async with asyncio.timeout(0.2):
            while len(data) < TAIL and (piece := await reader.read(TAIL - len(data))):
                data += piece
    except (TimeoutError, OSError):
        pass
    return data.decode(errors="replace").strip()

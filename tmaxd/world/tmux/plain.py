"""The plain channel: a tmux process a batch, through libtmux, for when there is no control client.

A batch goes as a file that tmux sources: a command line is limited to 16 kB between client and server, a file is
not, and each of its lines is a list of its own that ends at its first error without stopping the next. Between
the commands stands a mark that nobody can guess, so that any output can be told from any other; the errors come
on standard error in the order of the lists that lack their last mark.

The process runs under env(1) and timeout(1). Empty environment: tmux would put the client's PATH over that of the
worker. Deadline: libtmux has none, and nobody else would end a process that hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from tmaxd.ports import ServerId, Unknown, WorldError
from tmaxd.world.tmux.channel import Lost, NoServer, OnReplies, Replies, Reply
from tmaxd.world.tmux.options import anchor_session
from tmaxd.world.tmux.quoting import CommandList, line
from tmaxd.world.tmux.tool import Tool, says_no_server

T = TypeVar("T")

THREADS = 4
"""Batches at once. A pass has one or two; more would only make a hung tmux hold more. While the server hangs a
thread outlives even its process: the client has handed its output pipe on to the server, so libtmux waits for an
end that comes when the server goes on or dies. Hence daemon threads, which no exit has to wait for."""

EACH_LIST = 0.02
"""Seconds added to the deadline for each list of a batch, as on the control channel."""

OTHER = "other"


class PlainChannel:
    def __init__(self, tool: Tool, deadline: float) -> None:
        self._tool = tool
        self._deadline = deadline
        self._slots: asyncio.Queue[int] = asyncio.Queue()
        for slot in range(THREADS):
            self._slots.put_nowait(slot)

    async def run(
        self,
        lists: Sequence[CommandList],
        server: ServerId | None = None,
        on_replies: OnReplies | None = None,
    ) -> list[Replies]:
        """Raises NoServer as well, when nobody listens on the socket."""
        if not lists:
            return []
        limit = self._deadline + EACH_LIST * len(lists)
        try:
            async with asyncio.timeout(limit):
                slot = await self._slots.get()
        except TimeoutError:
            raise Lost(f"{THREADS} calls of tmux hang") from None
        mark = os.urandom(12).hex()
        file = self._tool.socket.with_name(f"tmux-batch.{slot}")
        script = _script(lists, server, mark)
        call = _in_thread(lambda: _source(self._tool, file, script, limit))
        # The slot is free when the thread is, not when its caller has lost patience.
        call.add_done_callback(lambda _: self._slots.put_nowait(slot))
        done, _ = await asyncio.wait({call}, timeout=limit)
        if not done:
            raise Lost(f"tmux gave no answer within {limit:.1f} s")
        output, errors = call.result()
        return _replies(lists, mark, output, errors, on_replies)

    async def create(self) -> None:
        """Start a server with its anchor session, unless they are there. libtmux has no way to give a server
        its environment, so this one call does without it."""
        status, said = await self._tool.call(self._deadline, *anchor_session("-d"))
        if status and "duplicate session" not in said:
            raise WorldError(
                f"no tmux server could be started on {self._tool.socket}: "
                f"{said or f'exit status {status}'}"
            )


def _in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """`asyncio.to_thread` in a thread that nothing waits for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    # A caller that has lost patience looks no more; the failure is then nobody's news.
    future.add_done_callback(lambda f: f.cancelled() or f.exception())

    def run() -> None:
        try:
            call: Callable[[], None] = partial(future.set_result, work())
        except BaseException as failure:  # noqa: BLE001  handed on whole to who awaits it
            call = partial(future.set_exception, failure)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(call)

    threading.Thread(target=run, name="tmux-plain", daemon=True).start()
    return future


def _script(lists: Sequence[CommandList], server: ServerId | None, mark: str) -> bytes:
    """The batch as a file. `%if` is decided while the server reads it, before any of it runs."""
    body = []
    for number, commands in enumerate(lists):
        marked: list[Sequence[str]] = [("display-message", "-p", f"{mark} {number} 0")]
        for position, command in enumerate(commands, 1):
            marked += [command, ("display-message", "-p", f"{mark} {number} {position}")]
        body.append(line(marked))
    if server is not None:
        test = b'%%if "#{==:#{pid} #{start_time},%d %d}"' % (server.pid, server.started)
        other = line([("display-message", "-p", f"{mark} {OTHER} 0")])
        body = [test, *body, b"%else", other, b"%endif"]
    return b"\n".join(body) + b"\n"


def _source(tool: Tool, file: Path, script: bytes, limit: float) -> tuple[list[str], list[str]]:
    """Runs in a thread. Standard output and standard error of tmux, in lines."""
    # 75 ms of imports that most daemons never need.
    from libtmux.server import Server

    env, timeout = shutil.which("env"), shutil.which("timeout")
    if env is None or timeout is None:
        raise Unknown("env and timeout (coreutils) were not found on PATH, tmux cannot be asked")
    # 0600: the batch can hold a worker's environment. One file a slot, so a crash leaves at most `THREADS`.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(file, flags, 0o600), "wb") as out:
            out.write(script)
        # tmux takes the path as a glob(7) pattern.
        path = "".join(f"\\{c}" if c in "\\*?[]" else c for c in str(file))
        argv = [*tool.argv("-N"), "source-file", path]
        run = Server(tmux_bin=env).cmd("-i", timeout, "-k", "1", f"{limit:.3f}", *argv)
    finally:
        file.unlink(missing_ok=True)
    if run.returncode == 124:
        raise Lost(f"tmux gave no answer within {limit:.1f} s")
    return list(run.stdout), list(run.stderr)


def _replies(
    lists: Sequence[CommandList],
    mark: str,
    output: Sequence[str],
    errors: Sequence[str],
    on_replies: OnReplies | None,
) -> list[Replies]:
    spoken = _by_list(mark, output)
    if OTHER in spoken:
        raise Unknown("the tmux server is no longer the one that was meant")
    if len(spoken) != len(lists):
        _explain(errors)
    complaints = iter(errors)
    answers: list[Replies] = []
    for number, commands in enumerate(lists):
        said = [Reply(True, lines) for lines in spoken[str(number)]]
        if len(said) < len(commands):
            said.append(Reply(False, (next(complaints, "tmux gave no reason"),)))
        answers.append(tuple(said))
    if on_replies is not None:
        for number, answer in enumerate(answers):
            on_replies(number, answer)
    return answers


def _by_list(mark: str, output: Sequence[str]) -> dict[str, list[tuple[str, ...]]]:
    """List number to the output of each of its commands that ran to its end."""
    spoken: dict[str, list[tuple[str, ...]]] = {}
    body: list[str] = []
    for text in output:
        if not text.startswith(mark):
            body.append(text)
            continue
        _, number, position = text.split()
        if position == "0":
            spoken[number] = []
        else:
            spoken[number].append(tuple(body))
        body = []
    return spoken


def _explain(errors: Sequence[str]) -> None:
    """Always raises: the batch did not run, or not to its end."""
    said = " / ".join(errors) or "it said nothing"
    if says_no_server(said):
        raise NoServer(said)
    raise Lost(f"tmux did not answer the whole batch: {said}")

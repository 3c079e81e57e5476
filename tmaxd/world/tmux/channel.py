"""A channel: the one way to put command lists to a tmux server and have an answer for each command.

Two exist: `control.py` (one kept client) and `plain.py` (a process a batch). Both give the same answers.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from tmaxd.ports import ServerId, Unknown, WorldError
from tmaxd.world.tmux.quoting import CommandList


class Reply(msgspec.Struct, frozen=True):
    """What one command said: its output, or with `ok` false the error."""

    ok: bool
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


Replies = tuple[Reply, ...]
"""One reply a command of a list, in order. It is shorter than the list when a command failed: the failure
comes last, and the rest did not run."""

OnReplies = Callable[[int, Replies], None]
"""Called with a list's index as soon as its replies are known."""


class Lost(Unknown):
    """The channel broke under a call; what it asked for may or may not have happened."""


class NoServer(Exception):
    """There certainly is no tmux server on the socket."""


class Channel(Protocol):
    async def run(
        self,
        lists: Sequence[CommandList],
        server: ServerId | None = None,
        on_replies: OnReplies | None = None,
    ) -> list[Replies]:
        """Run every list, each whole or up to its first error; one does not stop another. With `server` they
        run only on that life of the server, else `Unknown`. Raises `Lost` when no whole answer came."""


class Tool(msgspec.Struct, frozen=True):
    """How tmux is called for one fleet."""

    path: str
    socket: Path
    environment: Mapping[str, str]

    @classmethod
    def find(cls, socket: Path, environment: Mapping[str, str]) -> Tool:
        """Raises WorldError when there is no tmux on the environment's PATH."""
        path = shutil.which("tmux", path=environment.get("PATH"))
        if path is None:
            raise WorldError(
                f"tmux was not found on PATH ({environment.get('PATH', 'not set')}), so no worker can be "
                "started; install tmux 3.2 or later"
            )
        # A daemon started inside tmux must not point its workers at that other server.
        clean = {k: v for k, v in environment.items() if k not in ("TMUX", "TMUX_PANE")}
        return cls(path, socket, clean)

    def argv(self, *more: str) -> list[str]:
        """`-u`: without it tmux replaces what is not ASCII by `_` in every answer. The options do not come
        from a file: they are set by each client that attaches (`options.py`), and this keeps the user's
        own file out."""
        return [self.path, "-u", "-S", str(self.socket), "-f", "/dev/null", *more]


def refusal(replies: Replies) -> str | None:
    """The error that ended a list, None when all of it ran."""
    return None if replies[-1].ok else replies[-1].text


def identity(reply: Reply) -> tuple[ServerId, str]:
    """Read the answer to `options.IDENTITY`: the life of the server, and tmux's version."""
    try:
        pid, started, version = reply.text.split(None, 2)
        return ServerId(int(pid), int(started)), version
    except ValueError:
        raise Lost(f"tmux did not say who it is: {reply.text!r}") from None


def says_no_server(said: str) -> bool:
    """Whether tmux's own complaint means that nobody listens on the socket (client.c of 3.2 to 3.6)."""
    return "no server running on" in said or (
        "error connecting to" in said and "No such file or directory" in said
    )

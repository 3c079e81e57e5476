"""A channel: the one way to put command lists to a tmux server and have an answer for each command.

Two exist: `control.py` (one kept client) and `plain.py` (a process a batch). Both give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from tmaxd.ports import ServerId, Unknown
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

"""The port `Probes`: questions that are put to a worker from outside, and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

TAIL = 1000
"""Bytes of a failure's own words (what a command printed, the body of a refusal) that are kept: a few lines on a
screen. The last ones, since errors stand at the end."""


class Exec(msgspec.Struct, frozen=True):
    """A command that succeeds with status 0."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    """Laid over the environment that all workers start from."""
    cwd: str
    stdin: bytes = b""
    """What it finds on its standard input."""


class Tcp(msgspec.Struct, frozen=True):
    """A port that accepts a connection."""

    address: str
    """`HOST:PORT`, `[IPV6]:PORT`."""


class Http(msgspec.Struct, frozen=True):
    """A URL that answers a GET with a status from 200 to 399; where it redirects to is not asked."""

    url: str


Question = Exec | Tcp | Http


class Answer(msgspec.Struct, frozen=True):
    good: bool
    why: str = ""
    """What failed, in a few words; empty when it is good."""
    output: str = ""
    """What the failure said itself: its last `TAIL` bytes."""


class Probes(Protocol):
    async def ask(self, question: Question, timeout: float) -> Answer:
        """One try. It is over within `timeout` seconds, or has failed. Raises nothing: whatever goes wrong is a bad
        answer. Nothing of it is left when this returns or is cancelled: a command is ended with its process
        group."""

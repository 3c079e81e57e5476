"""The port `Files`: small files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec


class Spooled(msgspec.Struct, frozen=True):
    """A file in the spool, as it was when it was looked at."""

    path: str
    bytes: int
    at: float
    """Wall time when it was last written to."""
    stamp: int
    """The same in nanoseconds, by which it is known again."""


class Files(Protocol):
    """The few small files that the daemon itself needs. Every call may raise OSError."""

    def write_payload(self, path: str, payload: str) -> None:
        """The file of a payload that is too long for a frame: 0600, whole or not at all."""

    def remove_payload(self, path: str) -> None:
        """It may be gone already."""

    def has_payload(self, path: str) -> bool: ...

    def result_size(self, path: str) -> int:
        """Bytes of a result file that a worker names; 0 where that cannot be told. Raises nothing."""

    def read_result(self, path: str, limit: int) -> str | None:
        """Its text; None of a file that has more than `limit` characters, is not UTF-8, cannot be read, or does not lie
        in the spool by a path without links. Raises nothing; may be called from any thread."""

    def read_spooled(self, path: str, limit: int) -> bytes | None:
        """Likewise of any file in the spool, as bytes; None where it has more than `limit`."""

    def remove_spooled(self, path: str) -> None:
        """A file in the spool. Raises ValueError where it does not lie there."""

    def spool_files(self, before: float) -> Iterator[Spooled]:
        """The files in the spool that were last written to before this wall time, as far as they can be looked at; in
        no order, and as they are found. To be read in a thread."""

    def remove_unchanged(self, file: Spooled) -> bool:
        """False: it is gone, or was written to since it was looked at. Raises OSError."""

    def make_spool(self, worker: str) -> None:
        """The folder in which the worker leaves long results; it may be there already."""

    def read_secrets(self, paths: Sequence[str]) -> Mapping[str, str]:
        """The variables of env files. Raises WorldError with the reason, which shows no value."""

    def must_run(self, argv: Sequence[str], cwd: str, path: str) -> None:
        """Raises WorldError when this cannot be started in this folder with this PATH: tmux would do something
        else in silence (the home folder instead, an exit status 1)."""

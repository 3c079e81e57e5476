"""The port `Files`: small files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


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

    def make_spool(self, worker: str) -> None:
        """The folder in which the worker leaves long results; it may be there already."""

    def must_run(self, argv: Sequence[str], cwd: str, path: str) -> None:
        """Raises WorldError when this cannot be started in this folder with this PATH: tmux would do something
        else in silence (the home folder instead, an exit status 1)."""

"""The port `Sweeper`: files of the user's choosing are removed, and nothing else."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be removed."""

    globs: tuple[str, ...]
    """Absolute paths: `*`, `?` and `[…]` within a name, `**` for any number of folders. As in glob(7), a leading dot
    has to be written out, also for what `**` goes through. One that ends with `/` is of empty folders, all others
    are of regular files and links (the link itself)."""
    roots: tuple[str, ...]
    """Absolute folders. A glob must begin with one of them, and nothing outside them is ever removed."""
    before: float | None = None
    """Wall time: only what was last changed at this time or earlier (its mtime); None: whatever its age."""
    dry: bool = True
    """Nothing is changed, it is only told what would go."""


class Tally(Protocol):
    """Where a sweep writes down what it does, as it goes, in its own thread."""

    def add(self, name: str, size: int = 0, note: str = "") -> None:
        """One is gone, or would go. `size`: bytes on disk that came back; a file with further hard links frees none."""

    def problem(self, text: str) -> None:
        """Something was left, and why; one sentence."""


class Sweeper(Protocol):
    async def sweep(self, order: Sweep, tally: Tally) -> None:
        """Off the loop, with bounded memory whatever the number of files. No link is followed, no mount point crossed;
        what changes under the sweep is left, and told. Cancelled, it has stopped before the cancellation goes on
        (unless the file system hangs). Never raises for what is on disk."""

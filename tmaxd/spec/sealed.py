"""What env files hold, kept apart from all that is shown or stored.

A group carries the values in memory only. Text of any kind (a revision on disk, a diff, a fingerprint) has the
paths of the files and a digest of what they held, so that a change is seen and no value is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec


class Keeper(Protocol):
    """How files with secrets are read, and what stands for their content. Neither is pure: the loader is given it."""

    def read(self, path: Path) -> bytes:
        """Raises OSError, whose text says why, also for a file that others may read."""

    def seal(self, data: bytes) -> str:
        """The same for the same data. It must tell nothing of the data, not even to who tries many values. Raises
        OSError when there is no key to seal it with."""


class Sealed:
    """Variables from files. Equal to another one from the same files with the same content.

    No msgspec struct on purpose: whoever encodes a group must pass a hook, and that of `resolved` gives no values.
    """

    __slots__ = ("contents", "paths", "values")

    def __init__(
        self, paths: tuple[str, ...], contents: str, values: Mapping[str, str] | None = None
    ) -> None:
        self.paths = paths
        """Absolute, in the order in which they are read."""
        self.contents = contents
        """The seal of the variables."""
        self.values = values
        """None: this came from text, and the files must be read again."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sealed):
            return NotImplemented
        return (self.paths, self.contents) == (other.paths, other.contents)

    def __hash__(self) -> int:
        return hash((self.paths, self.contents))

    def __repr__(self) -> str:
        return f"Sealed({self.paths!r}, {self.contents!r})"


def to_words(sealed: Sealed) -> dict[str, object]:
    return {"files": list(sealed.paths), "contents": sealed.contents}


def from_words(words: object) -> Sealed:
    """Raises ValueError."""
    if not isinstance(words, dict) or not isinstance(words.get("contents"), str):
        raise ValueError("not the name and seal of env files")
    files = words.get("files")
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise ValueError("not the names of env files")
    return Sealed(tuple(files), words["contents"])


def canonical(values: Mapping[str, str]) -> bytes:
    """What is sealed: the variables, whatever the files look like."""
    return msgspec.json.encode(values, order="sorted")


def unkeyed(data: bytes) -> str:
    """The seal where nothing is kept: in checks of a file, and in tests. Short values could be guessed from it."""
    return hashlib.sha256(data).hexdigest()[:32]

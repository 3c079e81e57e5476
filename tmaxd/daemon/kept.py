"""What is kept on disk as text under names, read back: whole, or not at all (an unreadable state is never taken for
an empty one)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from tmaxd.ports import WorldError

T = TypeVar("T")


class Unreadable(WorldError):
    """A row that this version cannot read. The text says which, what it was about, and why."""

    def __init__(self, name: str, about: str, why: str) -> None:
        super().__init__(f"{about} (row {name!r} of the table `kept`) cannot be read: {why}")
        self.name = name

    def advice(self, database: Path) -> str:
        """The same with where it stands, and what to do about it."""
        row = self.name.replace("'", "''")
        forget = f"DELETE FROM kept WHERE name = '{row}'"  # noqa: S608  # for people
        return (
            f"{database}: {self}\n"
            "  Nothing was started or stopped. If a later version of tmaxd has written it, start that one. Else have "
            "it forgotten, and nothing but it:\n"
            f'  sqlite3 {database} "{forget}"'
        )


def read(
    name: str,
    text: str,
    kind: type[T],
    about: str,
    dec_hook: Callable[[type, Any], Any] | None = None,
) -> T:
    """Raises `Unreadable`. `about`: what it is, in words."""
    try:
        return msgspec.json.decode(text, type=kind, dec_hook=dec_hook)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise Unreadable(name, about, str(error)) from error

"""What a handler is given, and what it may raise."""

from __future__ import annotations


class Task:
    """One attempt at one task."""

    __slots__ = ("attempt", "id", "payload", "timeout")

    def __init__(self, id: int, attempt: int, payload: str, timeout: float | None = None) -> None:
        self.id = id
        """Unique in the fleet, and the same for each attempt: the key to make work repeatable safely."""
        self.attempt = attempt
        """1 for the first."""
        self.payload = payload
        self.timeout = timeout
        """Seconds that the handler may take; None for no limit."""

    def __repr__(self) -> str:
        return f"Task(id={self.id}, attempt={self.attempt}, payload={self.payload[:40]!r})"


class Temporary(Exception):
    """Raised by a handler: it cannot be done now, for a cause that passes. The task is tried again, more
    often than after a plain failure."""

"""How the world fails."""

from __future__ import annotations


class Unknown(Exception):
    """The world did not give a whole answer in time. Nothing may be destroyed because of it."""


class WorldError(Exception):
    """The world answered, and the answer is no; the text says what, where and why."""

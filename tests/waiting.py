"""Waiting for conditions with a deadline, for tests; never a bare sleep as synchronisation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

DEADLINE = 10.0
"""Seconds; far more than any condition needs, since the machine may be busy."""


async def until(condition: Callable[[], object], what: str, within: float = DEADLINE) -> None:
    """Let the loop run until the condition holds."""
    end = time.monotonic() + within
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {within} s: {what}")
        await asyncio.sleep(0.002)


async def settle(turns: int = 5) -> None:
    """Let the loop handle whatever is ready now, some turns deep."""
    for _ in range(turns):
        await asyncio.sleep(0)

"""What anybody may call to have the loop look again."""

from __future__ import annotations

import asyncio


class Waker:
    """Made before the loop, since its parts need it. Many wakes until the next pass are one."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()

    def wake(self) -> None:
        self.woken.set()

"""A question that may hang, asked in a thread of its own: a pool would be waited for at exit."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Aside(threading.Thread, Generic[T]):
    """`answer` is what `ask` returns or raises. Nobody need wait for it."""

    def __init__(self, name: str, ask: Callable[[], T], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name=name, daemon=True)
        self._ask = ask
        self._loop = loop
        self.answer: asyncio.Future[T] = loop.create_future()
        # Looked at here, so that asyncio does not complain when the waiter is gone.
        self.answer.add_done_callback(lambda answer: answer.cancelled() or answer.exception())

    def run(self) -> None:
        try:
            found = self._ask()
        except Exception as error:  # noqa: BLE001  handed to the waiter, whatever it is
            self._tell(self._fail, error)
        else:
            self._tell(self._succeed, found)

    def _tell(self, act: Callable[..., None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            self._loop.call_soon_threadsafe(act, value)

    def _succeed(self, found: T) -> None:
        if not self.answer.done():
            self.answer.set_result(found)

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

"""`FakeProbes`: the port `Probes` in memory. What is not told otherwise answers well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tmaxd.ports import Clock
from tmaxd.ports.probes import Answer, Exec, Http, Question, Tcp

GOOD = Answer(True)
HANGS = Answer(False, "hangs")
"""Stands for a question that is never answered."""


class FakeProbes:
    """With a clock, a question that hangs has failed once `expire` is called after its time."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.answers: dict[tuple[str, ...] | str, Answer | Callable[[Question], Answer]] = {}
        """By argv, address or URL."""
        self.asked: list[Question] = []
        self.under_way = 0
        self.most = 0
        """Questions that were under way at once."""
        self._clock = clock
        self._hanging: list[tuple[float, asyncio.Future[None]]] = []

    async def ask(self, question: Question, timeout: float) -> Answer:
        self.asked.append(question)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            found = self.answers.get(_key(question), GOOD)
            answer = found(question) if callable(found) else found
            if answer is not HANGS:
                await asyncio.sleep(0)
                return answer
            await self._time_out(timeout)
            if isinstance(question, Exec):
                return Answer(False, f"has not ended within {timeout:g} s, and was killed")
            return Answer(False, f"no answer within {timeout:g} s")
        finally:
            self.under_way -= 1

    async def _time_out(self, timeout: float) -> None:
        if self._clock is None:
            await asyncio.sleep(timeout)
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hanging.append((self._clock.now() + timeout, over))
        await over

    def expire(self) -> None:
        """Time has passed: what hangs for too long has failed."""
        assert self._clock is not None
        now = self._clock.now()
        over = [future for at, future in self._hanging if at <= now]
        self._hanging = [(at, future) for at, future in self._hanging if at > now]
        for future in over:
            if not future.done():
                future.set_result(None)


def _key(question: Question) -> tuple[str, ...] | str:
    match question:
        case Exec():
            return question.argv
        case Tcp():
            return question.address
        case Http():
            return question.url

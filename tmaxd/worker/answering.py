"""What is said of tasks, and when: answers are collected and leave in one write; what comes again is answered from
memory; what was cancelled before it came is answered as it comes. Common to workers that do one task at a time and
to those that do many."""

from __future__ import annotations

from tmaxd.worker import frames, outcome
from tmaxd.worker.frames import Key, Result
from tmaxd.worker.link import Link
from tmaxd.worker.remembered import Answer, Foreseen, Memory
from tmaxd.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Answering:
    def __init__(self, link: Link, window: int, spool: str) -> None:
        """`window`: the largest that it may come to ask for."""
        self._link = link
        self._spool = spool
        self._memory = Memory(window)
        self._foreseen = Foreseen()
        self._out: list[bytes] = []
        """Frames to be sent."""
        self._done: list[Result] = []
        """Results to be sent, which become one frame."""
        self._stopping = False
        link.holding = self._begun
        link.remembered = self._memory.results

    def _waiting(self) -> Iterable[Task]:
        """What is held here and not said to be begun. Called from any thread."""
        raise NotImplementedError

    def _begun(self) -> list[Key]:
        """What is to be named when the daemon asks: of a FIFO of our own the tasks that have begun, of a shared one all
        that were taken. Called from the thread; what begins meanwhile is announced by itself."""
        return self._memory.held(() if self._link.shared else list(self._waiting()))

    def _received(self, tasks: list[Task]) -> list[Task]:
        """The new ones that are to be done; the rest is answered."""
        fresh, again = self._memory.sort(tasks)
        self._link.announced = []
        if again:
            self._out.append(again)
        if self._foreseen:
            fresh = [task for task in fresh if not self._was_foreseen(task)]
        return fresh

    def _was_foreseen(self, task: Task) -> bool:
        if not self._foreseen.take(task.key):
            return False
        self._finish(task, outcome.cancelled(task.key))
        return True

    def _finish(self, task: Task, answer: Answer) -> None:
        self._memory.finish(task.key, answer)
        self._out.append(task.close())
        if isinstance(answer, bytes):
            self._out.append(answer)
        else:
            self._done.append(answer)

    def _pending(self) -> bytes:
        return b"".join(self._out) + frames.results(self._done)

    def _flush(self) -> None:
        data = self._pending()
        self._done.clear()
        self._out.clear()
        if data:
            self._link.send(data)

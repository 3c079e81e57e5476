"""Which tasks this worker holds and which it has finished, so that a frame that comes again does no harm.

A new daemon sends again whatever it cannot prove done. It never has more than WINDOW tasks in flight
here, but a second daemon may have died as well: the last 2 x WINDOW results are enough to answer with,
if one that was sent again counts as the latest. They are kept in two halves, and the older half is dropped
as a whole: that is cheaper than one after the other.
"""

from __future__ import annotations

from tmaxd.worker import frames
from tmaxd.worker.frames import Key, Result
from tmaxd.worker.given import MAX_WINDOW
from tmaxd.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

Answer = Result | bytes
"""A short result as it is, since hardly any is ever asked for again, or a frame."""


class Memory:
    """`newer` and `older` may be written to directly, where a call would cost too much: by `finish`'s rule."""

    def __init__(self, window: int) -> None:
        self._enough = 3 * window  # at most `window` of them are held
        self.newer: dict[Key, Answer | None] = {}
        """None: held, and not finished."""
        self._older: dict[Key, Answer | None] = {}

    def sort(self, tasks: Iterable[Task]) -> tuple[list[Task], bytes]:
        """The new ones, which are held from now on, and the result frames to send again."""
        newer, older = self.newer, self._older
        fresh: list[Task] = []
        again: list[bytes] = []
        for task in tasks:
            key = (task.id, task.attempt)
            if key in newer:
                answer = newer[key]
            elif key in older:
                answer = newer[key] = older[key]
            else:
                newer[key] = None
                fresh.append(task)
                continue
            if answer is not None:
                again.append(_frame(answer))
                # The order of a dict is that of the first writing.
                del newer[key]
                newer[key] = answer
        if len(newer) > self._enough:
            self._turn_over()
        return fresh, b"".join(again)

    def finish(self, key: Key, answer: Answer) -> None:
        self.newer[key] = answer

    def held(self, but: Iterable[Task] = ()) -> list[Key]:
        """What is held and not finished, and is not among `but`; callable from any thread."""
        others = {task.key for task in but}
        newer = self.newer.copy()
        older = [k for k, a in self._older.copy().items() if a is None and k not in newer]
        return [k for k in older + [k for k, a in newer.items() if a is None] if k not in others]

    def knows(self, key: Key) -> bool:
        """It is held here, or was finished here not long ago."""
        return key in self.newer or key in self._older

    def results(self) -> bytes:
        """Every result remembered, oldest first; callable from any thread."""
        newer = self.newer.copy()
        older = [a for k, a in self._older.copy().items() if k not in newer]
        answers = [*older, *newer.values()]
        return b"".join([_frame(answer) for answer in answers if answer is not None])

    def _turn_over(self) -> None:
        """What is held has to stay known however long it takes."""
        old, self._older = self._older, self.newer
        self.newer = {k: None for k, a in old.items() if a is None and k not in self._older}


def _frame(answer: Answer) -> bytes:
    return answer if isinstance(answer, bytes) else frames.done(answer[:2], answer[2])


FORESEEN = MAX_WINDOW
"""Cancelled tasks kept in mind: as many as may be in flight."""


class Foreseen:
    """Tasks that were cancelled before they came: they may be under way to us."""

    def __init__(self) -> None:
        self._keys: dict[Key, None] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def add(self, key: Key) -> None:
        self._keys[key] = None
        if len(self._keys) > FORESEEN:
            del self._keys[next(iter(self._keys))]

    def take(self, key: Key) -> bool:
        """Whether it was foreseen; it is forgotten then."""
        if key not in self._keys:
            return False
        del self._keys[key]
        return True

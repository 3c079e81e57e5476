"""A group whose workers share one tasks FIFO: who has what, and what becomes of it when one of them dies.

Any worker may take any record, and says `started` of it before it writes anything else. Between the two nobody
knows who has the task. So when a worker dies:

* what it said it started is lost with it, as everywhere; that is not the affair of this file;
* all records that nobody has read are taken back and written again;
* the others, neither read back nor said to be started, are suspects: the dead worker had them, or a living one
  that has not come to say so. Every living worker is asked (a `ping` with a number); the answer comes after
  whatever it had taken. When all have answered or are dead, nobody living has a suspect, and it is lost.
  If no worker has died since it was leased, it was never written: then it is missing, which costs no attempt. Nor does
  one that an earlier daemon wrote, which may have died with it in its hands.

So no task is with two workers at once, and none stays behind. The same holds when a daemon begins after another one:
what the earlier one knew of who had what is gone, and a worker that is asked says again what it holds.

The driver's part: one `TakeBack` is performed in one piece, in the order of the effects: take the unread records
back, read what all living runs of the group have written so far, and tell the dispatcher of it (`Frames`, `Ready`)
before it is told what was unread. A FIFO that is removed is emptied before, since workers may have it open.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sized
from typing import Final, Protocol

import msgspec

from tmaxd.tasks.events.told import Death
from tmaxd.tasks.frames import Form
from tmaxd.tasks.shared_leases import SharedLeases
from tmaxd.tasks.shared_moves import Moves
from tmaxd.tasks.task import Task

RECORD: Final = 4096
"""Bytes of a record: a frame, its newline, then newlines. Linux writes and reads so much in one piece (PIPE_BUF and
the size of a page, pipe(7))."""

BLANK: Final = b"\n" * RECORD
"""A record that says nothing, for whoever waits for one: it wakes up and sees what stands in its control FIFO."""

AHEAD: Final = 4
"""Tasks a worker that stand in the FIFO though all are busy, so that the next one is there when one is done: whoever is
free takes it, so it waits for nobody in particular."""

MOST_UNREAD: Final = 1024
"""Tasks written and not said to be started, in all; so many records cost 4 MiB."""


def record(line: bytes) -> bytes:
    """A frame of at most RECORD bytes as a record."""
    return line.ljust(RECORD, b"\n")


class Reader(Protocol):
    """A life of the group, as far as it matters here."""

    ready: bool
    window: int
    """Tasks it may hold; 0: it shall have none."""
    form: Form | None

    @property
    def leases(self) -> Sized: ...


class SharedFifo:
    """The tasks that were written to the FIFO of one group and that no worker has said it started.

    Told what happens by its methods; what follows from all that, `moves` says once a step. Times are wall times."""

    __slots__ = (
        "_answered",
        "_asked",
        "_back",
        "_deaths",
        "_form",
        "_number",
        "_restored",
        "_suspects",
        "_taking",
        "_unsaid",
        "_unwanted",
        "_wanted",
        "_workers",
        "group",
        "leases",
    )

    def __init__(self, group: str) -> None:
        self.group = group
        self.leases = SharedLeases(group)
        """To be told of every task of the group that ends or goes back."""
        self._unsaid: dict[int, Task] = {}
        """In the order of writing."""
        self._form: Form | None = None
        """Of what stands in the FIFO."""
        self._restored: set[int] = set()
        """Tasks of them that an earlier daemon wrote, or had taken back when it died."""
        self._unwanted: set[int] = set()
        """Tasks of them that were cancelled."""
        self._wanted = False
        """The unread records are to be taken back."""
        self._taking = False
        """That is under way."""
        self._back: dict[int, Task] = {}
        """What came back in this step."""
        self._number = 0
        """The last occasion on which they were; of the wall time, so that it is later than all of an earlier daemon."""
        self._suspects: dict[int, int] = {}
        """Tasks that were neither read back nor said to be started, and since which occasion."""
        self._answered: dict[str, int] = {}
        """The living runs, and the last occasion such that all they had taken by then is known."""
        self._asked: dict[str, int] = {}
        self._workers: dict[str, str] = {}
        self._deaths: dict[bool, Death] = {}
        """The last one that was excused, and the last one that was not."""

    def __iter__(self) -> Iterator[int]:
        """The ids of the tasks that were written, and that nobody has said it started."""
        return iter(self._unsaid)

    def __len__(self) -> int:
        return len(self._unsaid)

    def __contains__(self, task: int) -> bool:
        """Whether it is one of those."""
        return task in self._unsaid

    def reads(self, run: str) -> bool:
        """Whether the run has joined, and not left."""
        return run in self._workers

    # ---------------------------------------------------------------------------------- tasks

    def room(self, lives: Iterable[Reader]) -> int:
        """How many tasks may be written now, after `moves`: no more than the workers may hold in all, or AHEAD of each
        that takes any. None while the records are being taken back, or while workers read different forms, since any
        may get any record."""
        if self._wanted or self._taking or len({life.form for life in lives if life.ready}) != 1:
            return 0
        seats = [life.window - len(life.leases) for life in lives if life.window]
        most = min(max(sum(seats), AHEAD * len(seats)), MOST_UNREAD)
        return max(most - len(self._unsaid), 0)

    def assigned(self, tasks: Iterable[Task], form: Form) -> None:
        """They are leased by `task.send`, and will be written in this form."""
        self._form = form
        for task in tasks:
            self._unsaid[task.id] = task
            self.leases.add(task)

    def restored(self, task: Task) -> None:
        """An earlier daemon wrote it. All its runs that may live are told by `joined` in the same step."""
        self._unsaid[task.id] = task
        self._restored.add(task.id)
        self.leases.add(task)
        self._wanted = True

    def claim(self, task: int, attempt: int) -> tuple[Task, bool] | None:
        """A run says that it started this task, or has its result: the task and whether it was cancelled meanwhile.
        From now on it is that run's. None: nobody can have it from here."""
        found = self._unsaid.get(task)
        if found is None or found.attempt != attempt or task in self._back:
            return None
        unwanted = task in self._unwanted
        self._forget(task)
        return found, unwanted

    def cancel(self, task: int) -> bool:
        """Whether the task is here. It then ends cancelled if it can be taken back; else it will be claimed."""
        if task not in self._unsaid:
            return False
        self._unwanted.add(task)
        self._wanted = True
        return True

    def _forget(self, task: int) -> Task:
        self._suspects.pop(task, None)
        self._unwanted.discard(task)
        self._restored.discard(task)
        return self._unsaid.pop(task)

    # ----------------------------------------------------------------------------------- runs

    def joined(self, worker: str, run: str) -> None:
        """The run reads the FIFO: it has said that it is ready, before which it took nothing; or it is one of an
        earlier daemon, ready or not, and this is the step of `restored`. Told again, as when it is adopted, it is
        asked again."""
        self._workers[run] = worker
        self._answered.setdefault(run, self._number)
        self._asked.pop(run, None)

    def left(self, worker: str, run: str, excused: bool, now: float, how: str = "died") -> None:
        """The run is dead, or began anew; all that it wrote has been told."""
        self.never(run)
        self.died(Death(worker, self.group, run, now, excused, how))
        self._wanted = True

    def died(self, death: Death) -> None:
        """All that the run wrote has been told."""
        known = self._deaths.get(death.excused)
        if known is None or known.at <= death.at:
            self._deaths[death.excused] = death

    def never(self, run: str) -> None:
        """It turns out that the run, told by `joined` as one of an earlier daemon, has a FIFO of its own."""
        for known in (self._workers, self._answered, self._asked):
            known.pop(run, None)

    def answered(self, run: str, number: int) -> None:
        """The run answered a ping of this number, after all that it held when it saw it."""
        if run in self._answered and number <= self._number:
            self._answered[run] = max(self._answered[run], number)

    def taken_back(self, unread: Collection[tuple[int, int]], now: float) -> None:
        """`TakeBack` was performed: (id, attempt) of what stood in the FIFO."""
        self._taking = False
        self._number = max(self._number + 1, int(now * 1000))
        for task in self._unsaid.values():
            if (task.id, task.attempt) in unread:
                self._back[task.id] = task
                self._suspects.pop(task.id, None)
            else:
                self._suspects.setdefault(task.id, self._number)

    # ---------------------------------------------------------------------------------- moves

    def moves(self, lives: Iterable[Reader], open_: bool) -> Moves:
        """What follows. `lives` are those of the group; `open_`: it is in the spec, and shared."""
        forms = {life.form for life in lives if life.ready}
        again, returned = self._sort_back(open_ and len(forms) == 1)
        if again:
            (self._form,) = forms
            self._restored.difference_update(task.id for task in again)
        nobodys = self._with_nobody()
        ends = [*nobodys, *returned]
        moves = Moves(
            returned=[task for task in returned if task.id not in self._unwanted],
            cancelled=[task for task in ends if task.id in self._unwanted],
            again=again,
        )
        for task in nobodys:
            death = self._death(task)
            if task.id in self._unwanted:
                continue
            if death is None:
                moves.missing.append(task)
            else:
                moves.lost.append((task, death))
        for task in ends:
            self._forget(task.id)
        asked, take_back = self._ask(), self._take_back(open_, forms)
        return msgspec.structs.replace(moves, ask=asked, number=self._number, take_back=take_back)

    def _sort_back(self, on: bool) -> tuple[list[Task], list[Task]]:
        """What came back: (to be written again, not to be)."""
        again: list[Task] = []
        returned: list[Task] = []
        for task in self._back.values():
            (again if on and task.id not in self._unwanted else returned).append(task)
        self._back.clear()
        return again, returned

    def _with_nobody(self) -> list[Task]:
        """The suspects that no living run can have."""
        known = min(self._answered.values(), default=self._number)
        return [self._unsaid[task] for task, since in self._suspects.items() if since <= known]

    def _death(self, task: Task) -> Death | None:
        """By which the task was most likely lost. What was written before this daemon began may as well have been in
        the hands of the one before, which had taken it back: then no run is to blame, and the task has not spent an
        attempt. One that kills its worker is not spared by that: whoever takes a task says so first."""
        for excused in (False, True):
            death = self._deaths.get(excused)
            if death is not None and death.at >= task.sent:
                unsure = task.id in self._restored
                return msgspec.structs.replace(death, excused=True) if unsure else death
        return None

    def _ask(self) -> list[tuple[str, str]]:
        """The runs whose answer is wanted and that were not asked since it is."""
        since = max(self._suspects.values(), default=0)
        runs = [
            run
            for run, known in self._answered.items()
            if known < since and self._asked.get(run, 0) < since
        ]
        self._asked.update(dict.fromkeys(runs, self._number))
        return [(self._workers[run], run) for run in runs]

    def _take_back(self, open_: bool, forms: set[Form | None]) -> bool:
        """Whether there is something to take back now, and a reason to."""
        wanted = self._wanted or not open_ or bool(forms - {self._form})
        self._wanted = False
        if self._taking or not wanted or len(self._unsaid) == len(self._suspects):
            return False
        self._taking = True
        return True

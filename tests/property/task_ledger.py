"""What people were told of their tasks, held against what is on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from tests.property.task_program import Program
from tmaxd.tasks import events as ev
from tmaxd.tasks.policy import Route
from tmaxd.tasks.records import Assigned, Options, Requeued, Revived, Submitted, TaskRecord
from tmaxd.testing.disk import Disk

ROUTES = (Route(to=("b",), payload="of {task}"),)
"""Those of group `a`, always."""

OVER = ("done", "dead", "cancelled")


class Ledger:
    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.accepted: set[int] = set()
        self.ended: Counter[int] = Counter()
        """How often people were told that a task is over."""
        self.revivals: Counter[int] = Counter()
        self.keys: dict[str, int] = {}
        self.submits: dict[int, ev.Submit] = {}
        """Those that are not answered."""
        self.orders: dict[int, Sequence[int]] = {}
        """Cancels and retries that are not answered."""
        self.options: dict[int, Options] = {}

    def forget(self) -> None:
        """The daemon is dead: nobody will answer."""
        self.submits.clear()
        self.orders.clear()

    # ------------------------------------------------------------------------------ records

    def check(self, records: Sequence[TaskRecord], runs: dict[str, Program], now: float) -> None:
        """What a run began is never called unsent, nor given back. (A run that was sent something again may have begun
        the first of two frames and left the second unread, which the next daemon cannot tell.) Nothing is sent before
        or after its time."""
        for record in records:
            if isinstance(record, Submitted):
                ids = range(record.first_id, record.first_id + len(record.payloads))
                self.options.update(dict.fromkeys(ids, record.options))
            elif isinstance(record, Revived):
                self.revivals[record.id] += 1
                options = self.options[record.id]
                self.options[record.id] = msgspec.structs.replace(options, due=None, expires=None)
            elif isinstance(record, Requeued) and record.outcome in ("unsent", "returned"):
                program = runs[record.run]
                may = program.repeated and record.outcome == "unsent"
                assert may or (record.id, record.attempt) not in program.begun
            elif isinstance(record, Assigned):
                for options in [self.options[task] for task in record.ids]:
                    assert options.due is None or options.due <= now
                    assert options.expires is None or options.expires > now

    # ------------------------------------------------------------------------------ answers

    def answered(self, effect: ev.Accepted | ev.Denied) -> None:
        submit = self.submits.pop(effect.token)
        if isinstance(effect, ev.Denied):
            reasons = ("unknown_group", "queue_full", "key_conflict", "bad_option", "journal")
            assert effect.reason in reasons
            return
        ids = range(effect.first_id, effect.first_id + effect.count)
        wanted = list(submit.payloads) * len(submit.groups)
        assert [self.disk.entries[task].payload for task in ids] == wanted
        self.accepted.update(ids)
        key = submit.options.key
        if key is not None:
            assert self.keys.setdefault(key, ids[0]) == ids[0]

    def told(self, effect: ev.Verdicts) -> None:
        wanted = self.orders.pop(effect.token)
        assert [task for task, _ in effect.tasks] == list(dict.fromkeys(wanted))
        for task, verdict in effect.tasks:
            if verdict in ("unknown", "unreadable"):
                continue
            assert task in self.disk.entries
            if verdict in ("cancelled", "ended"):
                assert self.revivals[task] or self.state(task) in OVER

    def over(self, effect: ev.Ended) -> None:
        for task, state in effect.tasks:
            self.ended[task] += 1
            assert self.ended[task] <= 1 + self.revivals[task], f"task {task} ended twice"
            assert self.revivals[task] or self.state(task) == state
            assert state != "done" or self.disk.entries[task].result == f"ok {task}"

    def state(self, task: int) -> str:
        return self.disk.entries[task].row.state

    # ------------------------------------------------------------------------------ the end

    def all_is_over(self) -> bool:
        return all(entry.row.state in OVER for entry in self.disk.entries.values())

    def close(self) -> None:
        """Nothing is open, and each task that group `a` has done has made one of group `b`, and no other has."""
        assert not self.submits
        assert not self.orders
        assert not self.disk.sends
        assert self.accepted <= self.disk.entries.keys()
        entries = self.disk.entries
        for task, entry in entries.items():
            assert entry.row.state in OVER, f"task {task} stays {entry.row.state}"
        sources = [entry.row.source for entry in entries.values() if entry.row.source is not None]
        wanted = [
            task
            for task, entry in entries.items()
            if (entry.row.group, entry.row.state) == ("a", "done")
        ]
        assert sorted(sources) == sorted(wanted)

"""The runner asks for several tasks while they are quick; none waits behind a long one while a worker is idle."""

from __future__ import annotations

import time

from tests.e2e.fleet import DEADLINE, Fleet
from tests.e2e.programs import ledger_task, open_gate

QUICK = 6


def has_grown(fleet: Fleet) -> bool:
    """Both workers are seen with more than one task, of some quick ones more."""
    fleet.submit("work", ["quick"] * 40)
    held = [int(worker["in_flight"]) for worker in fleet.workers("work").values()]
    return min(held) > 1


def behind_a_long_one(fleet: Fleet) -> list[str]:
    """How the earlier attempts ended of quick tasks that came with a long one, and were done while it ran."""
    fleet.wait_for(lambda: has_grown(fleet), "the workers want more than one task")
    fleet.wait_for(lambda: not fleet.rows("work", "queued", "sent", "running"), "they are done")
    long, *quick = fleet.submit("work", ["hold", *["quick"] * QUICK])
    fleet.wait_for(
        lambda: {fleet.story(task)["task"]["state"] for task in quick} == {"done"},
        "the others are done while one worker is busy",
    )
    assert fleet.story(long)["task"]["state"] == "running"
    open_gate(fleet.folder)
    fleet.wait_for(lambda: fleet.story(long)["task"]["state"] == "done", "the long one is done")
    (fleet.folder / "gate").unlink()
    stories = [fleet.story(task) for task in quick]
    assert {story["task"]["started"] is not None for story in stories} == {True}
    return [attempt["outcome"] for story in stories for attempt in story["attempts"]]


def test_quick_tasks_do_not_wait_behind_a_long_one(fleet: Fleet) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 2)})
    fleet.start()
    end = time.monotonic() + 2 * DEADLINE
    # On a busy machine a quick task may have been a long one just before: then a worker holds only one.
    while not (ended := behind_a_long_one(fleet)):
        assert time.monotonic() < end, "no task was ever given back"
    assert set(ended) == {"returned"}
    assert len(ended) < QUICK

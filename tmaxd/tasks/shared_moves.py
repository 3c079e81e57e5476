"""What has to be brought about of what is found out about a shared FIFO (`shared`). Values only."""

from __future__ import annotations

import msgspec

from tmaxd.tasks.events.told import Death
from tmaxd.tasks.task import Task


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """What a step has to bring about. In this order: the ends, the leases' records, `again`, `ask`, `take_back`."""

    lost: list[tuple[Task, Death]] = []
    """Nobody has them. With the run that most likely had: outcome `lost`, or `interrupted` where its death was
    excused."""
    missing: list[Task] = []
    """Nobody has them, and no run died that could have had: a daemon did, before it had written them. They are
    `returned`, which counts against nothing, and yet changes the number: a run that nobody knows of may have them."""
    cancelled: list[Task] = []
    """To be ended so; they never began."""
    returned: list[Task] = []
    """Nobody has read them, and nobody will: they go back to the queue, `unsent`."""
    again: list[Task] = []
    """To be written again, under the leases that they have."""
    ask: list[tuple[str, str]] = []
    """(worker, run) to send a ping with `number`; one that is not ready then is asked when it has joined once more. One
    that waits at the FIFO looks at once if `BLANK` is written for each before `again`."""
    number: int = 0
    take_back: bool = False

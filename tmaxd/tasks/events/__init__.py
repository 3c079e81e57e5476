"""What the dispatcher is told (events), what it asks of the disk (queries), and what it wants done (effects).

All of it plain values. The driver's part, which the dispatcher's promises rest on:

1. It gives a step's `records` to the journal, and only then performs the step's `queries`, at once.
2. It performs the `effects` of a step, in order, once the step's records are on disk, and those of the
   earlier steps before.
3. A `Send` is dropped when its run is no longer alive, or its `life` is not the run's present one.
4. The results that a dead run left in its FIFO are given as `Frames` before its `Gone`.
5. What a run writes after its `ready` is given after its `Ready`, and what it wrote before, before.
6. `TakeBack` is performed in one piece: the unread records are taken back, what all living runs of the group have
   written so far is told (`Frames`, `Ready`), then `TakenBack`. It may wait for runs that are about to be known.
"""

from __future__ import annotations

from tmaxd.tasks.events.effects import (
    Accepted,
    Control,
    Denied,
    DenyReason,
    Effect,
    Ended,
    Forgotten,
    Publish,
    Send,
    SendShared,
    Spool,
    Step,
    TakeBack,
    Unspool,
    Verdict,
    Verdicts,
)
from tmaxd.tasks.events.queries import (
    FindKey,
    FindTasks,
    LoadDue,
    LoadExpired,
    LoadPage,
    PurgeTasks,
    Query,
)
from tmaxd.tasks.events.told import (
    Adopted,
    Cancel,
    Counts,
    Death,
    DueLoaded,
    Event,
    ExpiredLoaded,
    Forget,
    Frames,
    Gone,
    Groups,
    Hold,
    KeyFound,
    Loaded,
    Ready,
    Restored,
    Retry,
    Submit,
    TakenBack,
    TasksFound,
    TasksPurged,
    Tick,
)

__all__ = [
    "Accepted",
    "Adopted",
    "Cancel",
    "Control",
    "Counts",
    "Death",
    "Denied",
    "DenyReason",
    "DueLoaded",
    "Effect",
    "Ended",
    "Event",
    "ExpiredLoaded",
    "FindKey",
    "FindTasks",
    "Forget",
    "Forgotten",
    "Frames",
    "Gone",
    "Groups",
    "Hold",
    "KeyFound",
    "LoadDue",
    "LoadExpired",
    "LoadPage",
    "Loaded",
    "Publish",
    "PurgeTasks",
    "Query",
    "Ready",
    "Restored",
    "Retry",
    "Send",
    "SendShared",
    "Spool",
    "Step",
    "Submit",
    "TakeBack",
    "TakenBack",
    "TasksFound",
    "TasksPurged",
    "Tick",
    "Unspool",
    "Verdict",
    "Verdicts",
]

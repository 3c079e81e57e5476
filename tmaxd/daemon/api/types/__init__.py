"""What the API answers: plain values that become JSON as they stand.

`schemas/api.openapi.yaml` is generated from these structs (`openapi.py`), and `tmaxctl` renders them.
Every time is wall time, in seconds since the epoch, unless its name says otherwise.
"""

from __future__ import annotations

from tmaxd.daemon.api.types.awaited import Await, Awaited, AwaitFor, Missing
from tmaxd.daemon.api.types.conditions import Condition
from tmaxd.daemon.api.types.events import Event, EventList
from tmaxd.daemon.api.types.orders import Order, Ordered
from tmaxd.daemon.api.types.refused import Refused
from tmaxd.daemon.api.types.revisions import (
    ChangedKey,
    Difference,
    RevisionList,
    RevisionRow,
    Rollback,
    RolledBack,
)
from tmaxd.daemon.api.types.spec import (
    PlannedAction,
    PlannedSetting,
    PlanResult,
    ProblemReport,
    ReloadResult,
    SpecStatus,
    report,
)
from tmaxd.daemon.api.types.status import (
    ChainLink,
    Channel,
    GroupStatus,
    InboxStatus,
    JournalStatus,
    Leftover,
    OutboxStatus,
    Ping,
    PoolStatus,
    RolledBackGroup,
    RouteStatus,
    Status,
    Stopping,
    TmuxStatus,
    WorkerState,
    WorkerStatus,
)
from tmaxd.daemon.api.types.tasks import (
    Accepted,
    AllAccepted,
    NewTask,
    Priority,
    Seconds,
    Story,
    Submission,
    TaskChoice,
    TaskEnd,
    TaskList,
    TaskProgress,
    TaskVerdict,
    WaitFor,
    Word,
)

__all__ = [
    "Accepted",
    "AllAccepted",
    "Await",
    "AwaitFor",
    "Awaited",
    "ChainLink",
    "ChangedKey",
    "Channel",
    "Condition",
    "Difference",
    "Event",
    "EventList",
    "GroupStatus",
    "InboxStatus",
    "JournalStatus",
    "Leftover",
    "Missing",
    "NewTask",
    "Order",
    "Ordered",
    "OutboxStatus",
    "Ping",
    "PlanResult",
    "PlannedAction",
    "PlannedSetting",
    "PoolStatus",
    "Priority",
    "ProblemReport",
    "Refused",
    "ReloadResult",
    "RevisionList",
    "RevisionRow",
    "Rollback",
    "RolledBack",
    "RolledBackGroup",
    "RouteStatus",
    "Seconds",
    "SpecStatus",
    "Status",
    "Stopping",
    "Story",
    "Submission",
    "TaskChoice",
    "TaskEnd",
    "TaskList",
    "TaskProgress",
    "TaskVerdict",
    "TmuxStatus",
    "WaitFor",
    "Word",
    "WorkerState",
    "WorkerStatus",
    "report",
]

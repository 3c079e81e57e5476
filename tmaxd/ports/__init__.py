"""The ports: what the daemon needs from the world, as Protocols and plain values.

Each port has one real adapter in `tmaxd/world/` and one fake in `tmaxd/testing/`, and one contract
suite in `tests/contract/` that both must pass. Nothing here does anything.

Two rules hold for every port:

* **Unknown is never absent.** A look that fails or comes back partial raises `Unknown`; it never
  returns an empty or shortened answer.
* **Every call has a deadline** of its own; a call that runs out of it raises `Unknown`.
"""

from __future__ import annotations

from tmaxd.ports.clock import Clock
from tmaxd.ports.errors import Unknown, WorldError
from tmaxd.ports.files import Files, Spooled
from tmaxd.ports.journal import (
    EventFilter,
    EventRow,
    Journal,
    JournalError,
    Recovered,
    Revision,
    RevisionRow,
    RunOver,
    RunRecord,
)
from tmaxd.ports.pipes import RECORD, PipeKind, PipeProblem, Pipes, PipeTrouble
from tmaxd.ports.processes import Proc, Processes
from tmaxd.ports.tmux import (
    Handover,
    Labels,
    Launch,
    Launched,
    Pane,
    Refused,
    ServerId,
    Tmux,
    TmuxView,
)

__all__ = [
    "RECORD",
    "Clock",
    "EventFilter",
    "EventRow",
    "Files",
    "Handover",
    "Journal",
    "JournalError",
    "Labels",
    "Launch",
    "Launched",
    "Pane",
    "PipeKind",
    "PipeProblem",
    "PipeTrouble",
    "Pipes",
    "Proc",
    "Processes",
    "Recovered",
    "Refused",
    "Revision",
    "RevisionRow",
    "RunOver",
    "RunRecord",
    "ServerId",
    "Spooled",
    "Tmux",
    "TmuxView",
    "Unknown",
    "WorldError",
]

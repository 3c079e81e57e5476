"""A death that the suite dealt. A value only."""

from __future__ import annotations

import msgspec


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """Times as CLOCK_MONOTONIC in ns, before the signal and when the process was gone."""

    what: str
    """`daemon`, `worker`, `job` or `tmux`."""
    pid: int
    start: int
    before: int
    gone: int
    worker: str = ""
    """Of a worker: its name when it was started; one that was a spare has another since."""
    run: str = ""
    """Of whatever belongs to one."""

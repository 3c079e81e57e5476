"""Tasks of the made-up fleet: how they are is told by how their payloads begin."""

from __future__ import annotations

from typing import Any

from tmaxd.daemon.api.types import Story, TaskProgress
from tmaxd.tasks.records import AttemptRow, Options, TaskRow

START = 1_700_000_000.0

ENDS: Any = {"done": "done", "dead": "dead", "cancelled": "cancelled"}


def made_up(id: int, group: str, payload: str, options: Options) -> Story:
    word = payload[:4]
    state: Any = {"fail": "dead", "slow": "queued", "long": "running"}.get(word, "done")
    if options.due is not None:
        state = "delayed"
    begun = state not in ("queued", "delayed")
    task = TaskRow(
        id=id,
        group=group,
        state=state,
        attempt=0 if not begun else 2 if state == "dead" else 1,
        submitted=START,
        payload=payload[:200],
        worker="check-1" if begun else None,
        run="r1" if begun else None,
        sent=START + 1.25 if begun else None,
        started=START + 1.5 if begun else None,
        ended=START + 2.0 if state in ENDS else None,
        outcome="failed" if state == "dead" else "done" if state == "done" else None,
        error="exit status 3" if state == "dead" else None,
        due=options.due,
        priority=options.priority,
        key=options.key,
        affinity=options.affinity,
        expires=options.expires,
        # In the place of a route.
        source=int(payload.split(" ")[1]) if payload.startswith("made") else None,
    )
    earlier = AttemptRow(
        attempt=1,
        worker="check-2",
        run="r0",
        outcome="lost",
        error="",
        sent=START + 0.2,
        started=START + 0.25,
        ended=START + 1.0,
    )
    return Story(
        task=task,
        payload=payload,
        result=f"did {payload}" if state == "done" else None,
        result_file=None,
        attempts=(earlier,) if state == "dead" else (),
        progress=TaskProgress(done=3, total=10, note="half", at=START + 2)
        if state == "running"
        else None,
    )

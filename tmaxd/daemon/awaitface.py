"""Waiting until workers are as somebody wants them. A part of the implementation of `api.facade`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.face import UnknownTarget
from tmaxd.daemon.intents import Target
from tmaxd.daemon.statusface import StatusFacade

MOST_NAMED = 100
LOOK_EVERY = 0.1
"""Seconds between two looks where no pass comes: that a worker has done its tasks needs none."""

ALIVE = frozenset({"running", "idle", "busy", "draining", "unhealthy"})


class AwaitFacade(StatusFacade):
    """Everything here runs in the loop's thread."""

    async def awaited(self, wish: t.Await) -> t.Awaited:
        try:
            targets = [self._target(name) for name in dict.fromkeys(wish.targets)]
        except UnknownTarget as error:
            raise Denied("unknown_target", str(error)) from None
        missing, back = self._look(wish, targets)
        try:
            async with asyncio.timeout(wish.timeout):
                await self._fleet.looked()  # what was ordered just now is seen from then on
                while True:
                    missing, back = self._look(wish, targets)
                    if back or not missing or _is_in_vain(wish.for_, missing):
                        break
                    await self._something_new()
        except TimeoutError:
            pass
        return t.Awaited(
            met=not missing and not back,
            missing=_named(missing),
            count=len(missing),
            failed_changes=back,
        )

    def _look(
        self, wish: t.Await, targets: Sequence[Target]
    ) -> tuple[list[t.WorkerStatus], tuple[t.FailedChange, ...]]:
        """Who is not so far; and the changes that have failed, where these are asked about."""
        missing = self._missing(wish, targets)
        if wish.for_ != "settled":
            return missing, ()
        groups = {target.group for target in targets}
        return missing, tuple(
            change for change in self._failed_changes() if not targets or change.group in groups
        )

    async def _something_new(self) -> None:
        """A pass, or time for tasks to end. Passes are not asked for: they come when something happens."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await self._fleet.passed()

    def _missing(self, wish: t.Await, targets: Sequence[Target]) -> list[t.WorkerStatus]:
        """Those that are not so far. Nobody who ended well is waited for, nor whom an operator has stopped, unless it
        is asked just for that."""
        wanted = {w for target in targets for w in self._workers_of(target)}
        spec = self._spec()
        self.note_conditions()
        checked = {name for name, group in spec.workers.items() if group.health is not None}
        return [
            w
            for w in self._workers(spec, self._fleet.flow.view())
            if (not targets or w.name in wanted)
            and not _is_so_far(w, wish.for_, checked=w.group in checked)
        ]


def _named(workers: Sequence[t.WorkerStatus]) -> tuple[t.Missing, ...]:
    return tuple(not_up(w) for w in workers[:MOST_NAMED])


def not_up(w: t.WorkerStatus, why: str = "") -> t.Missing:
    """`why`: what one that lives waits for, in words."""
    held = f"{w.pending}: waits, since it is {' and '.join(w.held_by)}" if w.held_by else ""
    message = why if why and w.pid is not None else w.message or held
    return t.Missing(worker=w.name, state=w.state, reason=w.reason, message=message)


def _is_in_vain(wanted: t.AwaitFor, missing: Sequence[t.WorkerStatus]) -> bool:
    """One of them has failed for good, and somebody would have to start it."""
    return wanted != "stopped" and any(w.state == "failed" for w in missing)


def _is_so_far(w: t.WorkerStatus, wanted: t.AwaitFor, *, checked: bool) -> bool:
    """`checked`: its group has a health check, so that nobody is healthy before that has said so."""
    match wanted:
        case "stopped":
            return w.pid is None and w.state in ("stopped", "finished", "failed", "absent")
        case "finished":
            return w.state == "finished"
        case "settled" | "obeyed":
            return _is_settled(w)
    if w.state in ("stopped", "finished"):
        return True
    if wanted == "started":
        return w.pid is not None
    if wanted == "ready":
        return w.ready and w.state in ALIVE
    if wanted == "healthy":
        return w.ready and (w.healthy is True or (w.healthy is None and not checked))
    return w.ready and not w.in_flight  # idle


def _is_settled(w: t.WorkerStatus) -> bool:
    """A pin is an order too: what it holds back is as it was asked for. A restart that was ordered is not, wherever it
    waits."""
    if w.state in ("stopped", "finished"):
        return True
    nothing_due = w.pending in (None, "paused") or "pinned" in w.held_by
    return w.state in ALIVE and nothing_due and "restart" not in w.orders and w.ready

"""What operators ask of groups and workers, on its way to the intents. A part of the implementation of `api.facade`."""

from __future__ import annotations

from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.face import FleetFace, UnknownTarget
from tmaxd.daemon.intents import Intents, Target
from tmaxd.plan.draft import split
from tmaxd.spec.model import Spec


class OrderFacade(FleetFace):
    """Everything here runs in the loop's thread."""

    async def order(self, order: t.Order) -> t.Ordered:
        fleet, spec = self._fleet, self._spec()
        targets = self._targets(order, spec)
        _check(order, targets)
        trouble = fleet.journal.trouble()
        if trouble is not None:
            raise Denied("journal", f"nothing can be ordered: {trouble}")
        workers = tuple(
            sorted({w for target in targets for w in self._workers_of(target)}, key=split)
        )
        self._obey(order, targets, spec)
        fleet.log.info(
            "ordered",
            order=order.do,
            targets=tuple(target.name for target in targets),
            count=order.count,
            now=order.now or None,
        )
        fleet.events.flush()
        await self._durable()
        return t.Ordered(
            do=order.do,
            groups=tuple(target.name for target in targets if target.level == "group"),
            workers=workers,
        )

    def _targets(self, order: t.Order, spec: Spec) -> tuple[Target, ...]:
        if order.all == bool(order.targets):
            raise Denied("bad_order", "name groups or workers in `targets`, or say `all`, not both")
        if order.all:
            return tuple(Target("group", name) for name in spec.workers)
        try:
            return tuple(self._target(name) for name in dict.fromkeys(order.targets))
        except UnknownTarget as error:
            raise Denied("unknown_target", str(error)) from None

    def _obey(self, order: t.Order, targets: tuple[Target, ...], spec: Spec) -> None:
        fleet = self._fleet
        for target in targets:
            workers = self._workers_of(target)
            count = spec.workers[target.group].count
            runs = self._runs(workers, ended_only=order.do == "start")
            _note(fleet.desired.intents, order, target, count, fleet.clock.wall(), runs)
        if order.do == "scale":
            fleet.desired.rescale()
        fleet.wake()

    def _runs(self, workers: set[str], *, ended_only: bool) -> dict[str, str]:
        """Of each worker the run that lives, or else the one that has ended last, where that is known."""
        fleet = self._fleet
        seen, slots = fleet.state.look.observed.seen, fleet.history.slots
        found: dict[str, str] = {}
        for worker in sorted(workers):
            live = fleet.runs.live.get(worker)
            if live is not None and live.alive:
                if not ended_only:
                    found[worker] = live.run
            elif worker in seen:
                found[worker] = seen[worker].run
            elif worker in slots and slots[worker].ended_run:
                found[worker] = slots[worker].ended_run
        return found


def _check(order: t.Order, targets: tuple[Target, ...]) -> None:
    if (order.count is not None) != (order.do == "scale"):
        raise Denied("bad_order", "`count` goes with `scale`, and `scale` with `count`")
    if order.now and order.do not in ("stop", "restart"):
        raise Denied("bad_order", f"`now` goes with `stop` and `restart`, not with `{order.do}`")
    worker = next((target.name for target in targets if target.level == "worker"), None)
    if order.do == "scale" and worker is not None:
        raise Denied("bad_order", f"{worker} is a worker; groups are scaled")


def _note(
    intents: Intents, order: t.Order, target: Target, count: int, at: float, runs: dict[str, str]
) -> None:
    """`count`: what the file says of the group."""
    match order.do:
        case "start":
            intents.start(target, count, at, runs)
        case "stop" | "drain":
            intents.stop(target, count, at, drain=order.do == "drain", force=order.now)
        case "restart":
            intents.restart(target, count, at, runs, force=order.now)
        case "pause" | "resume":
            intents.pause(target, count, at, on=order.do == "pause")
        case "pin" | "unpin":
            intents.pin(target, count, at, on=order.do == "pin")
        case "scale":
            intents.scale(target.name, count if order.count is None else order.count, count, at)

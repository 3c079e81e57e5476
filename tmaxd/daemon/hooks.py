"""Commands that the spec wants run on events: few at a time, each with a deadline, the event on standard input.

A hook decides nothing and holds nothing up. When more events come than its commands can take, the oldest that wait are
passed over, which is an event of its own; those of hooks call no hooks, or a failing one would call itself for ever.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from tmaxd.daemon.log import EventLog
from tmaxd.ports import EventRow
from tmaxd.ports.probes import Exec, Probes
from tmaxd.spec.event_names import hook_names
from tmaxd.spec.model import Hook

AT_ONCE = 4
"""Commands that run at the same time."""

WAITING = 256
"""Events that wait for a free one; a crash of a whole fleet is as many."""

OWN = frozenset({"hook_failed", "hooks_skipped"})


class Hooks:
    """One a daemon, in the event loop's thread. `environment` is what every hook gets beside its event."""

    def __init__(
        self,
        probes: Probes,
        log: EventLog,
        environment: Mapping[str, str],
        cwd: str,
        clean: Callable[[], Awaitable[None]],
    ) -> None:
        """`clean` returns when the hooks of an earlier daemon were ended."""
        self._probes = probes
        self._log = log
        self._environment = environment
        self._cwd = cwd
        self._clean = clean
        self._rules: Mapping[str, tuple[Hook, ...]] = {}
        self._waiting: deque[tuple[Hook, EventRow]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._skipped = 0
        self._failing: dict[tuple[str, ...], tuple[int, str]] = {}
        """Commands that failed when they were last run: how often in a row, and why."""

    def rules(self, rules: Mapping[str, tuple[Hook, ...]]) -> None:
        """What the spec in force says. Of what waits already nothing is changed."""
        self._rules = rules
        there = {hook.argv for hooks in rules.values() for hook in hooks}
        self._failing = {argv: bad for argv, bad in self._failing.items() if argv in there}

    def take(self, event: EventRow) -> None:
        """Something happened."""
        if not self._rules or event.name in OWN:
            return
        names = hook_names(event.name, event.reason)
        for hook in (hook for name in names for hook in self._rules.get(name, ())):
            if len(self._waiting) >= WAITING:
                self._waiting.popleft()
                self._skipped += 1
            self._waiting.append((hook, event))
        self._go_on()

    def close(self) -> None:
        """The daemon ends: what runs is ended, what waits is not run."""
        self._waiting.clear()
        for task in self._running:
            task.cancel()

    def _go_on(self) -> None:
        while self._waiting and len(self._running) < AT_ONCE:
            hook, event = self._waiting.popleft()
            task = asyncio.get_running_loop().create_task(self._run(hook, event))
            self._running.add(task)
            task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._skipped and not self._waiting:
            skipped, self._skipped = self._skipped, 0
            self._log.warning(
                "hooks_skipped",
                count=skipped,
                text="  more events came than their hooks could take",
            )
        if not task.cancelled():
            self._go_on()

    async def _run(self, hook: Hook, event: EventRow) -> None:
        told = as_json(event)
        env = {
            **self._environment,
            "TMAX_EVENT": event.name,
            "TMAX_EVENT_WORKER": event.worker,
            "TMAX_EVENT_GROUP": event.group,
        }
        command = Exec(hook.argv, env, self._cwd, told)
        await self._clean()
        answer = await self._probes.ask(command, float(hook.timeout))
        if answer.good:
            self._failing.pop(hook.argv, None)
            return
        last = answer.output.splitlines()[-1:]
        why = ": ".join([answer.why, *last])
        times = self._failing.get(hook.argv, (0, ""))[0] + 1
        self._failing[hook.argv] = (times, why)
        self._log.warning(
            "hook_failed", command=hook.argv[0], hook=event.name, seq=event.seq, text=f"  {why}"
        )

    def problems(self) -> tuple[str, ...]:
        """Commands that failed when they were last run, each one sentence."""
        return tuple(
            f"the hook `{' '.join(argv)}` failed {times} times in a row, at last: {why}"
            if times > 1
            else f"the hook `{' '.join(argv)}` failed: {why}"
            for argv, (times, why) in self._failing.items()
        )


def as_json(event: EventRow) -> bytes:
    """One line, as the API gives it (`types.Event`, which this must not import: the workers would start later)."""
    words = {key: getattr(event, key) for key in ("seq", "at", "first", "count", "level")}
    words |= {"event": event.name}
    words |= {key: getattr(event, key) for key in ("worker", "group", "reason")}
    return msgspec.json.encode(words | {"fields": msgspec.Raw(event.fields.encode())}) + b"\n"

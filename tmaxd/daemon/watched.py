"""A run whose readiness and health are asked for: its checks, and how far these are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tmaxd.daemon.listening import Listening
from tmaxd.daemon.questions import readiness
from tmaxd.daemon.runs import LiveRun
from tmaxd.plan.gauge import Gauge, Silence
from tmaxd.spec.fingerprint import fingerprint
from tmaxd.spec.model import Group
from tmaxd.spec.supervision import Health, Ready


@dataclass(slots=True, eq=False)
class Watched:
    """Of one run."""

    live: LiveRun
    group: Group
    born: Group | None = None
    """The group as it was when the run was started: a command that asks for it gets that environment and that folder,
    also while a change waits for the run's end. None: not known, since an earlier daemon started it from a spec that
    is no longer in force."""
    check: Ready | None = None
    """What it has to pass to be ready, besides saying so where it takes tasks."""
    health: Health | None = None
    passed: bool = False
    """`check` was passed, or there is none."""
    tries: int = 0
    listening: Listening | None = None
    gauge: Gauge = field(default_factory=Gauge)
    silence: Silence | None = None
    asking: asyncio.Task[None] | None = None

    def can_ask(self, check: Ready | Health | None) -> bool:
        """A command in an environment that is not the run's own would say nothing about it."""
        return check is not None and (check.exec is None or self.born is not None)

    def settle(self, group: Group) -> bool:
        """Take over the checks of the group as it is now; one that is another than before begins anew. True: what is
        asked at the moment is no longer what was."""
        self.group = group
        check, changed = readiness(group), False
        if self.born is None and self.live.fingerprint in ("", fingerprint(group)):
            self.born, changed = group, True
        if check != self.check:
            self.check, self.passed = check, check is None
            self.tries, self.listening = 0, None
            changed = changed or not self.live.ready
        if group.health != self.health:
            self.health, self.gauge, self.silence = group.health, Gauge(), None
            self.live.healthy = self.live.healthy_since = None
            changed = changed or self.live.ready
        if changed:
            self.live.probe = ""
        return changed

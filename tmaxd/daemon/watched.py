"""A run whose readiness and health are asked for: its checks, and how far these are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tmaxd.daemon.listening import Listening
from tmaxd.daemon.questions import readiness
from tmaxd.daemon.runs import LiveRun
from tmaxd.plan.gauge import Gauge, Silence
from tmaxd.spec.model import Group
from tmaxd.spec.supervision import Health, Ready


@dataclass(slots=True, eq=False)
class Watched:
    """Of one run."""

    live: LiveRun
    group: Group
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

    def settle(self, group: Group) -> bool:
        """Take over the checks of the group as it is now; one that is another than before begins anew. True: what is
        asked at the moment is no longer what was."""
        self.group = group
        check, changed = readiness(group), False
        if check != self.check:
            self.check, self.passed = check, check is None
            self.tries, self.listening = 0, None
            changed = not self.live.ready
        if group.health != self.health:
            self.health, self.gauge, self.silence = group.health, Gauge(), None
            self.live.healthy = self.live.healthy_since = None
            changed = changed or self.live.ready
        if changed:
            self.live.probe = ""
        return changed

"""What a group's spec says of how its workers are kept, as numbers: the planner's own words for it. All in seconds."""

from __future__ import annotations

from typing import Literal

import msgspec

Condition = Literal["started", "ready", "healthy", "finished"]


class StopRules(msgspec.Struct, frozen=True, kw_only=True):
    signal: str = "TERM"
    keys: tuple[str, ...] = ()
    """Typed into the terminal before the signal."""
    after: float = 10.0
    """From one step to the next: keys, signal, SIGKILL."""
    drain: float | None = None
    """From the order to the first step, while it holds tasks; None: as long as they take."""


class BackoffRules(msgspec.Struct, frozen=True, kw_only=True):
    first: float = 0.0
    factor: float = 2.0
    max: float = 60.0
    jitter: float = 0.1
    reset_after: float = 10.0


class LimitRules(msgspec.Struct, frozen=True, kw_only=True):
    crashes: int
    within: float
    retry_every: float | None
    """In quarantine; None: it stays down."""


class RestartRules(msgspec.Struct, frozen=True, kw_only=True):
    policy: Literal["always", "on_failure", "never"] = "always"
    success: frozenset[int] = frozenset({0})
    """Of each of the three: exit statuses, and minus the numbers of signals."""
    failure: frozenset[int] = frozenset()
    permanent: frozenset[int] = frozenset()
    backoff: BackoffRules = BackoffRules()
    limit: LimitRules | None = None


class RolloutRules(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers are of workers; a share of the count has become one before it comes here."""

    max_unavailable: int = 1
    surge: int = 0
    canary: int = 0
    canary_for: float = 60.0
    healthy_for: float = 0.5
    pause: float = 0.0
    rollback: bool = True


class ThresholdRules(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes; None: no such threshold. Each counts once it was exceeded in `samples` samples in a row."""

    warn: int | None = None
    recycle: int | None = None
    kill: int | None = None
    samples: int = 3


class MemoryRules(ThresholdRules, frozen=True, kw_only=True):
    """Of each worker of a group, and (`total`) of all of them together."""

    deadline: float | None = 600.0
    """How long a recycle waits for tasks in hand; None: as long as they take."""
    total: ThresholdRules = ThresholdRules()


class FleetMemoryRules(ThresholdRules, frozen=True, kw_only=True):
    hold: int | None = None
    keep_free: int | None = None
    governed: bool = True
    """The flag `memory_governor`."""
    forecast: bool = False
    """The flag `memory_forecast`."""


class AgeRules(msgspec.Struct, frozen=True, kw_only=True):
    max_tasks: int | None = None
    max_age: float | None = None
    jitter: float = 0.1
    """Each run's age is shortened by up to this part of it."""

"""What a row of checks says of a worker's health, and when to check again. Seconds are monotonic."""

from __future__ import annotations

import msgspec

FIRST_RETRY = 0.1
"""Seconds until a worker that has just been started and was not ready yet is asked again."""

LOOKS = 4
"""Looks within the silence that is allowed: it is noticed at the latest a quarter of it too late."""

SHORTEST = 0.05
"""Seconds between two looks, however short the silence that is allowed."""


class Gauge(msgspec.Struct, frozen=True):
    """The state after a number of checks."""

    healthy: bool | None = None
    """None: nothing is known yet."""
    row: int = 0
    """How many in a row spoke against `healthy`; where that is None, how many were bad."""


def counted(gauge: Gauge, good: bool, failures: int, successes: int) -> Gauge:
    """After one more check. The first good one makes healthy what nothing was known of."""
    if good is gauge.healthy or (gauge.healthy is None and good):
        return Gauge(good)
    row = gauge.row + 1
    enough = successes if good else failures
    return Gauge(good) if row >= enough else Gauge(gauge.healthy, row)


class Silence(msgspec.Struct, frozen=True):
    """When something last came from a worker, as far as looks from time to time can tell."""

    mark: object
    """What is another one as soon as something has come."""
    at: float


def listened(silence: Silence, mark: object, now: float) -> Silence:
    """After one more look. What has come since the last look came now, for all that is known."""
    return silence if mark == silence.mark else Silence(mark, now)


def too_long(silence: Silence, allowed: float, now: float) -> bool:
    return now >= silence.at + allowed


def next_look(silence: Silence, allowed: float, every: float, now: float) -> float:
    """A quarter of the allowed silence from now, or `every` where that is shorter; and just when it is over."""
    soon = now + max(min(every, allowed / LOOKS), SHORTEST)
    over = silence.at + allowed
    return min(soon, over) if over > now else soon


def next_try(begun: float, ended: float, every: float) -> float:
    """Every so often, counted from where each begins; one that took longer is followed at once by the next."""
    return max(begun + every, ended)


def next_early_try(begun: float, ended: float, every: float, tries: int) -> float:
    """While a worker starts, whose readiness somebody waits for, the first tries come sooner: after a tenth of a
    second, then twice as long each time until it is `every`. `tries`: how many there were."""
    return next_try(begun, ended, min(every, FIRST_RETRY * 2.0 ** min(tries - 1, 30)))

"""When a clean-up is due. Pure: wall time, for what the clock on the wall says, and the seconds that really passed.

Times that were missed (no daemon, a machine that slept, a clock set forward) are one time. A clock that is set back
neither makes a clean-up run twice at one time of the day nor keeps it from running until that time comes again.
"""

from __future__ import annotations

from collections.abc import Iterable

from tmaxd.spec.upkeep import Cleanup

NEARLY = 0.9
"""The part of the time between two runs after which, in an hour that comes twice, the next one may be due: not the
whole, since a run begins a little late."""


def wait(entry: Cleanup, last: float, passed: float, wall: float) -> float:
    """Seconds until the entry is due; below 0 where it is overdue. `last`: wall time at which it ran, or was first
    seen; `passed`: the seconds that have really passed since then."""
    if entry.every is not None:
        # The shorter: a clock set forward, or a machine that slept, has made it due; one set back has not put it off.
        return min(entry.every - passed, last + entry.every - wall)
    return _cron(entry, last, passed, wall) - wall


def _cron(entry: Cleanup, last: float, passed: float, wall: float) -> float:
    """The wall time at which the crontab's line is due; in the past where that was missed."""
    from tmaxd.cron import next_after  # few specs have one

    line, zone = entry.cron or "", entry.zone
    since = wall - passed
    """When it ran by the clock as it goes now: before `last` where the clock was set back since."""
    due = next_after(line, zone, min(last, since))
    while due <= last:
        # This time of the clock was there before. It counts only where as much time has passed as lies between two.
        then = next_after(line, zone, due)
        if due - since >= NEARLY * (then - due):
            break
        due = then
    return due


def by_name(entries: Iterable[Cleanup]) -> dict[str, Cleanup]:
    """The entries by what their last run is remembered under: what they clean, not how often and how much, so that a
    changed `every` or `ttl` begins no new count."""
    found: dict[str, Cleanup] = {}
    for entry in entries:
        name = base = " ".join((entry.what, *entry.groups, *entry.namespaces, *entry.files))
        number = 1
        while name in found:
            number += 1
            name = f"{base} #{number}"
        found[name] = entry
    return found

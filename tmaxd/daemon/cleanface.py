"""What the API asks of the daemon about clean-ups. A part of the implementation of `api.facade`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.cleaning.runner import Cleaning, Ran
from tmaxd.daemon.cleaning.schedule import by_name
from tmaxd.daemon.face import FleetFace
from tmaxd.spec.units import Duration
from tmaxd.spec.upkeep import Cleanup, What

A_DAY: Final = 86_400.0

SENSIBLE: Final[dict[What, Cleanup]] = {
    "tasks": Cleanup(what="tasks", ttl=Duration(7 * A_DAY)),
    "dead": Cleanup(what="dead", ttl=Duration(30 * A_DAY)),
    "payloads": Cleanup(what="payloads", ttl=Duration(A_DAY)),
    "logs": Cleanup(what="logs", ttl=Duration(14 * A_DAY)),
    "events": Cleanup(what="events", ttl=Duration(7 * A_DAY)),
    "memory": Cleanup(what="memory"),
    "stale": Cleanup(what="stale"),
    "orphans": Cleanup(what="orphans"),
}
"""What is cleaned up of a kind that the spec has no entry for, where somebody asks. `files` cannot be guessed."""


class CleanFacade(FleetFace):
    """Everything here runs in the loop's thread."""

    cleaning: Cleaning | None = None
    """None until clean-ups can run: a moment after the daemon's start."""

    async def cleanup(self, wish: t.CleanupWish) -> t.CleanedUp:
        entries = asked_for(wish, self._spec().cleanup)
        if self.cleaning is None:
            raise Denied("bad_cleanup", "the daemon has just begun; ask again in a moment")
        names = {entry: name for name, entry in by_name(entries).items()}
        ran = await self.cleaning.run(entries, dry=wish.dry)
        return t.CleanedUp(runs=tuple(_told(names[one.entry], one, wish.dry) for one in ran))

    def _cleanups(self) -> tuple[t.CleanupStatus, ...]:
        said = self._spec().cleanup
        planned = self.cleaning.planned() if self.cleaning is not None else ()
        return tuple(
            t.CleanupStatus(
                name=one.name,
                what=one.entry.what,
                built_in=one.entry not in said,
                next=one.next,
                last=one.last.ran,
                count=one.last.count,
                bytes=one.last.bytes,
                dry=one.last.dry,
                problem=one.last.problem,
            )
            for one in planned
        )


def asked_for(wish: t.CleanupWish, entries: Sequence[Cleanup]) -> list[Cleanup]:
    """Raises `Denied`."""
    if not wish.what:
        if wish.ttl is not None:
            raise Denied(
                "bad_cleanup", "`ttl` is for what is named; the spec's entries have their own"
            )
        if not entries:
            raise Denied(
                "bad_cleanup",
                f"the spec has no `cleanup`, so it has to be said what to clean up: {', '.join(SENSIBLE)}",
            )
        return list(entries)
    found: list[Cleanup] = []
    for what in dict.fromkeys(wish.what):
        own = [entry for entry in entries if entry.what == what]
        if not own and what not in SENSIBLE:
            raise Denied(
                "bad_cleanup",
                f"the spec has no entry `{what}` under `cleanup`: which {what} is not said",
            )
        if wish.ttl is not None and what == "orphans":
            raise Denied(
                "bad_cleanup", "`ttl` means nothing to orphans: they go whatever their age"
            )
        found += own or [SENSIBLE[what]]
    return found if wish.ttl is None else [replace(e, ttl=Duration(wish.ttl)) for e in found]


def _told(name: str, ran: Ran, wished_dry: bool) -> t.CleanupRun:
    report = ran.report
    return t.CleanupRun(
        name=name,
        what=ran.entry.what,
        dry=ran.dry,
        unapplied=ran.dry and not wished_dry,
        count=report.count,
        bytes=report.bytes,
        items=tuple(t.CleanupItem(item.name, item.bytes, item.note) for item in report.items),
        problems=tuple(report.problems),
        more_problems=report.unnamed,
        seconds=ran.seconds,
    )

"""What the API asks of the daemon about feature flags. A part of the implementation of `api.facade`."""

from __future__ import annotations

from typing import Literal

from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.face import FleetFace
from tmaxd.spec.flags import FLAGS, effective
from tmaxd.spec.suggest import closest


class FlagFacade(FleetFace):
    """Everything here runs in the loop's thread."""

    def flags(self) -> t.FlagList:
        return t.FlagList(flags=tuple(map(self._flag, FLAGS)))

    async def set_flag(self, change: t.FlagChange) -> t.FlagChanged:
        fleet, name = self._fleet, change.flag
        self._check_flag(change)
        desired, said = fleet.desired, self._said()
        outcome: Literal["set", "unset", "no_change"] = "no_change"
        if change.value is None:
            changed = desired.flags.unset(name, said)
        else:
            changed = desired.flags.set(name, change.value, change.for_, said)
        if changed:
            outcome = "unset" if desired.flags.override(name) is None else "set"
            desired.apply(record=False)
            fleet.events.flush()
            await self._durable()
        return t.FlagChanged(outcome=outcome, flag=self._flag(name))

    def _check_flag(self, change: t.FlagChange) -> None:
        if change.flag not in FLAGS:
            near = closest(change.flag, FLAGS)
            hint = f"did you mean {near}? " if near else ""
            raise Denied(
                "unknown_flag",
                f"there is no flag {change.flag}; {hint}there are: {', '.join(FLAGS)}",
            )
        if change.value is None and change.for_ is not None:
            raise Denied("bad_flag", "`for` goes with a value; what is taken back has none")
        trouble = self._fleet.journal.trouble()
        if trouble is not None:
            raise Denied("journal", f"no flag can be set: {trouble}")

    def _said(self) -> dict[str, bool]:
        """What the file that is in force says."""
        in_force = self._fleet.desired.spec_file.in_force
        return in_force.declared.flags if in_force else {}

    def _flag(self, name: str) -> t.FlagStatus:
        flag, said = FLAGS[name], self._said()
        return t.FlagStatus(
            name=name,
            value=self._fleet.desired.on(name),
            since=self._fleet.desired.flags.since(name),
            file=said.get(name),
            default=flag.default,
            override=self._override(name, said),
            owner=flag.owner,
            about=flag.about,
            off=flag.off,
        )

    def _override(self, name: str, said: dict[str, bool]) -> t.FlagOverride | None:
        found = self._fleet.desired.flags.override(name)
        if found is None:
            return None
        return t.FlagOverride(
            flag=name,
            value=found.value,
            file=said.get(name),
            instead=effective(said, name),
            at=found.at,
            until=found.until,
        )

    def _overrides(self) -> tuple[t.FlagOverride, ...]:
        """All that hold."""
        said = self._said()
        found = (self._override(name, said) for name in FLAGS)
        return tuple(there for there in found if there is not None)

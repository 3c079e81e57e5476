"""Feature flags of the made-up fleet: each is what was set, and was so since the beginning."""

from __future__ import annotations

from typing import Any

from tests.ctl.fake_story import START
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.api.types import FlagChange, FlagChanged, FlagList, FlagOverride, FlagStatus
from tmaxd.spec.flags import FLAGS


class FakeFlags:
    """A part of the made-up facade."""

    def __init__(self) -> None:
        self.overrides: dict[str, FlagOverride] = {}
        self.in_file: dict[str, bool] = {}
        self.changes: list[FlagChange] = []
        self.until: float | None = None
        """The end of what is set next."""

    def list(self) -> FlagList:
        return FlagList(flags=tuple(map(self.status, FLAGS)))

    def change(self, change: FlagChange) -> FlagChanged:
        if change.flag not in FLAGS:
            raise Denied("unknown_flag", f"there is no flag {change.flag}")
        self.changes.append(change)
        before = self.overrides.pop(change.flag, None)
        if change.value is None:
            outcome: Any = "no_change" if before is None else "unset"
        else:
            outcome = "set"
            self.overrides[change.flag] = self.override(change.flag, change.value)
        return FlagChanged(outcome=outcome, flag=self.status(change.flag))

    def override(self, name: str, value: bool) -> FlagOverride:
        said = self.in_file.get(name)
        return FlagOverride(
            flag=name,
            value=value,
            file=said,
            instead=FLAGS[name].default if said is None else said,
            at=START,
            until=self.until,
        )

    def status(self, name: str) -> FlagStatus:
        flag, override = FLAGS[name], self.overrides.get(name)
        said = self.in_file.get(name)
        file = flag.default if said is None else said
        return FlagStatus(
            name=name,
            value=file if override is None else override.value,
            since=START,
            file=said,
            default=flag.default,
            override=override,
            owner=flag.owner,
            about=flag.about,
            off=flag.off,
        )

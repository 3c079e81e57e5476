"""What operators have set of the feature flags: durable, over what the file says, and over by itself where it was for a
time. What each flag does is in `tmaxd.spec.flags`; that it does it, in whoever reads the spec that holds.

One that was set for a time holds to its end, whatever the file says meanwhile. One without an end holds until it is
taken back, or the file says something else of that flag, which has then spoken last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

import msgspec

from tmaxd.daemon.kept import read
from tmaxd.daemon.log import EventLog
from tmaxd.ports import Clock
from tmaxd.spec.flags import FLAGS, effective
from tmaxd.spec.layouts import with_flags
from tmaxd.spec.model import Spec
from tmaxd.tasks.records import Kept

PREFIX, SINCE = "flag/", "flags_since"
"""The beginning of the name, and the name, under which all this is kept on disk."""


class Override(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator has set a flag to."""

    value: bool
    file: bool | None = None
    """What the file said of it then; None: nothing."""
    at: float
    """Wall time at which it was set."""
    until: float | None = None
    """Wall time of its end, as it was reckoned then; None: it has none."""


class Flags:
    """One a daemon. `write` puts a record on disk. What is changed here holds once it is read: `Desired` sees to it."""

    def __init__(
        self,
        kept: Mapping[str, str],
        write: Callable[[Kept], None],
        clock: Clock,
        log: EventLog,
    ) -> None:
        """`kept`: what was on disk, all of it. Raises `kept.Unreadable`."""
        self._write = write
        self._clock = clock
        self._log = log
        self._set: dict[str, Override] = {}
        self._ends: dict[str, float] = {}
        """Monotonic, so that a clock that is set makes no time longer or shorter."""
        self._since: dict[str, tuple[bool, float]] = {}
        """Flag to its value, and the wall time from which on it has it."""
        for name, text in kept.items():
            if name.startswith(PREFIX):
                flag = name.removeprefix(PREFIX)
                self._recall(flag, read(name, text, Override, f"what the flag {flag} was set to"))
            elif name == SINCE:
                about = "since when each flag is as it is"
                self._since = read(name, text, dict[str, tuple[bool, float]], about)

    def _recall(self, flag: str, found: Override) -> None:
        if flag not in FLAGS:
            return  # of another version, which may come back
        self._set[flag] = found
        if found.until is not None:
            # Not longer than it was meant to be, though the clock was set back while no daemon was there.
            left = min(found.until - self._clock.wall(), found.until - found.at)
            self._ends[flag] = self._clock.now() + left

    # ------------------------------------------------------------------------------- what holds

    def over(self, spec: Spec) -> Spec:
        """The spec as if its file said what operators have set; with the layouts that follow from it."""
        return with_flags(spec, self.supposing(spec.flags)) if self._set else spec

    def supposing(self, said: Mapping[str, bool]) -> Mapping[str, bool]:
        """The flags that would hold, where they are said, if the file said these."""
        holds = {
            flag: there.value for flag, there in self._set.items() if not self._why_over(flag, said)
        }
        return {**said, **holds} if holds else said

    def override(self, flag: str) -> Override | None:
        """What an operator has set, while it holds; with its end as it is to be expected now."""
        found, end = self._set.get(flag), self._ends.get(flag)
        if found is None or end is None:
            return found
        until = self._clock.wall() + end - self._clock.now()
        return msgspec.structs.replace(found, until=until)

    def since(self, flag: str) -> float | None:
        """Wall time from which on it is as it is; None before any spec was in force."""
        found = self._since.get(flag)
        return None if found is None else found[1]

    @property
    def next_end(self) -> float:
        """Monotonic time at which `file_says` is to be told what it says once more; infinity: there is none."""
        return min(self._ends.values()) if self._ends else inf

    # ------------------------------------------------------------------------------ what changes

    def set(self, flag: str, value: bool, lasts: float | None, said: Mapping[str, bool]) -> bool:
        """`lasts`: seconds; None: without an end, and to what the file says it is none any more, as with a scaling.
        `said`: what the file says. Whether that changes anything."""
        if lasts is None and value == effective(said, flag):
            return self.unset(flag, said)
        wall = self._clock.wall()
        end = None if lasts is None else wall + lasts
        self._put(flag, Override(value=value, file=said.get(flag), at=wall, until=end))
        if lasts is not None:
            self._ends[flag] = self._clock.now() + lasts
        self._log.info("flag_set", flag=flag, value=on_off(value), lasts=lasts)
        return True

    def unset(self, flag: str, said: Mapping[str, bool]) -> bool:
        """Whether there was anything to take back."""
        if flag not in self._set:
            return False
        self._over(flag, said, "taken back")
        return True

    def file_says(self, said: Mapping[str, bool]) -> None:
        """What the file says now, or still says: whatever is over by now goes."""
        for flag in list(self._set):
            if why := self._why_over(flag, said):
                self._over(flag, said, why)

    def holds(self, flags: Mapping[str, bool]) -> None:
        """These are in force from now on, if they were not."""
        wall, now = self._clock.wall(), {name: effective(flags, name) for name in FLAGS}
        changed = {
            name: (value, wall)
            for name, value in now.items()
            if name not in self._since or self._since[name][0] != value
        }
        if changed:
            self._since = {**self._since, **changed}
            self._write(Kept(SINCE, msgspec.json.encode(self._since).decode()))

    # ----------------------------------------------------------------------------------- inside

    def _why_over(self, flag: str, said: Mapping[str, bool]) -> str:
        """Empty while it holds."""
        end = self._ends.get(flag)
        if end is not None:
            return "its time is over" if end <= self._clock.now() else ""
        return "the file says otherwise now" if said.get(flag) != self._set[flag].file else ""

    def _over(self, flag: str, said: Mapping[str, bool], why: str) -> None:
        self._put(flag, None)
        self._log.info("flag_over", flag=flag, value=on_off(effective(said, flag)), why=why)

    def _put(self, flag: str, there: Override | None) -> None:
        self._set.pop(flag, None)
        self._ends.pop(flag, None)
        if there is not None:
            self._set[flag] = there
        text = None if there is None else msgspec.json.encode(there).decode()
        self._write(Kept(f"{PREFIX}{flag}", text))


def on_off(value: bool) -> str:
    return "on" if value else "off"

"""Which definition of each group holds: the file's, or the last good one where a change has failed. Durable.

A definition is good once all workers of its group have been healthy with it (`approve`). One that failed is not tried
again until the file says something else; meanwhile the group runs what was good before, with all settings of the file
that need no new process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from tmaxd.daemon.kept import read
from tmaxd.spec.fingerprint import fingerprint
from tmaxd.spec.model import Group, Spec
from tmaxd.spec.resolved import decode, encode
from tmaxd.tasks.records import Kept

T = TypeVar("T")

GOOD, FAILED, SINCE = "good/", "failed/", "group_revisions"
"""Names, or beginnings of names, under which all this is kept on disk."""


class Good(msgspec.Struct, frozen=True, kw_only=True):
    fingerprint: str
    revision: int
    group: Group
    at: float
    """Wall time at which it was approved."""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    fingerprint: str
    revision: int
    message: str
    at: float


class Revisions:
    """One a daemon. `write` puts a record on disk."""

    def __init__(self, kept: Mapping[str, str], write: Callable[[Kept], None]) -> None:
        """`kept`: what was on disk, all of it. Raises `kept.Unreadable`."""
        self._write = write
        self._good: dict[str, Good] = {}
        self._failed: dict[str, Failed] = {}
        self._since: dict[str, tuple[str, int]] = {}
        """Group to the fingerprint that the file has, and the revision that brought it."""
        for name, text in kept.items():
            if name.startswith(GOOD):
                self._good[name.removeprefix(GOOD)] = _read(name, text, Good)
            elif name.startswith(FAILED):
                self._failed[name.removeprefix(FAILED)] = _read(name, text, Failed)
            elif name == SINCE:
                self._since = _read(name, text, dict[str, tuple[str, int]])

    # ------------------------------------------------------------------------------- what holds

    def effective(self, spec: Spec) -> Spec:
        """The spec with what holds in place of what failed."""
        groups = {name: self._effective(name, group) for name, group in spec.workers.items()}
        if all(groups[name] is group for name, group in spec.workers.items()):
            return spec
        return msgspec.structs.replace(spec, workers=groups)

    def _effective(self, name: str, group: Group) -> Group:
        failed, good = self._failed.get(name), self._good.get(name)
        if failed is None or good is None or failed.fingerprint != fingerprint(group):
            return group
        old = good.group
        return msgspec.structs.replace(
            group,
            kind=old.kind,
            argv=old.argv,
            env=old.env,
            env_file=old.env_file,
            cwd=old.cwd,
            layout=old.layout,
            layout_by=old.layout_by,
        )

    def approved(self, group: str) -> str:
        """The fingerprint of the last good definition; empty where there is none."""
        good = self._good.get(group)
        return "" if good is None else good.fingerprint

    def failed(self, group: str) -> Failed | None:
        """What the file says and what is not tried any more."""
        return self._failed.get(group)

    @property
    def any_failed(self) -> bool:
        return bool(self._failed)

    def failing_revision(self, group: str) -> int:
        """The revision that brought what the file says of the group."""
        return self._since.get(group, ("", 0))[1]

    def revision_of(self, group: str) -> int:
        """The revision that what holds for the group comes from."""
        if group in self._failed and group in self._good:
            return self._good[group].revision
        return self._since.get(group, ("", 0))[1]

    # ------------------------------------------------------------------------------ what changes

    def comes(self, spec: Spec, number: int) -> None:
        """A revision comes into force, as it is declared. What failed and is declared no more is forgotten."""
        declared = {name: fingerprint(group) for name, group in spec.workers.items()}
        for name in [n for n, f in self._failed.items() if declared.get(n) != f.fingerprint]:
            self._forget(FAILED, self._failed, name)
        for name in [n for n in self._good if n not in declared]:
            self._forget(GOOD, self._good, name)
        since = {
            name: there
            if (there := self._since.get(name)) is not None and there[0] == text
            else (text, number)
            for name, text in declared.items()
        }
        if since != self._since:
            self._since = since
            self._write(Kept(SINCE, msgspec.json.encode(since).decode()))

    def approve(self, name: str, spec: Spec, text: str, at: float) -> bool:
        """All workers of the group are healthy with this fingerprint; false where the spec in force (the effective
        one) has another by now."""
        group = spec.workers.get(name)
        if group is None or fingerprint(group) != text:
            return False
        good = Good(fingerprint=text, revision=self.revision_of(name), group=group, at=at)
        self._good[name] = good
        self._keep(GOOD + name, good)
        return True

    def roll_back(self, name: str, spec: Spec, text: str, message: str, at: float) -> bool:
        """The definition of this fingerprint has failed; false where the declared spec has another by now, or there is
        nothing to go back to."""
        group, good = spec.workers.get(name), self._good.get(name)
        if group is None or good is None or fingerprint(group) != text or good.fingerprint == text:
            return False
        failed = Failed(
            fingerprint=text, revision=self._since.get(name, ("", 0))[1], message=message, at=at
        )
        self._failed[name] = failed
        self._keep(FAILED + name, failed)
        return True

    def try_again(self) -> None:
        """The operator has chosen what shall be in force: nothing counts as failed."""
        for name in list(self._failed):
            self._forget(FAILED, self._failed, name)

    def _keep(self, name: str, value: msgspec.Struct) -> None:
        self._write(Kept(name, msgspec.json.encode(value, enc_hook=encode).decode()))

    def _forget(self, prefix: str, among: dict[str, Good] | dict[str, Failed], name: str) -> None:
        del among[name]
        self._write(Kept(prefix + name, None))


def _read(name: str, text: str, kind: type[T]) -> T:
    group = name.partition("/")[2]
    about = (
        f"which definition of {group} was good, or failed" if group else "what revisions brought"
    )
    return read(name, text, kind, about, decode)

"""What holds a worker's processes together: a cgroup of its own, or only what can be seen of their descent."""

from __future__ import annotations

from collections.abc import Iterator

from tmaxd.ctl.doctor.finding import Finding, Level
from tmaxd.ctl.doctor.seen import Seen

TREES = (
    "a worker's processes are known by session, descent and a mark in their environment, and what drops all three is "
    "not ended with it"
)
UNKEPT = "tmaxd measures memory and acts on its own thresholds, but no `memory.high` and `memory.max` are kept"


def containment(seen: Seen) -> Iterator[Finding]:
    here = seen.containment
    who = "the daemon says" if here.running else "a daemon started from here would say"
    what = f"{who}: {here.why}"
    if here.kind == "cgroup" and here.limits:
        yield Finding("containment", "ok", what)
        return
    limited = seen.spec.limited if seen.spec is not None else ()
    level: Level = "warning" if limited else "note"
    parts = [UNKEPT] if here.kind == "cgroup" else [TREES, UNKEPT]
    if limited:
        parts.append(f"these groups ask for them: {', '.join(limited)}")
    yield Finding("containment", level, what, "; ".join(parts), _fix(seen))


def _fix(seen: Seen) -> str:
    if not seen.service.systemd:
        return "run the daemon in a cgroup v2 of its own that its user owns"
    if seen.uid == 0:
        return "run it as a unit with `Delegate=yes` and `DelegateSubgroup=tmaxd-server`"
    spec = seen.spec.path if seen.spec is not None else "SPEC"
    return f"systemd-run --user --scope -p Delegate=yes tmaxctl up {spec}"

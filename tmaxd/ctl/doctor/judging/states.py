"""The databases: `state.db`, and `memory.db` beside it."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from tmaxd.ctl.doctor.finding import Finding, TakeAway
from tmaxd.ctl.doctor.seen import Database, Seen
from tmaxd.ctl.text import amount

LONG_WAL = 256 * 1024 * 1024
"""Bytes; it is cut back to 64 MiB whenever all of it has been worked in."""

OTHERS = 0o077


def states(seen: Seen) -> Iterator[Finding]:
    if seen.state is not None:
        yield from _judged("state", seen.state, seen)
    if seen.store is not None:
        yield from _judged("memory_store", seen.store, seen)


def _judged(check: str, there: Database, seen: Seen) -> Iterator[Finding]:
    if not there.there:
        yield Finding(check, "ok", f"there is no {there.path} yet")
        return
    yield _access(check, there, seen.uid) or _content(check, there)
    if check == "state":
        yield _wal(there, running=seen.running)
        if there.damage is not None:
            yield _integrity(there)


def _access(check: str, there: Database, uid: int) -> Finding | None:
    if there.uid != uid:
        return Finding(
            check,
            "error",
            f"{there.path} belongs to uid {there.uid}, and we are uid {uid}; what is in it was not looked at",
            "a daemon of ours does not start on it",
            f"run tmaxctl as that user, or chown {uid} {quote(there.path)}",
        )
    if there.mode & OTHERS:
        return Finding(
            check,
            "warning",
            f"{there.path} can be read or written by others (mode {there.mode:04o})",
            "it holds payloads and results of all tasks",
            f"chmod 600 {quote(there.path)}",
            TakeAway(there.path, OTHERS),
        )
    return None


def _content(check: str, there: Database) -> Finding:
    if there.trouble:
        return Finding(
            check,
            "error",
            f"{there.path} cannot be read: {there.trouble}",
            "a daemon does not start on it, and never replaces it",
            f"put a copy back, or move {quote(there.path)}* away to begin anew without the tasks it holds",
        )
    if there.version is None or not 1 <= there.version <= there.known:
        return Finding(
            check,
            "error",
            f"{there.path} has version {there.version}, and this tmaxd knows versions up to {there.known}",
            "a daemon of this version does not start on it",
            "use the tmaxd that wrote it, or a newer one",
        )
    what = f"{there.path} has version {there.version} and {amount(there.size)}"
    return Finding(check, "ok", what)


def _wal(there: Database, *, running: bool) -> Finding:
    what = f"the write-ahead log of {there.path} has {amount(there.wal)}"
    if there.wal < LONG_WAL:
        return Finding("state_wal", "ok", what)
    cause = (
        "something reads for very long, or the disk is too slow" if running else "no daemon runs"
    )
    return Finding(
        "state_wal",
        "warning",
        f"{what}: it is not worked in ({cause})",
        "reads get slower, and the disk fills up",
        "end what has the file open (`fuser -v` on it)"
        if running
        else "tmaxctl up: a daemon works it in",
    )


def _integrity(there: Database) -> Finding:
    if not there.damage:
        return Finding("state_integrity", "ok", f"{there.path} is whole")
    first, more = there.damage[0], len(there.damage) - 1
    rest = f" (and {more} more)" if more else ""
    return Finding(
        "state_integrity",
        "error",
        f"{there.path} is damaged: {first}{rest}",
        "tasks or results in the damaged part cannot be read",
        f"tmaxctl down, keep a copy of {quote(there.path)}*, and put an older one back",
    )

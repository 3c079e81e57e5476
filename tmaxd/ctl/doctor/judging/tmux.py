"""tmux: whether it is there, which one, and what is wrong with that version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tmaxd.ctl.doctor.finding import Finding
from tmaxd.ctl.doctor.seen import Seen

Version = tuple[int, int, str]
"""`3.3a` is (3, 3, "a")."""

OLDEST: Version = (3, 2, "")
"""Environments of sessions (`new-session -e`) and options of panes, without which no worker can be labelled."""

_NUMBER = re.compile(r"(\d+)\.(\d+)([a-z]?)")


class Fault(NamedTuple):
    """Measured on 3.3a, 3.7c and 3.8 from their tagged source, or said in tmux's own list of changes."""

    mended: Version
    """The first version without it."""
    what: str
    answer: str
    """What tmaxd does about it."""


FAULTS = (
    Fault(
        (3, 4, ""),
        "text that is pasted into a dead pane ends the whole server",
        "tmaxd types and never pastes; a `paste-buffer` by hand still can",
    ),
    Fault(
        (3, 7, ""),
        "how a process ended stays unknown at times until the server is nudged",
        "tmaxd nudges it",
    ),
    Fault(
        (3, 7, ""),
        "a control client that goes away while another one attaches can crash the server",
        "tmaxd lets the one leave first",
    ),
    Fault(
        (3, 8, ""),
        "a session that ends under a control client can crash the server",
        "tmaxd's client stays on a session of its own",
    ),
)


def parse(text: str) -> Version | None:
    """`tmux 3.3a`, `tmux next-3.8`; None for a build that has no number."""
    match = _NUMBER.search(text)
    return (int(match[1]), int(match[2]), match[3]) if match else None


def shown(version: Version) -> str:
    return f"{version[0]}.{version[1]}{version[2]}"


def tmux(seen: Seen) -> Iterator[Finding]:
    there = seen.tmux
    if there.path is None:
        yield Finding(
            "tmux",
            "error",
            "tmux is not on PATH",
            "no worker can be started",
            "apt-get install tmux (or as your system has it; 3.2 or later)",
        )
        return
    version = parse(there.says)
    if there.trouble or version is None:
        yield _odd(there.path, there.says, there.trouble)
        return
    if version < OLDEST:
        yield Finding(
            "tmux",
            "error",
            f"{there.path} is {shown(version)}",
            f"workers cannot be started by it: tmaxd needs {shown(OLDEST)} or later",
            f"install tmux {shown(OLDEST)} or later",
        )
        return
    yield Finding("tmux", "ok", f"{there.path} is {shown(version)}")
    yield _faults(version)
    if seen.fleet is not None and seen.fleet.server_version:
        yield _server(seen.fleet.name, seen.fleet.server_version, version)


def _odd(path: str, says: str, trouble: str) -> Finding:
    if trouble:
        return Finding(
            "tmux",
            "error",
            f"{path} does not work: {trouble}",
            "no worker can be started",
            f"look what `{path} -V` says",
        )
    return Finding(
        "tmux",
        "note",
        f"{path} says `{says}`, which names no version",
        "whether it has faults that are known cannot be told",
        "use a released tmux, 3.2 or later, where anything is odd",
    )


def _faults(version: Version) -> Finding:
    known = [fault for fault in FAULTS if version < fault.mended]
    name = f"tmux {shown(version)}"
    if not known:
        return Finding("tmux_faults", "ok", f"{name} has no fault that is known and matters here")
    return Finding(
        "tmux_faults",
        "note",
        f"{name} has known faults, all of which tmaxd works around",
        "; ".join(f"{fault.what} ({fault.answer})" for fault in known),
        f"install a newer tmux: {_cures(known)}",
    )


def _cures(known: list[Fault]) -> str:
    """`3.4 has 3 of them, 3.8 none`: the newest may not be released yet."""
    parts: list[str] = []
    for version in sorted({fault.mended for fault in known}):
        left = sum(fault.mended > version for fault in known)
        parts.append(f"{shown(version)} has {f'{left} of them' if left else 'none'}")
    return ", ".join(parts)


def _server(fleet: str, text: str, version: Version) -> Finding:
    server = parse(text)
    if server is None or server == version:
        return Finding(
            "tmux_server", "ok", f"the tmux server of fleet {fleet} is of version {text}"
        )
    return Finding(
        "tmux_server",
        "warning",
        f"the tmux server of fleet {fleet} is {text}, the program is {shown(version)}",
        "`tmaxctl attach` may be refused by the older server, and so may the daemon when it has to connect anew",
        f"at a quiet time: tmaxctl --fleet {fleet} down, then up (this ends its workers)",
    )

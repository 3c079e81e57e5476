"""The kernel's limits against what the spec needs."""

from __future__ import annotations

from collections.abc import Iterator

from tmaxd.ctl.doctor.finding import Finding
from tmaxd.ctl.doctor.seen import Limits, Seen, Spec

A_WORKER = 4
"""Descriptors: three FIFOs and a pidfd."""
A_FIFO = 1
OURS = 64
"""Descriptors for the daemon's own needs: databases, sockets, clients, watches, with room to spare."""
PAGE = 4096
PLAIN = 16
"""Pages of a FIFO whose size nobody has asked to change (pipe(7))."""


def limits(seen: Seen) -> Iterator[Finding]:
    spec, there = seen.spec, seen.limits
    if spec is not None and spec.problems:
        spec = None
    yield _files(there, spec, seen)
    if spec is not None:
        yield _terminals(there, spec, running=seen.running)
        yield _capacity(there, spec)
        yield _pages(there, spec)
    yield _inotify(there)


def files_needed(spec: Spec) -> int:
    return OURS + A_WORKER * spec.workers + A_FIFO * spec.fifos


def pages_needed(spec: Spec) -> int:
    """A worker's tasks and results FIFO have the capacity that is asked for, its control FIFO the plain one."""
    each = -(-spec.capacity // PAGE)
    return spec.workers * (2 * each + PLAIN) + spec.fifos * each


def _files(there: Limits, spec: Spec | None, seen: Seen) -> Finding:
    hard = there.open_files
    if hard is None:
        return Finding("open_files", "ok", f"{there.of} may open any number of files")
    if spec is None:
        room = max(0, (hard - OURS) // A_WORKER)
        what = f"{there.of} may open {hard} files, enough for {room} workers"
        return Finding("open_files", "ok", what)
    need = files_needed(spec)
    what = f"{there.of} may open {hard} files; {spec.workers} workers need {need}"
    if need <= hard:
        return Finding("open_files", "ok", what)
    if seen.service.systemd and seen.service.units:
        unit = f"{seen.service.units[0].name}.service"
        fix = f"systemctl edit {unit}: `[Service]` and `LimitNOFILE={2 * need}`"
    else:
        fix = f"ulimit -Hn {2 * need} as root, or `nofile` in /etc/security/limits.conf; then log in again"
    return Finding(
        "open_files",
        "error",
        what,
        "workers for which no descriptor is left cannot be started",
        fix,
    )


def _terminals(there: Limits, spec: Spec, *, running: bool) -> Finding:
    if there.terminals is None:
        return Finding("terminals", "ok", "the kernel does not say how many terminals there may be")
    used = 0 if running else there.terminals_used  # those in use may be this fleet's own
    what = f"there may be {there.terminals} terminals, {there.terminals_used} are in use; "
    what += f"the fleet has {spec.workers} workers"
    if spec.workers + used < there.terminals:
        return Finding("terminals", "ok", what)
    return Finding(
        "terminals",
        "error",
        what,
        "workers for which there is no terminal cannot be started",
        f"sysctl -w kernel.pty.max={2 * (spec.workers + used)}",
    )


def _capacity(there: Limits, spec: Spec) -> Finding:
    most = there.pipe_max
    if there.privileged or most is None or spec.capacity <= most:
        return Finding("pipe_capacity", "ok", f"FIFOs of {spec.capacity} bytes can be had")
    return Finding(
        "pipe_capacity",
        "warning",
        f"`pipes.capacity` is {spec.capacity} bytes, and fs.pipe-max-size is {most}",
        "FIFOs keep the size that the kernel gives them; nothing is lost, but bursts wait for the daemon earlier",
        f"sysctl -w fs.pipe-max-size={spec.capacity}",
    )


def _pages(there: Limits, spec: Spec) -> Finding:
    need, most = pages_needed(spec), there.pipe_pages
    if there.privileged or not most or need <= most:  # 0: without limit (pipe(7))
        return Finding("pipe_pages", "ok", f"the pages of all FIFOs can be had ({need})")
    return Finding(
        "pipe_pages",
        "warning",
        f"the fleet's FIFOs want {need} pages, and fs.pipe-user-pages-soft is {most}",
        "the FIFOs beyond it hold one or two pages; nothing is lost, but a busy worker waits for the daemon earlier",
        f"sysctl -w fs.pipe-user-pages-soft={2 * need}",
    )


_SETTINGS = {"instances": "max_user_instances", "watches": "max_user_watches"}


def _inotify(there: Limits) -> Finding:
    if not there.inotify:
        return Finding("inotify", "ok", "files can be watched")
    now = {"instances": there.inotify_instances, "watches": there.inotify_watches}
    setting = _SETTINGS.get(there.inotify)
    value = now.get(there.inotify)
    if setting is None:
        what, fix = (
            f"files cannot be watched: {there.inotify}",
            "look why the kernel has no inotify",
        )
    else:
        what = f"files cannot be watched: fs.inotify.{setting} ({value}) is used up"
        fix = f"sysctl -w fs.inotify.{setting}={2 * (value or 128)}"
    return Finding(
        "inotify",
        "warning",
        what,
        "the spec is looked at each second instead: a change is noticed later, and the daemon never quite sleeps",
        fix,
    )

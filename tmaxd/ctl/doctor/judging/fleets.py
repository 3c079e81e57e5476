"""The fleet's daemon, what dead ones have left, and daemons that share its spec."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from tmaxd.ctl.doctor.finding import Finding, RemoveSocket
from tmaxd.ctl.doctor.seen import Fleet, Seen


def fleets(seen: Seen) -> Iterator[Finding]:
    fleet = seen.fleet
    if fleet is None:
        return
    yield _daemon(fleet)
    if fleet.ping:
        yield _version(fleet, seen.version)
    yield from _sockets(fleet)
    yield from _same(seen)


def _daemon(fleet: Fleet) -> Finding:
    who = f"pid {fleet.holder}" if fleet.holder is not None else "somebody"
    if fleet.ping:
        return Finding(
            "daemon", "ok", f"the daemon of fleet {fleet.name} runs (pid {fleet.ping.get('pid')})"
        )
    if fleet.held:
        why = fleet.silence or f"nobody listens on {fleet.api_socket}"
        fix = (
            f"kill {fleet.holder}" if fleet.holder is not None else f"fuser -k {quote(fleet.lock)}"
        )
        return Finding(
            "daemon",
            "error",
            f"{who} holds the lock of fleet {fleet.name} and does not answer: {why}",
            "the fleet cannot be asked or told anything, and no other daemon can start",
            f"{fix} (workers live on), then tmaxctl up; where it has just started, look again first",
        )
    if fleet.silence:
        return Finding(
            "daemon",
            "error",
            f"who listens on {fleet.api_socket} is no daemon of fleet {fleet.name}: {fleet.silence}",
            "tmaxctl cannot reach the fleet",
            f"fuser -v {quote(fleet.api_socket)} tells who it is",
        )
    return Finding("daemon", "ok", f"no daemon of fleet {fleet.name} runs")


def _version(fleet: Fleet, ours: str) -> Finding:
    theirs = str(fleet.ping.get("version", ""))
    if theirs == ours:
        return Finding("daemon_version", "ok", f"daemon and tmaxctl are {ours}")
    spec = quote(str(fleet.ping.get("spec", "SPEC")))
    return Finding(
        "daemon_version",
        "warning",
        f"the daemon is {theirs}, tmaxctl is {ours}",
        "the one may not know what the other asks or answers",
        f"kill {fleet.ping.get('pid')} (workers live on), then tmaxctl up {spec}",
    )


def _sockets(fleet: Fleet) -> Iterator[Finding]:
    for path, state, owner in (
        (fleet.api_socket, fleet.api, "daemon"),
        (fleet.tmux_socket, fleet.tmux, "tmux server"),
    ):
        if state == "other":
            yield Finding(
                "stale_socket",
                "error",
                f"{path} is no socket",
                f"the {owner} cannot put its own there",
                f"mv {quote(path)} {quote(path + '.old')}",
            )
        elif state == "dead" and not fleet.held:
            yield Finding(
                "stale_socket",
                "note",
                f"{path} was left by a dead {owner}",
                "the next start replaces it; until then programs may take the fleet for one that runs",
                f"rm {quote(path)}",
                RemoveSocket(path, fleet.lock),
            )
        else:
            yield Finding("stale_socket", "ok", f"{path}: {state}")


def _same(seen: Seen) -> Iterator[Finding]:
    if seen.spec is None or seen.fleet is None:
        return
    sharers = [o for o in seen.others if o.spec == seen.spec.path and o.fleet != seen.fleet.name]
    if not sharers:
        yield Finding("same_spec", "ok", f"no other daemon runs from {seen.spec.path}")
    for other in sharers:
        yield Finding(
            "same_spec",
            "warning",
            f"{seen.spec.path} is also what fleet {other.fleet} runs from (pid {other.pid})",
            "both do what the file says, each with workers of its own; a file names one fleet only, so the other "
            "daemon refuses each change",
            f"tmaxctl --fleet {other.fleet} down",
        )

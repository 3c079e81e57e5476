"""Who starts the fleet after a boot, and who ends it at a logout."""

from __future__ import annotations

from collections.abc import Iterator

from tmaxd.ctl.doctor.finding import Finding, Linger
from tmaxd.ctl.doctor.seen import Fleet, Folder, Seen, Unit


def services(seen: Seen) -> Iterator[Finding]:
    if not seen.service.systemd:
        yield Finding("unit", "ok", "systemd does not run here")
        return
    if seen.uid != 0:
        yield _lingering(seen)
    if seen.fleet is not None:
        installed = [unit for unit in seen.service.units if unit.load == "loaded"]
        if not installed:
            yield _no_unit(seen.fleet, running=seen.running)
        for unit in installed:
            yield _unit(unit, seen)


def _lingering(seen: Seen) -> Finding:
    if seen.service.lingers:
        return Finding("lingering", "ok", f"what {seen.user} runs outlives the logout")
    root = next((f for f in seen.folders if f.role == "runtime root"), None)
    return Finding(
        "lingering",
        "warning",
        f"{seen.user} does not linger",
        _after_logout(root),
        f"loginctl enable-linger {seen.user}",
        Linger(),
    )


def _after_logout(root: Folder | None) -> str:
    if root is not None and root.path.startswith("/run/user/"):
        return (
            f"when the last session ends, {root.path} is removed with all sockets and FIFOs, and "
            "services of the user are stopped"
        )
    return "when the last session ends, services of the user are stopped, and where KillUserProcesses is set all else"


def _no_unit(fleet: Fleet, *, running: bool) -> Finding:
    what = f"no unit tmaxd@{fleet.name} is installed"
    if not running:
        return Finding("unit", "ok", what)
    return Finding(
        "unit",
        "note",
        f"{what}, and the fleet runs",
        "after the next boot nobody starts it",
        f"install tmaxd@.service, then systemctl enable tmaxd@{fleet.name}",
    )


def _unit(unit: Unit, seen: Seen) -> Finding:
    systemctl = "systemctl --user" if unit.scope == "user" else "systemctl"
    enabled = unit.enabled.startswith("enabled")
    state = f"the {unit.scope} unit {unit.name} is {unit.active}, {unit.enabled or 'not enabled'}"
    if unit.active == "failed":
        user = "--user " if unit.scope == "user" else ""
        return Finding(
            "unit",
            "error",
            f"{state} ({unit.result})",
            "nobody keeps the daemon running",
            f"journalctl {user}-u {unit.name} -n 50; {systemctl} restart {unit.name}",
        )
    if unit.active == "active" and not enabled:
        return Finding(
            "unit",
            "note",
            state,
            "after the next boot nobody starts the fleet",
            f"{systemctl} enable {unit.name}",
        )
    if enabled and unit.active == "inactive" and seen.running:
        return Finding(
            "unit",
            "warning",
            f"{state}, and a daemon runs that it has not started",
            "nobody starts that daemon again when it dies, and the unit fails when it is started beside it",
            f"end the daemon (its workers live on), then {systemctl} start {unit.name}",
        )
    return Finding("unit", "ok", state)

"""Other programs: tmux, systemctl. Each is asked once, with a deadline."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from typing import Literal

from tmaxd.ctl.doctor.seen import Service, Tmux, Unit

PATIENCE = 5.0
"""Seconds; each answers within milliseconds where all is well."""

_PROPERTIES = ("LoadState", "ActiveState", "UnitFileState", "Result")


def ask(*argv: str) -> tuple[int, str, str]:
    """(exit status, output, error output); -1 and the reason where it could not be run."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return -1, "", f"no answer within {PATIENCE:g} s"
    except OSError as error:
        return -1, "", error.strerror or str(error)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def tmux() -> Tmux:
    path = shutil.which("tmux")
    if path is None:
        return Tmux(None)
    status, out, err = ask(path, "-V")
    if status:
        return Tmux(path, out, err or f"exit status {status}")
    return Tmux(path, out)


def service(fleet: str | None, user: str, uid: int) -> Service:
    if not os.path.isdir("/run/systemd/system"):
        return Service(systemd=False)
    scopes: tuple[Literal["system", "user"], ...] = ("system",) if uid == 0 else ("system", "user")
    units = [] if fleet is None else [_unit(f"tmaxd@{fleet}", scope) for scope in scopes]
    lingers = None if uid == 0 else os.path.exists(f"/var/lib/systemd/linger/{user}")
    return Service(True, lingers, tuple(unit for unit in units if unit is not None))


def _unit(name: str, scope: Literal["system", "user"]) -> Unit | None:
    flags = ["--user"] if scope == "user" else []
    asked = [f"--property={','.join(_PROPERTIES)}", f"{name}.service"]
    status, out, _ = ask("systemctl", *flags, "show", *asked)
    return None if status else unit_from(name, scope, out.splitlines())


def unit_from(name: str, scope: Literal["system", "user"], lines: Iterable[str]) -> Unit:
    """From the `KEY=value` lines of `systemctl show`."""
    said = dict(line.partition("=")[::2] for line in lines)
    load, active, enabled, result = (said.get(key, "") for key in _PROPERTIES)
    return Unit(name, scope, load, active, enabled, result)

"""Which fleet a command is about."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from tmaxd.ctl.api import PATIENCE, Api
from tmaxd.ctl.errors import NoDaemon, WrongUsage
from tmaxd.places import Places, places, roots, running_fleets

HERE = Path("tmax.yaml")

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""As `tmaxd.spec.model.NAME_PATTERN`, which is not imported: msgspec costs 24 ms."""

_WORKER = re.compile(_NAME.pattern + r"-[1-9][0-9]*")


def check_fleet(name: str) -> str:
    """The name, which becomes part of paths, if it can be a fleet's at all."""
    if not _NAME.fullmatch(name):
        raise WrongUsage(f"`{name}` is not a fleet's name: lower case, digits and dashes")
    return name


def is_worker(name: str) -> bool:
    """It can be a worker's name, whether there is one or not."""
    return _WORKER.fullmatch(name) is not None


def check_worker(name: str) -> str:
    """The same for a worker's name."""
    if not is_worker(name):
        raise WrongUsage(f"`{name}` is not a worker's name: GROUP-N, such as check-1")
    return name


def listening(path: Path, patience: float = 1.0) -> bool:
    """Somebody accepts connections there; a socket that a dead daemon left behind refuses."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(patience)
            probe.connect(str(path))
    except OSError:
        return False
    return True


def running(patience: float = 1.0) -> list[str]:
    return [name for name in running_fleets() if listening(places(name).api_socket, patience)]


def choose(given: str | None) -> str:
    """`--fleet`, else TMAX_FLEET, else the only one that runs, else the one that ./tmax.yaml names."""
    name = given or os.environ.get("TMAX_FLEET")
    if name:
        return check_fleet(name)
    found = running()
    if len(found) == 1:
        return found[0]
    if named := named_here():
        return check_fleet(named)
    if found:
        raise WrongUsage(
            f"several fleets run: {', '.join(found)}; choose one with --fleet or TMAX_FLEET",
            "several_fleets",
            {"fleets": found},
        )
    runtime, _ = roots(os.environ, os.getuid())
    raise NoDaemon(
        f"no fleet runs (looked in {runtime}) and there is no tmax.yaml here; "
        "start one with `tmaxctl up SPEC`"
    )


def named_here() -> str | None:
    """The fleet that ./tmax.yaml names, also when the rest of the file is wrong."""
    if not HERE.exists():
        return None
    from tmaxd.ctl.spec_file import fleet_named_in

    return fleet_named_in(HERE)


def of(given: str | None) -> tuple[str, Places]:
    name = choose(given)
    return name, places(name)


def daemon(given: str | None, patience: float = PATIENCE) -> Api:
    """The chosen fleet's daemon, whether it answers or not."""
    return api_of(choose(given), patience)


def api_of(name: str, patience: float = PATIENCE) -> Api:
    return Api(name, places(name).api_socket, patience, lambda: how_to_start(name))


def how_to_start(name: str) -> str:
    """The command that starts this fleet's daemon, with the file it ran from last, where that is still there."""
    from shlex import quote

    try:
        spec = Path((places(name).state / "spec_path").read_text())
        if spec.is_file():
            return f"tmaxctl up {quote(str(spec))}"
    except (OSError, ValueError):
        pass
    return "tmaxctl up SPEC"

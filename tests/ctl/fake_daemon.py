"""Stands in for `python -m tmaxd.daemon.main SPEC` (see `shadow/`): the real API before a made-up fleet.

Environment: FAKE_DIE, what it says before it ends with status 7; FAKE_SETTLE, seconds until it has
converged; FAKE_ENDS, how the fleet is then (a key of `ENDS`); FAKE_STUBBORN, it does not go down.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec

from tests.ctl.fake_fleet import FakeFleet, group, status, worker
from tests.ctl.fake_story import START
from tmaxd.ctl.spec_file import fleet_named_in
from tmaxd.daemon.api import server
from tmaxd.daemon.api.types import Condition, RolledBackGroup, Status
from tmaxd.places import places

STUCK = Condition(type="Converged", status="False", reason="stuck", message="…", since=START)
BACK = RolledBackGroup(revision=7, to=6, message="check-2 was not ready in time", at=START)


def ended(name: str, how: str) -> Status:
    """The fleet when nothing more happens by itself."""
    lost = worker("check-1", how, pid=None, ready=False, message="exit status 3; 5 in a row")
    workers = (lost, worker("check-2"), worker("shell-1", "running"))
    match how:
        case "quarantined":
            return status(name, converged=False, conditions=(STUCK,), workers=workers)
        case "failed":
            return status(name, workers=workers)
        case "rolled_back":
            return status(name, groups=(group("check", rolled_back=BACK), group("shell", "run", 1)))
    return status(name)


async def run(spec: str) -> None:
    name = fleet_named_in(Path(spec))
    assert name is not None
    paths = places(name)
    paths.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    fleet = FakeFleet(name, spec)
    settled = ended(name, os.environ.get("FAKE_ENDS", ""))
    fleet.now = msgspec.structs.replace(settled, converged=False)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, fleet.ended.set)
    api = await server.start(fleet, paths.api_socket, paths.payloads)
    loop.call_later(
        float(os.environ.get("FAKE_SETTLE", "0")), lambda: setattr(fleet, "now", settled)
    )
    await fleet.ended.wait()
    if "FAKE_STUBBORN" in os.environ:
        await asyncio.Event().wait()
    await api.close()


def main() -> None:
    if words := os.environ.get("FAKE_DIE"):
        sys.stderr.write(words + "\n")
        sys.exit(7)
    asyncio.run(run(sys.argv[1]))


if __name__ == "__main__":
    main()

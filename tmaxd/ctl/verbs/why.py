"""`tmaxctl why WORKER`: why a worker is as it is, in plain words."""

from __future__ import annotations

import time
from pathlib import Path

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.following import PATH
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.moments import short_moment
from tmaxd.ctl.naming import group_meant, unknown_worker
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_why import DECISIONS, FLEET_WIDE, Telling, decisions, history, why
from tmaxd.places import places

LOOKED_THROUGH = 200
"""The last events about many workers, among which those are looked for that concern this one."""


def _has_written(log: Path) -> bool:
    try:
        return log.stat().st_size > 0
    except OSError:
        return False


@click.command("why", short_help="Tell why a worker is as it is.")
@click.argument("worker", metavar="WORKER", shell_complete=complete.workers)
@verb
def command(console: Console, worker: str) -> None:
    """Tell in plain words what WORKER does now, since when and why, what it waits for, how it ended last, and
    the last decisions about it, newest last.
    """
    api = fleet.daemon(console.fleet)
    status = api.get("/v1/status")
    worker = fleet.check_worker(group_meant(status, worker) or worker)
    group = worker.rpartition("-")[0]
    own = api.get(PATH, {"worker": worker, "last": "true", "limit": DECISIONS})["events"]
    wide = {"event": ",".join(FLEET_WIDE), "last": "true", "limit": LOOKED_THROUGH}
    found = next((w for w in status["workers"] if w["name"] == worker), None)
    of = next((g for g in status["groups"] if g["name"] == group), None)
    if found is None and not own:
        raise unknown_worker(status, worker)
    told = decisions(worker, group, own, api.get(PATH, wide)["events"])
    if console.as_json:
        console.json({"worker": found, "group": of, "events": told})
        return
    now = time.time()
    telling = Telling(
        now,
        lambda at: short_moment(at, now),
        hints_for(api.fleet),
        console.paint,
        console.width,
        _has_written(places(api.fleet).logs / f"{worker}.log"),
    )
    if found is None:
        console.say(f"there is no {worker} now")
        console.lines(history(told, telling))
    else:
        console.lines(why(found, of, told, telling))

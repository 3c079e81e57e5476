"""What workers find in their environment: an allow-list of the daemon's own, the spec's, and our `TMAX_*`.

An allow-list, because a deny-list lets each new variable of some tool through: agents that start inside an
agent inherit its session variables, and a changed variable looks like drift.
"""

from __future__ import annotations

from collections.abc import Mapping

from tmaxd.places import Places
from tmaxd.plan.draft import split
from tmaxd.ports import Files
from tmaxd.spec.model import Group

PASSED_ON: frozenset[str] = frozenset(
    {
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "XDG_RUNTIME_DIR",
        "XDG_STATE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_CACHE_HOME",
        "TMAX_RUNTIME_DIR",
        "TMAX_STATE_DIR",
    }
)
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def scrubbed(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of the tmux server, and so of every pane."""
    kept = {k: v for k, v in env.items() if k in PASSED_ON or k.startswith("LC_")}
    kept.setdefault("PATH", DEFAULT_PATH)
    return kept


def owned(owner: str) -> dict[str, str]:
    """What tells the daemon, of a process whose run it does not know, that it is none of another fleet's."""
    return {"TMAX_OWNER": owner}


def marks(places: Places, fleet: str, group: str, worker: str, run: str) -> dict[str, str]:
    """What tells a worker who it is; `TMAX_RUN` also tells the daemon whose process it is."""
    return {
        "TMAX_FLEET": fleet,
        "TMAX_GROUP": group,
        "TMAX_WORKER": worker,
        "TMAX_RUN": run,
        "TMAX_PIPES": str(places.pipes / worker),
        "TMAX_SPOOL": str(places.spool(worker)),
    }


def secrets_of(group: Group, files: Files) -> Mapping[str, str]:
    """What the group's env files hold. They are read only where the group came from a revision on disk, which has no
    values. Raises WorldError."""
    sealed = group.env_file
    if sealed is None:
        return {}
    if sealed.values is None:
        sealed.values = files.read_secrets(sealed.paths)
    return sealed.values


def beside(places: Places, fleet: str, worker: str, group: Group, files: Files) -> dict[str, str]:
    """For a command that is run beside the worker, to look after it: the same, but for the mark of the run, by which it
    would be taken for one of the worker's own processes."""
    own = marks(places, fleet, split(worker)[0], worker, mark_of_probes(places))
    return own | dict(secrets_of(group, files)) | group.env


def of_hooks(places: Places, fleet: str) -> dict[str, str]:
    """For a command that is run on an event."""
    return {"TMAX_FLEET": fleet, "TMAX_RUN": mark_of_probes(places)}


def mark_of_probes(places: Places) -> str:
    """What stands in the place of a run's mark in those commands. No run is called so."""
    return f"probe:{places.state}"

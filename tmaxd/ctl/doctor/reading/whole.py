"""Everything that the doctor judges, read once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import tmaxd
from tmaxd.ctl.doctor.reading import files, fleets, kernel, programs
from tmaxd.ctl.doctor.seen import Database, Seen, Spec
from tmaxd.places import Places, places, roots


def read(name: str | None, spec: Path | None, *, deep: bool) -> Seen:
    """`name`: the fleet, if one is meant. `spec`: its file, if it is known; else that of the daemon or of its last
    run is taken. `deep`: the databases are checked whole."""
    uid = os.geteuid()
    user = _user(uid)
    here = None if name is None else places(name)
    fleet, status = (None, {}) if name is None or here is None else fleets.fleet(name, here)
    ping = {} if fleet is None else fleet.ping
    file = spec or _file_of(here, ping)
    state, store, latest = _databases(here, deep=deep, in_use=fleet is not None and fleet.held)
    return Seen(
        uid=uid,
        gid=os.getegid(),
        user=user,
        version=tmaxd.__version__,
        tmux=programs.tmux(),
        machine=kernel.machine(),
        containment=kernel.containment(status.get("containment") or {}),
        limits=kernel.limits(ping.get("pid"), _folder_of(file)),
        clock=kernel.clock(latest),
        service=programs.service(name, user, uid),
        folders=files.folders(roots(os.environ, os.getuid()), here),
        fleet=fleet,
        spec=None if file is None else _spec(file),
        state=state,
        store=store,
        others=fleets.others(name),
    )


def _user(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _file_of(here: Places | None, ping: dict[str, Any]) -> Path | None:
    """Where the daemon reads, or the last one did."""
    if ping:
        return Path(str(ping["spec"]))
    if here is None:
        return None
    text = kernel.text_of(str(here.state / "spec_path"))
    return Path(text) if text and Path(text).is_file() else None


def _spec(file: Path) -> Spec:
    # Imported late: msgspec and PyYAML.
    from tmaxd.ctl.doctor.reading.specs import spec

    return spec(file)


def _folder_of(file: Path | None) -> str:
    """Which can be watched: the spec's, or any other."""
    folder = None if file is None else file.absolute().parent
    return str(folder) if folder is not None and folder.is_dir() else "/"


def _databases(
    here: Places | None, *, deep: bool, in_use: bool
) -> tuple[Database | None, Database | None, float | None]:
    """The state, the memory store, and when the latest event happened."""
    if here is None:
        return None, None, None
    # Imported late: sqlite3 and msgspec.
    from tmaxd.world.state_look import Look, look

    def of(path: Path, seen: Look) -> Database:
        values = {name: getattr(seen, name) for name in Look.__struct_fields__ if name != "latest"}
        return Database(path=str(path), **values)

    state = look(here.database, "state", deep=deep, in_use=in_use)
    store = look(here.memory, "memory", deep=deep, in_use=in_use)
    return of(here.database, state), of(here.memory, store), state.latest

"""The values of env files reach the workers and nobody else."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.e2e.fleet import Fleet
from tests.e2e.programs import idle

SECRET, CHANGED = "zebra-7141-crossing", "heron-9023-standing"


def write_secret(fleet: Fleet, value: str, mode: int = 0o600) -> Path:
    """Saved whole: the daemon watches the file."""
    file = fleet.folder / "secret.env"
    new = file.with_name("secret.env.new")
    new.write_text(f"API_KEY='{value}'\n")
    new.chmod(mode)
    new.replace(file)
    return file


def environment_of(pid: int) -> dict[str, str]:
    """Empty where the process is gone."""
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    except OSError:
        return {}
    return dict(pair.partition("=")[::2] for pair in pairs if pair)


def has(fleet: Fleet, value: str, worker: str = "idle-1") -> bool:
    pid = fleet.pids().get(worker)
    return pid is not None and environment_of(pid).get("API_KEY") == value


def leaks(fleet: Fleet, value: str) -> list[str]:
    """Where the value can be read, other than in the env file and in the workers."""
    sought = value.encode()
    found = [
        str(file)
        for top in (fleet.places.state.parent, fleet.places.runtime.parent)
        for file in top.rglob("*")
        if file.is_file() and sought in file.read_bytes()
    ]
    found += [str(fleet.log)] if sought in fleet.log.read_bytes() else []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        found += [str(folder)] if sought in line else []
    found += [s for s in fleet.sessions() if value in fleet.tmux("show-environment", "-t", s)]
    found += ["global"] if value in fleet.tmux("show-environment", "-g") else []
    found += [
        " ".join(args)
        for args in (
            ("status", "-o", "json"),
            ("history", "-o", "json"),
            ("diff", "-o", "json"),
            ("plan", "-o", "json"),
            ("events", "-o", "json"),
            ("why", "idle-1"),
        )
        if value in "".join((ran := fleet.ctl(*args)).stdout + ran.stderr)
    ]
    return found


def test_a_secret_is_in_the_worker_and_nowhere_else(fleet: Fleet) -> None:
    write_secret(fleet, SECRET)
    fleet.write({"idle": idle(1, env_file="secret.env", env={"PLAIN": "seen"})})
    fleet.start()
    assert has(fleet, SECRET)
    assert "PLAIN=seen" in fleet.tmux("show-environment", "-t", "idle-1")
    # A run in a pane that is there already gets it by another way.
    before = fleet.signal("idle-1", signal.SIGKILL)
    fleet.wait_for(lambda: fleet.pids().get("idle-1", before) != before, "it is back")
    fleet.wait_for(lambda: has(fleet, SECRET), "with its secret")
    fleet.settle()
    # A change of the content alone replaces the worker, without a word about what it was or is.
    write_secret(fleet, CHANGED)
    fleet.wait_for(lambda: has(fleet, CHANGED), "the new value")
    fleet.settle()
    assert "idle.env_file" in fleet.ctl("diff").stdout
    assert leaks(fleet, SECRET) == []
    assert leaks(fleet, CHANGED) == []


def test_a_new_daemon_knows_an_unchanged_file_and_a_lost_one(fleet: Fleet) -> None:
    file = write_secret(fleet, SECRET)
    fleet.write({"idle": idle(1, env_file="secret.env")})
    fleet.start()
    pids = fleet.pids()
    fleet.kill9()
    fleet.start()
    assert fleet.pids() == pids, "the same content is no change"
    fleet.kill9()
    file.unlink()
    fleet.start(settled=False)
    fleet.wait_for(lambda: fleet.status()["spec"]["state"] == "rejected", "the file is missed")
    assert fleet.pids() == pids, "a bad spec changes nothing"
    fleet.signal("idle-1", signal.SIGKILL)
    failed = fleet.wait_for(lambda: fleet.events("start_failed"), "no start without its secrets")
    assert "secret.env cannot be read: No such file" in str(failed[-1])
    write_secret(fleet, SECRET)
    fleet.wait_for(lambda: has(fleet, SECRET), "it starts once the file is back")


def test_a_file_that_others_can_read_is_refused(fleet: Fleet) -> None:
    write_secret(fleet, SECRET, 0o644)
    fleet.write({"idle": idle(1, env_file="secret.env")})
    said = fleet.ctl("validate", str(fleet.spec))
    assert said.returncode != 0
    assert "open to others (mode 0644)" in said.stdout + said.stderr
    assert SECRET not in said.stdout + said.stderr
    daemon = fleet.spawn()
    assert daemon.wait(30) != 0
    assert "open to others (mode 0644)" in fleet.log.read_text()
    os.chmod(fleet.folder / "secret.env", 0o640)
    assert fleet.ctl("validate", str(fleet.spec)).returncode == 0

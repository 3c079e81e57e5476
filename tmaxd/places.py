"""Where a fleet's files live; the daemon and tmaxctl must agree on it, so it stands here once.

Runtime folder: `TMAX_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/tmaxd`, else `/run/tmaxd` for root, else
`run/` under the state folder. State folder: `TMAX_STATE_DIR`, else `$XDG_STATE_HOME/tmaxd`, else
`/var/lib/tmaxd` for root, else `~/.local/state/tmaxd`. In each, one folder a fleet, 0700.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SOCKET_PATH_LIMIT = 107
"""Bytes in `sun_path` less the closing NUL (unix(7)); a longer path cannot be bound."""


@dataclass(frozen=True)
class Places:
    """All paths of one fleet. Nothing is created here."""

    runtime: Path
    state: Path

    @property
    def tmux_socket(self) -> Path:
        return self.runtime / "tmux.sock"

    @property
    def api_socket(self) -> Path:
        return self.runtime / "api.sock"

    @property
    def lock(self) -> Path:
        return self.runtime / "lock"

    @property
    def pipes(self) -> Path:
        return self.runtime / "pipes"

    def shared_tasks(self, group: str) -> Path:
        """The tasks FIFO of a group whose workers share one."""
        return self.pipes / f"{group}.tasks.pipe"

    def moving_pipes(self, run: str) -> Path:
        """Where a run that may become another worker finds its FIFOs, whatever they are called."""
        return self.pipes / ".runs" / run

    @property
    def database(self) -> Path:
        return self.state / "state.db"

    @property
    def memory(self) -> Path:
        """The memory store."""
        return self.state / "memory.db"

    @property
    def payloads(self) -> Path:
        return self.state / "payloads"

    def spool(self, worker: str) -> Path:
        """The folder in which a worker leaves results that are too long for a frame."""
        return self.payloads / worker

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def daemon_log(self) -> Path:
        return self.state / "tmaxd.log"


def roots(env: Mapping[str, str], uid: int) -> tuple[Path, Path]:
    """(runtime root, state root), each holding one folder a fleet."""
    home = Path(env.get("HOME") or "/")
    if "TMAX_STATE_DIR" in env:
        state = Path(env["TMAX_STATE_DIR"])
    elif env.get("XDG_STATE_HOME"):
        state = Path(env["XDG_STATE_HOME"]) / "tmaxd"
    elif uid == 0:
        state = Path("/var/lib/tmaxd")
    else:
        state = home / ".local" / "state" / "tmaxd"
    if "TMAX_RUNTIME_DIR" in env:
        runtime = Path(env["TMAX_RUNTIME_DIR"])
    elif env.get("XDG_RUNTIME_DIR"):
        runtime = Path(env["XDG_RUNTIME_DIR"]) / "tmaxd"
    elif uid == 0:
        runtime = Path("/run/tmaxd")
    else:
        runtime = state / "run"
    return runtime.absolute(), state.absolute()


def places(fleet: str, env: Mapping[str, str] | None = None, uid: int | None = None) -> Places:
    runtime, state = roots(os.environ if env is None else env, os.getuid() if uid is None else uid)
    return Places(runtime=runtime / fleet, state=state / fleet)


def running_fleets(env: Mapping[str, str] | None = None, uid: int | None = None) -> list[str]:
    """Fleets with an API socket on disk; whether a daemon answers there is for the caller to ask."""
    runtime, _ = roots(os.environ if env is None else env, os.getuid() if uid is None else uid)
    try:
        return sorted(p.parent.name for p in runtime.glob("*/api.sock"))
    except OSError:
        return []

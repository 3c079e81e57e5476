"""tmaxd and its peers, each able to keep a number of equal programs running.

Every one of them gets a folder of its own, and its processes are found and ended by that folder's name in
their environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench.bell import Bell
from tests.bench.figures import ABSENT, Figure
from tests.bench.peers import Peers
from tests.e2e.fleet import Fleet
from tests.e2e.marks import end_all


class Contender(ABC):
    """`up` once, then `hit` and `grow` as often as wanted, then `close`."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bell = Bell(folder)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "BENCH": str(folder),
        }
        self.pids: list[int] = []
        """Of the programs as they were started first, and those added."""
        self.count = 0
        self._started: list[subprocess.Popen[bytes]] = []

    @abstractmethod
    def configure(self, count: int) -> None:
        """Write the configuration for so many programs."""

    @abstractmethod
    def argv(self) -> list[str]:
        """What is executed to bring them up."""

    def reload(self) -> None:  # noqa: B027  # most need nothing
        """Have a changed configuration taken up, where saving it is not enough."""

    def up(self, count: int) -> float:
        """Seconds from exec until all of them run."""
        self.configure(count)
        begun = time.perf_counter()
        self.spawn(self.argv())
        try:
            end, self.pids = self.bell.wait(count)
        except TimeoutError:
            sys.stderr.write((self.folder / "out.log").read_text(errors="replace")[-4000:])
            raise
        self.count = count
        return end - begun

    def hit(self) -> float:
        """Kill a program that was not hit before; seconds until its successor runs."""
        victim = self.pids.pop(0)
        begun = time.perf_counter()
        os.kill(victim, 9)
        end, _ = self.bell.wait(1)
        return end - begun

    def grow(self) -> float:
        """Ask for one program more; seconds from then until it runs."""
        self.count += 1
        begun = time.perf_counter()
        self.configure(self.count)
        self.reload()
        end, pids = self.bell.wait(1)
        self.pids += pids
        return end - begun

    def spawn(self, argv: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "out.log").open("ab") as log:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                cwd=self.folder,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def close(self) -> None:
        end_all(str(self.folder))
        for process in self._started:
            process.wait()
        self.bell.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Tmaxd(Contender):
    name = "tmaxd"

    def __init__(self, group: dict[str, object] | None = None) -> None:
        """`group`: what to keep instead of the bell's program; `count` is laid over it."""
        self.fleet = fleet = Fleet()
        super().__init__(fleet.folder)
        fleet.env |= {"BENCH": str(fleet.folder)}
        # A daemon that is installed has its byte code.
        del fleet.env["PYTHONDONTWRITEBYTECODE"]
        self.env = fleet.env
        self.group = group or {"run": self.bell.argv}

    def configure(self, count: int) -> None:
        self.fleet.write({"w": {"count": count, **self.group}})

    def argv(self) -> list[str]:
        return [str(Path(sys.executable).with_name("tmaxd")), str(self.fleet.spec), "--log", "json"]

    @property
    def daemon_pid(self) -> int:
        return self._started[0].pid

    def down(self) -> None:
        """End all of it in good order; `spawn` brings it up again."""
        self.fleet.api.post("/v1/down")
        self._started[-1].wait()

    def settled(self) -> None:
        """Wait until the API answers and a whole look finds nothing to do."""
        self.fleet.wait_for(self.fleet.places.api_socket.exists, "the API is there")
        self.fleet.settle()


class Circus(Contender):
    name = "circus"

    def __init__(self, peers: Peers) -> None:
        super().__init__(_folder())
        self._bin = peers.python

    def configure(self, count: int) -> None:
        self._endpoint = f"ipc://{self.folder}/ctl"
        (self.folder / "circus.ini").write_text(
            f"[circus]\nendpoint = {self._endpoint}\npubsub_endpoint = ipc://{self.folder}/pub\n"
            f"warmup_delay = 0\n\n[watcher:w]\ncmd = sh\nargs = {self.bell.argv[1]}\n"
            f"numprocesses = {count}\ncopy_env = True\n"
        )

    def argv(self) -> list[str]:
        return [str(self._bin / "circusd"), str(self.folder / "circus.ini")]

    def reload(self) -> None:
        self.spawn(
            [str(self._bin / "circusctl"), "--endpoint", self._endpoint, "reloadconfig"]
        ).wait()


class Supervisord(Contender):
    name = "supervisord"

    def __init__(self, peers: Peers) -> None:
        super().__init__(_folder())
        self._bin = peers.python

    def configure(self, count: int) -> None:
        socket = self.folder / "s.sock"
        programs = "".join(
            f"[program:w{n}]\ncommand = {' '.join(self.bell.argv)}\nautorestart = true\n\n"
            for n in range(count)
        )
        (self.folder / "supervisord.conf").write_text(
            f"[supervisord]\nnodaemon = true\nlogfile = {self.folder}/s.log\n"
            f"pidfile = {self.folder}/s.pid\nchildlogdir = {self.folder}\n\n"
            f"[unix_http_server]\nfile = {socket}\n\n"
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = "
            "supervisor.rpcinterface:make_main_rpcinterface\n\n"
            f"[supervisorctl]\nserverurl = unix://{socket}\n\n{programs}"
        )

    def argv(self) -> list[str]:
        return [str(self._bin / "supervisord"), "-c", str(self.folder / "supervisord.conf")]

    def reload(self) -> None:
        config = str(self.folder / "supervisord.conf")
        self.spawn([str(self._bin / "supervisorctl"), "-c", config, "update"]).wait()


class Pm2(Contender):
    name = "pm2"

    def __init__(self, peers: Peers) -> None:
        super().__init__(_folder())
        self._bin = peers.node
        self.env["PM2_HOME"] = str(self.folder / "pm2")

    def configure(self, count: int) -> None:
        app = {
            "name": "w",
            "script": "/bin/sh",
            "args": self.bell.argv[1:],
            "interpreter": "none",
            "exec_mode": "fork",
            "instances": count,
        }
        (self.folder / "apps.json").write_text(json.dumps({"apps": [app]}))

    def argv(self) -> list[str]:
        return [str(self._bin / "pm2"), "start", str(self.folder / "apps.json")]


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="tmb-", dir="/tmp"))


Maker = Callable[[], Contender]


def contenders(peers: Peers, *names: str) -> dict[str, Maker]:
    """tmaxd, and those of these peers that are installed."""
    every: dict[str, Maker] = {
        "circus": lambda: Circus(peers),
        "supervisord": lambda: Supervisord(peers),
        "pm2": lambda: Pm2(peers),
    }
    missing = peers.missing()
    return {"tmaxd": Tmaxd} | {name: every[name] for name in names if name not in missing}


def figures_of(
    suite: str, what: str, times: Mapping[str, Sequence[float]], limit: float, *names: str
) -> Iterator[Figure]:
    """One row for each that was measured (seconds), the limit for tmaxd in ms, and one for each that is absent."""
    for name, seconds in times.items():
        yield Figure(
            suite=suite,
            what=f"{name}: {what}",
            unit="ms",
            samples=tuple(s * 1000 for s in seconds),
            limit=limit if name == "tmaxd" else None,
        )
    for name in names:
        if name not in times:
            yield Figure(suite=suite, what=name, unit="ms", samples=(), note=ABSENT)

"""Redis streams with a consumer group, as one would use them for the same: the peer of the tasks suite.

One server with an append-only file, one submitter that pipelines XADD, four Python workers that read, answer with an
XADD to a second stream (or not at all) and acknowledge, all in batches of 64. Each part is a process of its own, on a
unix socket.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Literal

from tests.bench.peers import Peers

WORKERS = 4
BATCH = 64
PATIENCE = 120.0

Fsync = Literal["always", "everysec"]
"""`always`: on disk before a command is answered, as in tmaxd. `everysec`: a second of tasks may be lost."""

WORKER = """\
import sys, redis
r = redis.Redis(unix_socket_path=sys.argv[1])
me, batch, keep = sys.argv[2], int(sys.argv[3]), sys.argv[4] == "keep"

def handle(payload):
    return payload

r.lpush("ready", me)
while True:
    for stream, entries in r.xreadgroup("g", me, {"tasks": ">"}, count=batch, block=1000):
        pipe = r.pipeline(transaction=False)
        for key, fields in entries:
            result = handle(fields[b"payload"])
            if keep:
                pipe.xadd("results", {"id": key, "result": result})
        pipe.xack("tasks", "g", *[key for key, fields in entries])
        pipe.execute()
"""

SUBMITTER = """\
import sys, time, redis
r = redis.Redis(unix_socket_path=sys.argv[1])
count, batch, keep = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "keep"

def ended():
    if keep:
        return r.xlen("results") >= count
    (group,) = r.xinfo_groups("tasks")
    return group["lag"] == 0 and group["pending"] == 0

r.ping()
begun = time.perf_counter()
for first in range(0, count, batch):
    pipe = r.pipeline(transaction=False)
    for n in range(min(batch, count - first)):
        pipe.xadd("tasks", {"payload": "twelve bytes"})
    pipe.execute()
while not ended():
    time.sleep(0.005)
print(time.perf_counter() - begun)
"""


class Redis:
    """A server of its own and its workers, from construction to `close`."""

    def __init__(self, peers: Peers, fsync: Fsync, keep: bool) -> None:
        """`keep`: results are put into a second stream."""
        self._mode = [str(BATCH), "keep" if keep else "drop"]
        self.folder = Path(tempfile.mkdtemp(prefix="tmb-", dir="/tmp"))
        self._python = str(peers.python / "python")
        self._socket = str(self.folder / "redis.sock")
        self._env = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "BENCH": str(self.folder),
            "LD_LIBRARY_PATH": peers.libraries,
        }
        self._started: list[subprocess.Popen[bytes]] = []
        try:
            self._start_all(peers.redis_server or "redis-server", fsync)
        except BaseException:
            self.close()
            raise

    def _start_all(self, server: str, fsync: Fsync) -> None:
        options = {
            "--port": "0",
            "--unixsocket": self._socket,
            "--dir": str(self.folder),
            "--appendonly": "yes",
            "--appendfsync": fsync,
            "--save": "",
        }
        self._spawn([server, *(word for pair in options.items() for word in pair)])
        self._until("r.ping()", "the server answers")
        self._ask("r.xgroup_create('tasks', 'g', mkstream=True)")
        for number in range(WORKERS):
            self._spawn([self._python, "-c", WORKER, self._socket, str(number), *self._mode])
        self._until(f"assert r.llen('ready') == {WORKERS}", "all workers are ready")

    def throughput(self, count: int) -> float:
        """Tasks a second, from the first submit until the last result is there."""
        argv = [self._python, "-c", SUBMITTER, self._socket, str(count), *self._mode]
        done = subprocess.run(
            argv, capture_output=True, text=True, env=self._env, timeout=PATIENCE, check=True
        )
        self._ask("[r.xtrim(name, maxlen=0) for name in ('tasks', 'results')]")
        return count / float(done.stdout)

    def close(self) -> None:
        # Not by their environment, as elsewhere: Redis writes its title over it.
        for process in self._started:
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _spawn(self, argv: list[str]) -> None:
        with (self.folder / "out.log").open("ab") as log:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                cwd=self.folder,
                start_new_session=True,
            )
        self._started.append(process)

    def _ask(self, what: str) -> bool:
        """Run a line of Python with `r`, the server."""
        program = f"import redis\nr = redis.Redis(unix_socket_path={self._socket!r})\n{what}"
        argv = [self._python, "-c", program]
        return not subprocess.run(
            argv, stderr=subprocess.DEVNULL, env=self._env, check=False
        ).returncode

    def _until(self, what: str, words: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self._ask(what):
            if time.monotonic() > end or any(p.poll() is not None for p in self._started):
                log = (self.folder / "out.log").read_text(errors="replace")
                raise RuntimeError(f"Redis: {words}: it does not come to that\n{log[-2000:]}")
            time.sleep(0.05)

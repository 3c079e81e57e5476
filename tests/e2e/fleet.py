"""A whole fleet of a test's own: the real daemon as a process, its folders, its tmux server, and ways to ask it,
to hurt it and to clean up after it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.e2e.marks import end_all, marked
from tmaxd.ctl.api import Api
from tmaxd.ctl.errors import CtlError, NoDaemon
from tmaxd.places import places

T = TypeVar("T")
Json = dict[str, Any]

DEADLINE = 30.0
"""Seconds; far more than anything here takes, since the machine may be busy."""
STEP = 0.02
ROOT = Path(__file__).parents[2]


class Fleet:
    """The fleet `e2e`. Nothing runs until `start`."""

    def __init__(self) -> None:
        # Under /tmp, not tmp_path: the path of a socket may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="tme-", dir="/tmp"))
        self.spec = self.folder / "tmax.yaml"
        self.log = self.folder / "daemon.log"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("TMAX_", "TMUX"))} | {
            "TMAX_RUNTIME_DIR": str(self.folder / "r"),
            "TMAX_STATE_DIR": str(self.folder / "s"),
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.places = places("e2e", self.env)
        self.api = Api("e2e", self.places.api_socket)
        self.daemon: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------------------------------ the spec

    def text(self, workers: Mapping[str, Json], **more: object) -> str:
        """A whole spec. Workers get 2 s to end, unless they say otherwise."""
        whole = {"version": 1, "fleet": "e2e", "defaults": {"stop": {"after": "2s"}}}
        return str(yaml.safe_dump(whole | {"workers": dict(workers)} | more, sort_keys=False))

    def write(self, workers: Mapping[str, Json], **more: object) -> None:
        """Save the spec, by rename as most editors do."""
        self.save(self.text(workers, **more))

    def save(self, text: str | bytes) -> None:
        new = self.spec.with_name("tmax.yaml.new")
        new.write_bytes(text.encode() if isinstance(text, str) else text)
        new.replace(self.spec)

    # ---------------------------------------------------------------------------------- the daemon

    def start(self, *, settled: bool = True) -> int:
        """Start the daemon and return its pid, once its API answers (and its workers are as wanted)."""
        self.daemon = self.spawn()
        self.wait_for(self._answers, "the API answers")
        if settled:
            self.settle()
        return self.daemon.pid

    def spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tmaxd.daemon.main", str(self.spec), "--log", "json"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                cwd=self.folder,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        assert self.daemon is not None
        assert self.daemon.poll() is None, f"the daemon ended with {self.daemon.returncode}"
        try:
            return bool(self.api.get("/v1/ping")["pid"] == self.daemon.pid)
        except NoDaemon:
            return False

    def kill9(self) -> None:
        """The daemon dies without a word."""
        assert self.daemon is not None
        self.daemon.kill()
        self.daemon.wait(DEADLINE)

    def stop(self) -> int:
        """The daemon ends in good order; its workers live on."""
        assert self.daemon is not None
        self.daemon.terminate()
        return self.daemon.wait(DEADLINE)

    def down(self) -> None:
        """Workers, tmux server and daemon end in good order."""
        assert self.daemon is not None
        self.api.post("/v1/down")
        status = self.daemon.wait(DEADLINE)
        assert status == 0, f"exit status {status}\n{self.tail()}"

    def ctl(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tmaxd.ctl.main", *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.env,
            cwd=self.folder,
            timeout=2 * DEADLINE,
            check=False,
        )

    # ------------------------------------------------------------------------------------- looking

    def wait_for(self, look: Callable[[], T], what: str, within: float = DEADLINE) -> T:
        """What `look` returns once that is true in the end."""
        end = time.monotonic() + within
        while not (found := look()):
            assert time.monotonic() < end, f"not within {within:.0f} s: {what}"
            time.sleep(STEP)
        return found

    def status(self) -> Json:
        return self.api.get("/v1/status")

    def settle(self) -> Json:
        """Wait until a whole look at the world finds nothing to do; returns the status after it."""
        self.wait_for(self._converges, "the fleet has converged")
        return self.status()

    def _converges(self) -> bool:
        """False at once where something is stuck; what is in quarantine may come out of it by itself."""
        answer = self.api.post("/v1/reload", {"wait": DEADLINE}, wait=DEADLINE)
        return bool(answer["converged"])

    def workers(self, group: str | None = None) -> dict[str, Json]:
        """Worker to its status, those that are there or should be."""
        found = {w["name"]: w for w in self.status()["workers"]}
        return {k: v for k, v in found.items() if group in (None, v["group"])}

    def worker(self, name: str) -> Json:
        return self.workers().get(name, {"state": "absent", "pid": None})

    def pids(self) -> dict[str, int]:
        return {name: w["pid"] for name, w in self.workers().items()}

    def group(self, name: str) -> Json:
        return next(g for g in self.status()["groups"] if g["name"] == name)

    def events(self, name: str | None = None, **fields: object) -> list[Json]:
        """Lines of the daemon's log, over all its lives, with these fields."""
        found = []
        for line in self.log.read_text().splitlines() if self.log.exists() else []:
            # A daemon that was killed may have left half a line; what is no JSON goes to the report.
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if name in (None, event["event"]) and fields.items() <= event.items():
                found.append(event)
        return found

    # --------------------------------------------------------------------------------------- tasks

    def submit(self, group: str, payloads: Iterable[str]) -> list[int]:
        lines = "".join(json.dumps(payload) + "\n" for payload in payloads)
        answer = self.api.submit(group, [lines.encode()])
        return [first + n for first, count in answer["ranges"] for n in range(count)]

    def await_done(self, group: str, count: int, within: float = 2 * DEADLINE) -> None:
        """Wait until this many tasks of the group have ended well, and check that none has ended otherwise
        and that no other is left."""
        self.wait_for(lambda: self._ended(group) >= count, f"{count} tasks of {group} end", within)
        seen = self.group(group)
        counts = {k: seen[k] for k in ("queued", "delayed", "sent", "running", "done", "dead")}
        assert counts == dict.fromkeys(counts, 0) | {"done": count}
        # Status counts what has been decided; the rows follow with the journal's next commit.
        self.wait_for(lambda: len(self.rows(group, "done")) == count, "it stands in the journal")

    def _ended(self, group: str) -> int:
        seen = self.group(group)
        return int(seen["done"] + seen["dead"])

    def rows(self, group: str, *states: str) -> list[Json]:
        """The group's tasks, newest first."""
        rows: list[Json] = []
        query: dict[str, object] = {"group": group, "limit": 1000}
        if states:
            query["state"] = ",".join(states)
        while page := self.api.get("/v1/tasks", query)["tasks"]:
            rows += page
            query["before"] = page[-1]["id"]
        return rows

    def story(self, task: int) -> Json:
        return self.api.get(f"/v1/tasks/{task}")

    # ---------------------------------------------------------------------------------------- tmux

    def tmux(self, *argv: str) -> str:
        """tmux as a person uses it, on the fleet's socket."""
        done = subprocess.run(
            ["tmux", "-u", "-N", "-S", str(self.places.tmux_socket), *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.env,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, (argv, done.stderr)
        return done.stdout.removesuffix("\n")

    def sessions(self) -> list[str]:
        return self.tmux("list-sessions", "-F", "#{session_name}").splitlines()

    def server_pid(self) -> int:
        return int(self.tmux("display-message", "-p", "#{pid}"))

    def pipe(self, worker: str, name: str) -> Path:
        return self.places.pipes / worker / f"{name}.pipe"

    # -------------------------------------------------------------------------------------- the end

    def run_of(self, worker: str) -> str:
        return str(self.worker(worker)["run"])

    def signal(self, worker: str, number: signal.Signals) -> int:
        """Hit the worker's first process; returns its pid."""
        pid = int(self.worker(worker)["pid"])
        os.kill(pid, number)
        return pid

    def report(self) -> str:
        """What somebody needs to see why a test failed."""
        parts = [f"--- processes\n{marked(str(self.folder))}"]
        try:
            parts.append(f"--- status\n{json.dumps(self.status(), indent=1)}")
        except CtlError as error:
            parts.append(f"--- no status: {error}")
        parts.append(f"--- daemon log\n{self.tail()}")
        try:
            for session in self.sessions()[:8]:
                pane = self.tmux("capture-pane", "-p", "-t", f"={session}:").rstrip()
                parts.append(f"--- {session}\n{pane}")
        except AssertionError as error:
            parts.append(f"--- no tmux: {error}")
        return "\n".join(parts)

    def tail(self) -> str:
        """The end of the daemon's log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-80:])

    def close(self, failed: bool) -> None:
        """End everything. A test that went well must leave a fleet that `down` takes away whole."""
        left: Sequence[object] = ()
        try:
            if not failed and self.daemon is not None and self.daemon.poll() is None:
                self.down()
                left = marked(str(self.folder))
        finally:
            if self.daemon is not None and self.daemon.poll() is None:
                self.daemon.kill()
                self.daemon.wait()
            end_all(str(self.folder))
            shutil.rmtree(self.folder)
        assert not left, f"left behind by `down`: {left}"

"""A fleet's folders in a short path, a daemon in a thread, and tmaxctl as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.ctl.fake_fleet import FakeFleet
from tests.waiting import settle
from tmaxd.daemon.api import server
from tmaxd.places import Places, places

ROOT = Path(__file__).parent.parent.parent

SPEC = """\
version: 1
fleet: demo
workers:
  check: {count: 2, task: [cat]}
  shell: {count: 1, run: [bash]}
"""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Home:
    """Where one test's fleets live."""

    folder: Path
    more_env: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "TMAX_RUNTIME_DIR": str(self.folder / "r"),
            "TMAX_STATE_DIR": str(self.folder / "s"),
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            **self.more_env,
        }

    def places(self, fleet: str = "demo") -> Places:
        return places(fleet, self.env)

    def start(self, *args: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "tmaxd.ctl.main", *args],
            cwd=self.folder,
            env=self.env,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def ctl(self, *args: str, stdin: bytes | None = None) -> Done:
        process = self.start(*args, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        try:
            out, err = process.communicate(stdin, timeout=60)
        finally:
            process.kill()
        return Done(process.returncode, out.decode(), err.decode())

    def write(self, text: str = SPEC, name: str = "tmax.yaml") -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


class Running:
    """A daemon in a thread: the real API, a made-up fleet."""

    def __init__(
        self,
        fleet: FakeFleet,
        loop: asyncio.AbstractEventLoop,
        paths: Places,
        stopping: asyncio.Event,
    ) -> None:
        self.fleet = fleet
        self.paths = paths
        self._loop = loop
        self._stopping = stopping

    def stop(self) -> None:
        """The daemon goes away; safe to repeat."""
        with suppress(RuntimeError):  # its loop is closed
            self.post(self._stopping.set)

    def post(self, function: Callable[[], object]) -> None:
        """Run it in the daemon's loop, some time soon."""
        self._loop.call_soon_threadsafe(function)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the fleet is as it should be."""
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.005)

    def until_tasks(self, number: int) -> None:
        self.until(lambda: len(self.fleet.stories) == number)

    def call(self, function: Callable[[], object]) -> None:
        """Run it in the daemon's loop, now."""
        done = threading.Event()

        def both() -> None:
            function()
            done.set()

        self.post(both)
        assert done.wait(10)


@contextmanager
def daemon(
    home: Home, name: str = "demo", owners: frozenset[int] | None = None
) -> Iterator[Running]:
    paths = home.places(name)
    paths.runtime.mkdir(parents=True, mode=0o700, exist_ok=True)
    paths.payloads.mkdir(parents=True, mode=0o700, exist_ok=True)
    ready: list[Running] = []
    up, stop = threading.Event(), asyncio.Event()

    async def run() -> None:
        fleet = FakeFleet(name)
        api = await server.start(fleet, paths.api_socket, paths.payloads, owners)
        ready.append(Running(fleet, asyncio.get_running_loop(), paths, stop))
        up.set()
        await stop.wait()
        await api.close()
        # Connections that ended a moment ago still have to be told so.
        await settle()

    def serve() -> None:
        try:
            asyncio.run(run())
        finally:
            up.set()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert up.wait(30)
        yield ready[0]
    finally:
        if ready:
            ready[0].stop()
        thread.join()


@cache
def _components() -> Mapping[str, Any]:
    document = yaml.safe_load((ROOT / "schemas" / "api.openapi.yaml").read_text())
    components: Mapping[str, Any] = document["components"]
    return components


def conforms(value: Any, schema: str) -> None:
    """The value is what the API's description calls by this name, and has no key beyond it."""
    components = _components()
    assert set(value) <= set(components["schemas"][schema]["properties"])
    validator = Draft202012Validator(
        {"$ref": f"#/components/schemas/{schema}", "components": components}
    )
    validator.validate(value)

"""Runs a scenario against a real fleet, step by step."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tests.e2e.fleet import DEADLINE, ROOT, STEP, Fleet
from tests.scenarios.looking import broken, missing
from tests.scenarios.model import Fields, Kill, Look, Scenario, Step

CLOCK = """\
import os, time
true_time, file = time.time, os.path.join({folder!r}, "wall")

def shifted():
    try:
        with open(file) as text:
            return true_time() + float(text.read())
    except (OSError, ValueError):
        return true_time()

time.time = shifted
"""
"""Python reads `sitecustomize` at its start: so the daemon looks at a clock that the scenario can set."""


def read(folder: Path) -> Scenario:
    """Raises msgspec.ValidationError with the place of what is wrong."""
    return msgspec.convert(yaml.safe_load((folder / "scenario.yaml").read_text()), Scenario)


class Play:
    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet = fleet
        self._runs: dict[str, str | None] = {}
        self._first = 0
        self._shift = 0.0
        shutil.copytree(folder, fleet.folder, dirs_exist_ok=True)
        self._file: Any = yaml.safe_load(fleet.spec.read_text())

    def run(self, scenario: Scenario) -> None:
        for number, step in enumerate(scenario.steps, 1):
            (name, value), *more = (
                (field, value)
                for field in Step.__struct_fields__
                if (value := getattr(step, field)) is not None
            )
            assert not more, f"step {number} has two keys"
            try:
                self._acts[name](self, value)
            except AssertionError as error:
                raise AssertionError(f"step {number}, {name}: {error}") from error

    # ------------------------------------------------------------------------------------ the acts

    def _note(self, _: str) -> None:
        pass

    def _start(self, how: str) -> None:
        self.fleet.start(settled=how == "settled")

    def _edit(self, keys: Fields) -> None:
        for key, value in keys.items():
            *path, last = key.split(".")
            place = self._file
            for part in path:
                place = place.setdefault(part, {})
            if value is None:
                del place[last]
            else:
                place[last] = value
        self.fleet.save(yaml.safe_dump(self._file, sort_keys=False))

    def _order(self, order: Fields) -> None:
        self.fleet.api.post("/v1/order", body=order)

    def _orders(self, orders: Any) -> None:
        with ThreadPoolExecutor(len(orders.at_once)) as pool:
            list(pool.map(self._order, orders.at_once))

    def _rollback(self, revision: int) -> None:
        self.fleet.api.post("/v1/rollback", body={"revision": revision})

    def _kill(self, kill: Kill) -> None:
        if kill.daemon:
            self.fleet.kill9()
        if kill.server:
            os.kill(self.fleet.server_pid(), signal.SIGKILL)
        if kill.workers:
            pids = {
                name: pid
                for name, pid in self.fleet.pids().items()
                if pid is not None and any(fnmatchcase(name, p) for p in kill.workers)
            }
            assert pids, f"nobody of {kill.workers} lives"
            for pid in pids.values():
                os.kill(pid, signal.Signals[f"SIG{kill.signal}"])

    def _wall_clock(self, seconds: float) -> None:
        (self.fleet.folder / "sitecustomize.py").write_text(
            CLOCK.format(folder=str(self.fleet.folder))
        )
        self.fleet.env["PYTHONPATH"] = f"{self.fleet.folder}:{ROOT}"
        self._shift += seconds
        new = self.fleet.folder / "wall.new"
        new.write_text(str(self._shift))
        new.replace(self.fleet.folder / "wall")

    def _touch(self, name: str) -> None:
        (self.fleet.folder / name).touch()

    def _remove(self, name: str) -> None:
        (self.fleet.folder / name).unlink()

    def _submit(self, submit: Any) -> None:
        self.fleet.submit(submit.group, submit.payloads)

    def _remember(self, _: bool) -> None:
        self._runs = {name: w["run"] for name, w in self.fleet.workers().items()}
        self._first = len(self.fleet.events())

    def _settle(self, _: bool) -> None:
        self.fleet.settle()

    def _wait(self, look: Look) -> None:
        end = time.monotonic() + DEADLINE
        while lacks := missing(self.fleet, look, self._runs, self._first):
            assert time.monotonic() < end, f"not within {DEADLINE:.0f} s: {'; '.join(lacks)}"
            time.sleep(STEP)

    def _expect(self, look: Look) -> None:
        lacks = missing(self.fleet, look, self._runs, self._first)
        assert not lacks, "; ".join(lacks)

    def _never(self, never: Any) -> None:
        found = broken(never, self.fleet.events(), self._first)
        assert not found, "; ".join(found)

    def _down(self, _: bool) -> None:
        self.fleet.down()

    _acts: dict[str, Callable[[Play, Any], None]] = {  # noqa: RUF012  # never changed
        "note": _note,
        "start": _start,
        "edit": _edit,
        "order": _order,
        "orders": _orders,
        "rollback": _rollback,
        "kill": _kill,
        "wall_clock": _wall_clock,
        "touch": _touch,
        "remove": _remove,
        "submit": _submit,
        "remember": _remember,
        "settle": _settle,
        "wait": _wait,
        "expect": _expect,
        "never": _never,
        "down": _down,
    }

"""A folder tree that behaves as a mount of cgroup2 does, as far as containment needs it: the files of a new cgroup, the
moves of processes, controllers that are passed on, and the rule that where they are no process may stand."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from tmaxd.world import cgroup, cgroup_base
from tmaxd.world.cgroup import CgroupTree
from tmaxd.world.cgroup_base import Surroundings

SERVER = 4242
"""The pid of the tmux server; no such process need live."""


class Kernel:
    def __init__(self, mount: Path, monkeypatch: pytest.MonkeyPatch, memory: bool = True) -> None:
        self.mount = mount
        self.stands: dict[int, str] = {}
        """Pid to the path of the cgroup that it stands in."""
        self.managed = False
        self.broken: set[str] = set()
        """Names of files that cannot be written."""
        self._fill(mount, {"memory", "pids"} if memory else {"hugetlb"}, root=True)
        self.put(SERVER, "/")
        for module in (cgroup, cgroup_base):
            monkeypatch.setattr(module, "make", self.make)
            monkeypatch.setattr(module, "remove", self.remove)
            monkeypatch.setattr(module, "write", self.write)

    def tree(self, name: str = "tmaxd-x") -> CgroupTree:
        return CgroupTree(name, self.around, self.stands.get)

    def around(self) -> Surroundings:
        return Surroundings(str(self.mount), "/", self.managed, uid=0)

    # --------------------------------------------------------------------------- what tests do to it

    def delegate(self, path: str, *pids: int) -> str:
        """A cgroup that gets its controllers from above, and these processes."""
        self.write(f"{self.mount}/cgroup.subtree_control", "+memory")
        self.write(f"{self.mount}/cgroup.subtree_control", "+pids")
        self.make(f"{self.mount}{path}")
        for pid in pids:
            self.put(pid, path)
        return f"{self.mount}{path}"

    def put(self, pid: int, path: str) -> None:
        self.stands[pid] = path
        self._show()

    def end(self, pid: int) -> None:
        del self.stands[pid]
        self._show()

    def pids(self, folder: str) -> set[int]:
        return set(map(int, Path(folder, "cgroup.procs").read_text().split()))

    def say(self, folder: str, name: str, text: str) -> None:
        Path(folder, name).write_text(text)

    # ------------------------------------------------------------------------------- what it does

    def make(self, folder: str) -> None:
        if not os.path.isdir(folder):
            above = Path(folder).parent
            passed = set((above / "cgroup.subtree_control").read_text().split())
            os.mkdir(folder)
            self._fill(Path(folder), passed)

    def remove(self, folder: str) -> None:
        inside = [entry for entry in Path(folder).iterdir() if entry.is_dir()]
        if inside or self.pids(folder):
            raise OSError(errno.EBUSY, "Device or resource busy")
        shutil.rmtree(folder)

    def write(self, path: str, text: str) -> None:
        folder, name = os.path.split(path)
        if name in self.broken:
            raise OSError(errno.EINVAL, "Invalid argument")
        if not os.path.exists(path):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        if name == "cgroup.procs":
            if Path(folder, "cgroup.subtree_control").read_text().strip() and self._below(folder):
                raise OSError(errno.EBUSY, "Device or resource busy")
            self.put(int(text), folder.removeprefix(str(self.mount)) or "/")
        elif name == "cgroup.kill":
            inside = folder.removeprefix(str(self.mount))
            for pid in [p for p, at in self.stands.items() if f"{at}/".startswith(f"{inside}/")]:
                self.end(pid)
        elif name == "cgroup.subtree_control":
            self._pass_on(Path(folder), text)
        else:
            Path(path).write_text(text + "\n")

    def _pass_on(self, folder: Path, text: str) -> None:
        if text[1:] not in (folder / "cgroup.controllers").read_text().split():
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        if self._below(str(folder)) and self.pids(str(folder)):
            raise OSError(errno.EBUSY, "Device or resource busy")
        file = folder / "cgroup.subtree_control"
        file.write_text(" ".join(sorted({*file.read_text().split(), text[1:]})))

    def _below(self, folder: str) -> bool:
        """The rule does not hold for the root."""
        return folder != str(self.mount)

    def _fill(self, folder: Path, controllers: Iterable[str], *, root: bool = False) -> None:
        files = {
            "cgroup.procs": "",
            "cgroup.controllers": " ".join(sorted(controllers)),
            "cgroup.subtree_control": "",
        }
        if not root:
            files |= {
                "cgroup.type": "domain\n",
                "cgroup.kill": "",
                "cpu.stat": "usage_usec 1500000\nuser_usec 1\nsystem_usec 2\n",
            }
        if not root and "memory" in controllers:
            files |= {
                "memory.current": "0\n",
                "memory.stat": "anon 0\ninactive_file 0\n",
                "memory.high": "max\n",
                "memory.max": "max\n",
                "memory.oom.group": "0\n",
                "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n",
            }
        for name, text in files.items():
            (folder / name).write_text(text)

    def _show(self) -> None:
        for procs in self.mount.rglob("cgroup.procs"):
            at = "/" + str(procs.parent.relative_to(self.mount)).removeprefix(".")
            found = [pid for pid, path in self.stands.items() if path == at]
            procs.write_text("".join(f"{pid}\n" for pid in found))

"""What is read of real files, sockets and processes."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

import pytest

from tests.ctl.harness import SPEC, Home
from tmaxd.ctl.doctor.reading import files, kernel, programs
from tmaxd.ctl.doctor.reading.specs import spec
from tmaxd.ctl.doctor.seen import Mount


def test_a_socket_is_alive_as_long_as_somebody_listens(home: Home) -> None:
    path = home.folder / "s"
    assert files.sock(path) == "missing"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        assert files.sock(path) == "listening"
    assert files.sock(path) == files.sock(path, gently=True) == "dead"
    path.unlink()
    path.write_text("")
    assert files.sock(path) == "other"


def test_a_tmux_server_is_not_disturbed(home: Home) -> None:
    """A client that leaves before it has said who it is crashes some versions."""
    path = home.folder / "s"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        door.setblocking(False)
        assert files.sock(path, gently=True) == "listening"
        with pytest.raises(BlockingIOError):
            door.accept()
        assert files.sock(path) == "listening"
        door.accept()[0].close()


def test_the_lock_tells_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert files.lock(path) == (False, None)
    path.write_text("77 123\n")
    assert files.lock(path) == (False, None)
    fd = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert files.lock(path) == (True, 77)
        path.write_text("")
        assert files.lock(path) == (True, None)
    finally:
        os.close(fd)


def test_folders_are_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o750)
    (tmp_path / "link").symlink_to("there")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "file").write_text("")
    table = files.mounts()

    there = files.look(tmp_path / "there", "state", table)
    assert (there.kind, there.uid, there.mode) == ("folder", os.getuid(), 0o750)
    assert there.disk is not None
    assert there.disk.total > there.disk.free > 0
    assert there.mount is not None
    assert files.look(tmp_path / "link", "state", table).kind == "link"
    assert files.look(tmp_path / "link", "state root", table).kind == "folder"
    assert files.look(tmp_path / "broken", "state root", table).kind == "link"
    assert files.look(tmp_path / "file", "state", table).kind == "other"
    missing = files.look(tmp_path / "a" / "b", "state", table)
    assert (missing.kind, missing.can_be_made, missing.mount) == ("missing", True, there.mount)


def test_the_deepest_mount_counts() -> None:
    table = [("/a/b", Mount("nfs", "/a/b")), ("/a", Mount("ext4", "/a")), ("/", Mount("xfs", "/"))]
    found = [files.mount_of(path, table) for path in ("/a/b/c", "/a/b", "/a/bc", "/ab")]
    assert [mount and mount.kind for mount in found] == ["nfs", "nfs", "ext4", "xfs"]
    assert files.mount_of("/proc/self", files.mounts()) == Mount("proc", "/proc", False)


def test_the_kernel_answers(tmp_path: Path) -> None:
    found = kernel.limits(os.getpid(), str(tmp_path))
    assert found.of == "the daemon"
    assert found.pipe_max
    assert found.pipe_max >= 65536
    assert found.inotify == ""
    assert kernel.limits(None, str(tmp_path)).of == "a daemon started from here"
    assert kernel.try_watch(str(tmp_path / "nowhere")) == "No such file or directory"
    now = kernel.clock(None)
    assert now.synchronised in (True, False)
    assert now.slept >= 0


def test_the_daemons_word_on_containment_is_taken() -> None:
    said = {"kind": "cgroup", "limits": True, "why": "so"}
    assert kernel.containment(said).running
    assert kernel.containment(said).why == "so"
    assert not kernel.containment({}).running
    assert kernel.containment({}).why


def test_programs_that_do_not_answer_are_told_of() -> None:
    assert programs.ask("sh", "-c", "echo a; echo b >&2; exit 3") == (3, "a", "b")
    status, _, why = programs.ask("/nowhere/tmux", "-V")
    assert (status, why) == (-1, "No such file or directory")
    assert programs.tmux().says.startswith("tmux ")


def test_units_as_systemctl_shows_them() -> None:
    lines = ["LoadState=loaded", "ActiveState=active", "Result=a=b", "UnitFileState="]
    unit = programs.unit_from("tmaxd@demo", "user", lines)
    assert (unit.load, unit.active, unit.enabled, unit.result) == ("loaded", "active", "", "a=b")


def test_what_a_spec_needs(home: Home) -> None:
    (home.folder / "no").write_text("")
    path = home.write(
        """\
version: 1
fleet: demo
workers:
  a: {count: 4, task: [cat], pool: 2, rollout: {surge: 30%}, memory: {max: 1GiB}}
  b: {count: 3, serve: [./no], layout: shared, health: {exec: [sh-that-is-not-there]}}
  c: {run: [./missing], cwd: /nowhere}
pipes:
  capacity: 1MiB
  inboxes: {in: {to: a}}
on: {ended: [no-such-hook]}
"""
    )
    found = spec(path)
    assert found.problems == ()
    # 4 and 2 spares and 2 of a change, 3, 1; an inbox and a shared FIFO
    assert (found.workers, found.fifos, found.capacity) == (12, 2, 1024 * 1024)
    assert found.limited == ("a",)
    trouble = {program.who: program.trouble for program in found.programs}
    assert trouble["group a"] == ""
    assert trouble["group b"].endswith("/no cannot be executed")
    assert "sh-that-is-not-there is nowhere on PATH" in trouble["group b, health"]
    assert trouble["group c"] == "its folder /nowhere is not there"
    assert "no-such-hook is nowhere" in trouble["hook of ended"]


def test_a_bad_spec_still_names_its_fleet(home: Home) -> None:
    found = spec(home.write(SPEC.replace("count: 2", "count: two")))
    assert found.fleet == "demo"
    assert len(found.problems) == 1
    assert "tmax.yaml:4:" in found.problems[0]

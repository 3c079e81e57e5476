"""Containment by cgroups, on a folder tree that stands for the kernel's; and what works of it on this machine."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import DEADLINE
from tests.world.cgroup_kernel import SERVER, Kernel
from tmaxd.ports import Proc
from tmaxd.ports.containment import Limits
from tmaxd.world import procfs
from tmaxd.world.cgroup import CgroupTree, name_of
from tmaxd.world.cgroup_base import LEAF, Surroundings, surroundings
from tmaxd.world.memory import available, charged, room_in

MIB = 1 << 20


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    mount = tmp_path / "cgroup"
    mount.mkdir()
    return Kernel(mount, monkeypatch)


def me() -> Proc:
    stat = procfs.read_stat(os.getpid())
    assert stat is not None
    return Proc(stat.pid, stat.start)


# ------------------------------------------------------------------------------- what is decided


def test_without_cgroup_v2_there_are_only_trees() -> None:
    tree = CgroupTree("tmaxd-x", lambda: Surroundings(None), lambda _: None)
    tree.find(SERVER)
    assert (tree.held.kind, tree.held.limits) == ("trees", False)
    assert "no cgroup v2" in tree.held.why
    assert tree.enter("r1", Limits(max=1)) == ()
    tree.join({"r1": me()})
    assert tree.members("r1") == frozenset()
    assert not tree.kill("r1")


def test_in_the_root_nobody_has_to_move(kernel: Kernel) -> None:
    kernel.put(1, "/")
    tree = kernel.tree()
    tree.find(SERVER)
    assert (tree.held.kind, tree.held.limits) == ("cgroup", True)
    assert kernel.stands == {SERVER: "/", 1: "/"}
    assert "memory" in (kernel.mount / "tmaxd-x" / "cgroup.subtree_control").read_text()


def test_without_the_memory_controller_there_are_cages_without_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(tmp_path, monkeypatch, memory=False)
    tree = kernel.tree()
    tree.find(SERVER)
    assert (tree.held.kind, tree.held.limits) == ("cgroup", False)
    assert "without limits of memory: the memory controller is not to be had" in tree.held.why
    assert tree.enter("r1", Limits(max=MIB)) == (), "nothing would be kept"
    tree.join({"r1": me()})
    assert tree.members("r1") == {os.getpid()}


def test_server_and_daemon_move_out_of_the_way(kernel: Kernel) -> None:
    folder = kernel.delegate("/unit.scope", SERVER, os.getpid())
    tree = kernel.tree()
    tree.find(SERVER)
    assert tree.held.limits, tree.held.why
    assert kernel.stands == {SERVER: f"/unit.scope/{LEAF}", os.getpid(): f"/unit.scope/{LEAF}"}
    assert (Path(folder) / "tmaxd-x").is_dir()


def test_the_next_daemon_finds_the_same_place(kernel: Kernel) -> None:
    folder = kernel.delegate("/unit.scope", SERVER, os.getpid())
    kernel.tree().find(SERVER)
    again = kernel.tree()
    again.find(SERVER)
    assert again.held.limits, again.held.why
    assert again.cgroup() == f"{folder}/tmaxd-x"


def test_a_stranger_in_the_same_cgroup_is_not_moved(kernel: Kernel) -> None:
    kernel.delegate("/user.scope", SERVER, os.getppid())
    tree = kernel.tree()
    tree.find(SERVER)
    assert (tree.held.kind, tree.held.limits) == ("cgroup", False)
    assert f"process {os.getppid()} stands in" in tree.held.why
    assert kernel.stands == {SERVER: "/user.scope", os.getppid(): "/user.scope"}


def test_a_service_has_to_have_its_subgroup_from_systemd(kernel: Kernel) -> None:
    kernel.delegate("/tmaxd.service", SERVER)
    tree = kernel.tree()
    tree.find(SERVER)
    assert not tree.held.limits
    assert f"DelegateSubgroup={LEAF}" in tree.held.why
    assert kernel.stands == {SERVER: "/tmaxd.service"}, "systemd could not start the daemon again"
    folder = kernel.delegate("/other.service")
    kernel.make(f"{folder}/{LEAF}")
    kernel.put(SERVER, f"/other.service/{LEAF}")
    other = kernel.tree()
    other.find(SERVER)
    assert other.held.limits, other.held.why


def test_root_divides_nothing_that_systemd_has_not_delegated(kernel: Kernel) -> None:
    kernel.managed = True
    tree = kernel.tree()
    tree.find(SERVER)
    assert tree.held.kind == "trees"
    assert "systemd has not delegated" in tree.held.why


def test_what_is_not_writable_is_not_ours(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    tree = kernel.tree()
    tree.find(SERVER)
    assert tree.held.kind == "trees"
    assert "not ours to divide" in tree.held.why


def test_a_cgroup_outside_of_the_mount_is_out_of_reach(kernel: Kernel) -> None:
    kernel.stands[SERVER] = "/../elsewhere"
    tree = kernel.tree()
    tree.find(SERVER)
    assert tree.held.kind == "trees"
    assert "outside of what is mounted" in tree.held.why


def test_a_server_that_is_gone_leaves_it_open(kernel: Kernel) -> None:
    kernel.end(SERVER)
    tree = kernel.tree()
    tree.find(SERVER)
    assert "cannot be told" in tree.held.why


# ------------------------------------------------------------------------------------- one run


def test_limits_hold_from_the_first_instruction_and_change_live(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.find(SERVER)
    shell, c, script, cage = tree.enter("r1", Limits(high=64 * MIB, max=128 * MIB))
    assert (shell, c) == ("/bin/sh", "-c")
    assert cage == str(kernel.mount / "tmaxd-x" / "r1")
    read = {n: (Path(cage) / n).read_text().strip() for n in ("memory.high", "memory.max")}
    assert read == {"memory.high": str(64 * MIB), "memory.max": str(128 * MIB)}
    assert (Path(cage) / "memory.oom.group").read_text().strip() == "1"
    tree.limit("r1", Limits(max=256 * MIB))
    assert (Path(cage) / "memory.high").read_text().strip() == "max"
    assert (Path(cage) / "memory.max").read_text().strip() == str(256 * MIB)
    assert "$0" in script


def test_who_enters_is_moved_and_becomes_the_program_with_its_words_as_they_are(
    tmp_path: Path, kernel: Kernel
) -> None:
    tree = kernel.tree()
    tree.find(SERVER)
    entry = tree.enter("r1", Limits(max=MIB))
    words = ["a b", "$HOME", "; exit 7", "'", ""]
    done = subprocess.run(
        [*entry, "/bin/sh", "-c", 'echo $$; for w; do echo "<$w>"; done', "x", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    pid, *said = done.stdout.splitlines()
    assert said == [f"<{word}>" for word in words]
    assert int(pid) > 1
    assert done.stderr == ""
    # `echo 0` is what the kernel takes for "me"; here it stands in the file.
    assert Path(entry[-1], "cgroup.procs").read_text().strip() == "0"


def test_a_cage_that_is_gone_does_not_keep_the_program_from_starting(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.find(SERVER)
    *entry, _ = tree.enter("r1", Limits(max=MIB))
    done = subprocess.run(
        [*entry, "/nowhere", "echo", "hello"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("hello\n", "")


def test_members_below_count_and_go_with_it(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.find(SERVER)
    tree.enter("r1", Limits(max=MIB))
    cage = kernel.mount / "tmaxd-x" / "r1"
    kernel.make(str(cage / "inner"))
    kernel.put(77, "/tmaxd-x/r1")
    kernel.put(78, "/tmaxd-x/r1/inner")
    assert tree.members("r1") == {77, 78}
    assert tree.kill("r1")
    assert tree.members("r1") == frozenset()
    tree.remove("r1")
    assert not cage.exists()
    assert not tree.kill("r1")


def test_a_cage_with_somebody_in_it_goes_later(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.find(SERVER)
    tree.enter("r1", Limits(max=MIB))
    kernel.put(77, "/tmaxd-x/r1")
    tree.remove("r1")
    assert (kernel.mount / "tmaxd-x" / "r1").exists()
    kernel.end(77)
    tree.remove("another")
    assert not (kernel.mount / "tmaxd-x" / "r1").exists()


def test_a_new_daemon_knows_its_cages_and_removes_those_of_nobody(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.find(SERVER)
    for run in ("r1", "r2"):
        tree.enter(run, Limits(max=MIB))
    kernel.put(77, "/tmaxd-x/r1")
    again = kernel.tree()
    again.find(SERVER)
    assert again.members("r1") == {77}
    again.tidy(["r1"])
    assert sorted(p.name for p in (kernel.mount / "tmaxd-x").iterdir() if p.is_dir()) == ["r1"]
    again.close()
    assert (kernel.mount / "tmaxd-x").exists(), "somebody lives in there"
    kernel.end(77)
    again.remove("r1")
    again.close()
    assert not (kernel.mount / "tmaxd-x").exists()


def test_what_it_counts(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.find(SERVER)
    tree.enter("r1", Limits(max=MIB))
    assert tree.read("r1") is None, "nobody stands in it"
    cage = str(kernel.mount / "tmaxd-x" / "r1")
    kernel.put(77, "/tmaxd-x/r1")
    kernel.say(cage, "memory.current", "5000000\n")
    kernel.say(cage, "memory.stat", "anon 3000000\nfile 2000000\ninactive_file 1500000\n")
    kernel.say(cage, "memory.events", "low 0\noom 1\noom_kill 3\noom_group_kill 1\n")
    found = tree.read("r1")
    assert found is not None
    assert (found.pids, found.bytes, found.cpu, found.oom_kills) == (
        frozenset({77}),
        3_500_000,
        1.5,
        3,
    )
    assert tree.oom_kills("r1") == 3
    assert tree.oom_kills("r2") == 0


def test_a_limit_that_the_kernel_refuses_is_told(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.find(SERVER)
    kernel.broken.add("memory.max")
    assert tree.enter("r1", Limits(max=MIB)), "it has its cage all the same"
    assert "memory.max" in tree.held.why
    assert "Invalid argument" in tree.held.why


def test_a_later_process_of_that_number_is_not_moved(kernel: Kernel) -> None:
    tree = kernel.tree()
    tree.find(SERVER)
    tree.join({"r1": Proc(os.getpid(), me().start - 1)})
    assert os.getpid() not in kernel.stands
    assert tree.members("r1") == frozenset()


def test_room_is_what_the_narrowest_cgroup_leaves(kernel: Kernel) -> None:
    whole = available()
    assert whole is not None
    outer = kernel.delegate("/outer")
    kernel.write(f"{outer}/cgroup.subtree_control", "+memory")
    kernel.make(inner := f"{outer}/inner")
    assert available(inner) == pytest.approx(whole, rel=0.2), "no limit so far"
    kernel.say(outer, "memory.max", f"{100 * MIB}\n")
    kernel.say(outer, "memory.current", f"{70 * MIB}\n")
    kernel.say(outer, "memory.stat", f"anon 0\ninactive_file {10 * MIB}\n")
    assert available(inner) == 40 * MIB
    assert (room_in(outer), room_in(inner), charged(outer)) == (40 * MIB, None, 60 * MIB)


def test_a_name_tells_whose_it_is() -> None:
    assert name_of(Path("/var/lib/tmaxd/demo")) == "tmaxd-var_lib_tmaxd_demo"
    assert len(name_of(Path("/x" * 400))) < 255


# --------------------------------------------------------------------------------- this machine


@pytest.fixture
def real(tmp_path: Path) -> Iterator[CgroupTree]:
    around = surroundings()
    if around.mount is None:
        pytest.skip("there is no cgroup v2 on this machine")
    tree = CgroupTree(name_of(tmp_path))
    tree.find(os.getpid())
    if tree.held.kind != "cgroup":
        pytest.skip(tree.held.why)
    yield tree
    tree.close()
    folder = tree.cgroup()
    assert folder is not None
    assert not os.path.exists(folder), "left behind"


def test_on_this_machine_nobody_leaves_his_cage(real: CgroupTree) -> None:
    leader = subprocess.Popen(
        ["/bin/sh"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert leader.stdin is not None
        assert leader.stdout is not None
        stat = procfs.read_stat(leader.pid)
        assert stat is not None
        real.join({"r1": Proc(stat.pid, stat.start)})
        leader.stdin.write("(setsid env -i sleep 1000 >/dev/null 2>&1 & echo $!)\n")
        leader.stdin.flush()
        orphan = int(leader.stdout.readline())
        _until(real, "r1", {leader.pid, orphan})  # the subshell between the two is gone
        found = real.read("r1")
        assert found is not None
        assert found.pids == {leader.pid, orphan}
        assert real.kill("r1")
        _until(real, "r1", set())
    finally:
        leader.kill()
        leader.communicate()
        real.kill("r1")
        _until(real, "r1", set())
        real.remove("r1")


def _until(tree: CgroupTree, run: str, members: set[int]) -> None:
    deadline = time.monotonic() + DEADLINE
    while (there := tree.members(run)) != members:
        assert time.monotonic() < deadline, f"{sorted(there)} are in it, not {sorted(members)}"
        time.sleep(0.002)

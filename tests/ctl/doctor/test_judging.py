"""From readings to findings, by tables: one thing is wrong, and just that is found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.ctl.doctor import readings as r
from tests.ctl.doctor.readings import WELL, complaints
from tmaxd.ctl.doctor.checks import CHECKS
from tmaxd.ctl.doctor.finding import LEVELS, Linger, MakeFolder, RemoveSocket, TakeAway, counts
from tmaxd.ctl.doctor.judging.whole import judge
from tmaxd.ctl.doctor.seen import Mount, Other, Program, Seen, Service, Tmux, Unit

ALONE = replace(r.FLEET, api="missing", tmux="missing", held=False, holder=None, ping={})
"""No daemon runs."""


def on(part: str, **changes: Any) -> Seen:
    """The machine on which all is well, but for this."""
    whole: Any = replace(WELL, **{part: replace(getattr(WELL, part), **changes)})
    return whole  # type: ignore[no-any-return]


def folders(index: int, **changes: Any) -> Seen:
    found = list(WELL.folders)
    found[index] = replace(found[index], **changes)
    return replace(WELL, folders=tuple(found))


def units(*found: Unit, lingers: bool | None = True) -> Seen:
    return replace(WELL, service=Service(True, lingers, found))


CASES: dict[str, tuple[Seen, str, str, str]] = {
    "no tmux": (replace(WELL, tmux=Tmux(None)), "tmux", "error", "not on PATH"),
    "old tmux": (on("tmux", says="tmux 3.1c"), "tmux", "error", "3.1c"),
    "broken tmux": (on("tmux", trouble="exit status 127"), "tmux", "error", "127"),
    "unnumbered tmux": (on("tmux", says="tmux master"), "tmux", "note", "master"),
    "old python": (on("machine", python=(3, 10, 4)), "python", "error", "3.10.4"),
    "no pidfd": (on("machine", pidfd=False), "kernel", "note", "missing"),
    "old kernel": (on("machine", kernel="5.10.0"), "kernel", "note", "5.10.0"),
    "no prlimit": (on("machine", prlimit=False), "kernel", "note", "missing"),
    "trees": (on("containment", kind="trees", limits=False), "containment", "note", "daemon says"),
    "no limits": (on("containment", limits=False, running=False), "containment", "note", "started from here"),
    "few files": (on("limits", open_files=100), "open_files", "error", "10 workers need 106"),
    "few terminals": (on("limits", terminals=10), "terminals", "error", "10 terminals"),
    "small pipes": (on("limits", pipe_max=65536), "pipe_capacity", "warning", "262144"),
    "few pages": (on("limits", pipe_pages=1567), "pipe_pages", "warning", "1568 pages"),
    "no instances": (
        on("limits", inotify="instances", inotify_instances=128), "inotify", "warning", "max_user_instances (128)",
    ),
    "no watches": (on("limits", inotify="watches", inotify_watches=8), "inotify", "warning", "max_user_watches (8)"),
    "inotify refused": (on("limits", inotify="Function not implemented"), "inotify", "warning", "not implemented"),
    "clock of 1970": (on("clock", wall=1000.0, latest=None), "clock", "error", "1970"),
    "clock set back": (on("clock", latest=1_800_003_600.0), "clock", "warning", "1h00m ahead"),
    "clock not kept": (on("clock", synchronised=False), "clock", "note", "unsynchronised"),
    "slept": (on("clock", slept=7200.0), "sleep", "note", "2h00m"),
    "link": (folders(2, kind="link"), "folder", "error", "symbolic link"),
    "broken link": (folders(0, kind="link"), "folder", "error", "leads nowhere"),
    "no folder": (folders(3, kind="other"), "folder", "error", "no folder"),
    "foreign": (folders(2, uid=5), "folder", "error", "belongs to uid 5"),
    "foreign root": (folders(0, uid=5), "folder", "error", "belongs to uid 5"),
    "hidden": (folders(3, kind="unseen"), "folder", "error", "may not be looked at"),
    "part missing": (folders(4, kind="missing"), "folder", "warning", "missing, though"),
    "cannot be made": (folders(0, kind="missing", can_be_made=False), "folder", "error", "cannot be made"),
    "open": (folders(3, mode=0o755), "folder_mode", "warning", "mode 0755"),
    "swappable root": (folders(1, mode=0o777), "folder_mode", "error", "mode 0777"),
    "group may swap": (folders(1, mode=0o770, gid=7), "folder_mode", "error", "mode 0770"),
    "runtime on vfat": (folders(2, mount=Mount("vfat", "/mnt")), "filesystem", "error", "vfat"),
    "runtime on nfs": (folders(2, mount=Mount("nfs4", "/mnt")), "filesystem", "warning", "nfs4"),
    "state on 9p": (folders(3, mount=Mount("9p", "/mnt")), "filesystem", "error", "9p"),
    "state on sshfs": (folders(3, mount=Mount("fuse.sshfs", "/mnt")), "filesystem", "error", "sshfs"),
    "read-only": (folders(3, mount=Mount("ext4", "/mnt", True)), "filesystem", "error", "read-only"),
    "runtime in tmp": (folders(0, path="/tmp/x"), "runtime_place", "note", "temporary"),
    "state in tmp": (folders(1, path="/var/tmp/x"), "state_place", "warning", "temporary"),
    "state in memory": (folders(1, mount=Mount("tmpfs", "/m")), "state_place", "warning", "in memory"),
    "full": (folders(1, disk=replace(r.DISK, free=999)), "disk_space", "error", "999 B"),
    "nearly full": (folders(1, disk=replace(r.DISK, free=900 * 1024**2)), "disk_space", "warning", "900 MiB"),
    "full runtime": (folders(0, disk=replace(r.DISK, free=999)), "disk_space", "error", "999 B"),
    "no inodes": (folders(1, disk=replace(r.DISK, inodes=3)), "disk_inodes", "error", "3 of"),
    "long path": (on("fleet", api_socket="/" + 107 * "x"), "socket_path", "error", "108 bytes"),
    "foreign state": (on("state", uid=0), "state", "error", "belongs to uid 0"),
    "open state": (on("state", mode=0o644), "state", "warning", "mode 0644"),
    "broken state": (on("state", trouble="file is not a database"), "state", "error", "not a database"),
    "newer state": (on("state", version=9), "state", "error", "version 9"),
    "long log": (on("state", wal=300 * 1024**2), "state_wal", "warning", "300 MiB"),
    "damaged": (on("state", damage=("row 3", "row 4")), "state_integrity", "error", "row 3 (and 1 more)"),
    "broken store": (on("store", there=True, uid=1000, trouble="cut"), "memory_store", "error", "cut"),
    "no lingering": (units(r.UNIT, lingers=False), "lingering", "warning", "ada does not linger"),
    "unit failed": (units(replace(r.UNIT, active="failed", result="watchdog")), "unit", "error", "watchdog"),
    "unit not enabled": (units(replace(r.UNIT, enabled="disabled")), "unit", "note", "disabled"),
    "beside its unit": (units(replace(r.UNIT, active="inactive")), "unit", "warning", "has not started"),
    "no unit": (units(replace(r.UNIT, load="not-found")), "unit", "note", "is installed"),
    "server of old": (on("fleet", server_version="3.3a"), "tmux_server", "warning", "3.3a"),
    "daemon of old": (replace(WELL, version="1.1"), "daemon_version", "warning", "tmaxctl is 1.1"),
    "hung daemon": (on("fleet", ping={}, silence="no answer"), "daemon", "error", "pid 77 holds"),
    "stranger": (on("fleet", ping={}, held=False, silence="bad"), "daemon", "error", "no daemon of fleet demo"),
    "dead socket": (
        replace(WELL, fleet=replace(ALONE, api="dead")), "stale_socket", "note", "api.sock was left",
    ),
    "no socket": (replace(WELL, fleet=replace(ALONE, tmux="other")), "stale_socket", "error", "is no socket"),
    "bad spec": (on("spec", problems=("tmax.yaml:1: no", "b")), "spec", "error", "2 errors: tmax.yaml:1"),
    "doubtful spec": (on("spec", warnings=("hm",)), "spec", "note", "1 warning: hm"),
    "no program": (
        on("spec", programs=(Program("group a", "cot", "nowhere"),)), "programs", "error", "group a: nowhere",
    ),
    "shared spec": (
        replace(WELL, others=(Other("twin", 8, r.SPEC_PATH),)), "same_spec", "warning", "fleet twin",
    ),
}  # fmt: skip


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert complaints(WELL) == []


@pytest.mark.parametrize("name", CASES)
def test_just_what_is_wrong_is_found(name: str) -> None:
    seen, check, level, words = CASES[name]
    found = complaints(seen)
    assert [(finding.check, finding.level) for finding in found] == [(check, level)]
    assert words in found[0].what
    assert found[0].consequence
    assert found[0].fix


def test_every_check_is_explained_and_every_explanation_can_be_found() -> None:
    named = {check for _, check, _, _ in CASES.values()} | {"tmux_faults"}
    assert named == set(CHECKS)
    everything = [finding for case in CASES.values() for finding in judge(case[0])]
    assert {finding.check for finding in everything} <= set(CHECKS)


def test_the_gravest_come_first() -> None:
    seen = replace(on("limits", open_files=100), tmux=replace(r.TMUX, says="tmux 3.3a"))
    levels = [finding.level for finding in judge(seen)]
    assert levels == sorted(levels, key=LEVELS.index)
    assert counts(judge(seen))["error"] == 1


@pytest.mark.parametrize(
    ("says", "left"),
    [
        ("tmux 3.3a", ["3.4 has 3 of them", "3.7 has 1 of them", "3.8 has none"]),
        ("tmux 3.6b", ["3.7 has 1 of them", "3.8 has none"]),
        ("tmux 3.7c", ["3.8 has none"]),
    ],
)
def test_what_a_newer_tmux_mends(says: str, left: list[str]) -> None:
    (finding,) = complaints(replace(on("tmux", says=says), fleet=None))
    assert (finding.check, finding.level) == ("tmux_faults", "note")
    assert finding.fix == f"install a newer tmux: {', '.join(left)}"


def test_limits_that_nobody_keeps_are_a_warning_where_they_are_asked_for() -> None:
    seen = replace(
        on("containment", kind="trees", limits=False), spec=replace(r.SPEC, limited=("hog",))
    )
    (finding,) = complaints(seen)
    assert finding.level == "warning"
    assert "these groups ask for them: hog" in finding.consequence


@pytest.mark.parametrize(
    "seen",
    [
        on("limits", pipe_max=65536, privileged=True),
        on("limits", pipe_pages=1, privileged=True),
        on("limits", pipe_pages=0),
        on("limits", open_files=106),
        on("limits", terminals=11, terminals_used=11),  # those of the fleet itself
        on("clock", synchronised=None),
        on("clock", latest=1_800_000_004.0),
        folders(0, uid=0),
        folders(1, mode=0o777 | 0o1000),
        folders(1, mode=0o770),
        on("limits", open_files=None, terminals=None, pipe_max=None, pipe_pages=None),
    ],
)
def test_what_is_no_trouble(seen: Seen) -> None:
    assert complaints(seen) == []


def test_a_fleet_that_never_ran_lacks_nothing() -> None:
    missing = tuple(replace(f, kind="missing", uid=-1, mode=0) for f in WELL.folders)
    never = replace(WELL, folders=missing, fleet=ALONE, service=Service(False))
    assert complaints(replace(never, state=replace(r.STATE_DB, there=False))) == []


def test_a_spec_with_errors_says_nothing_of_what_it_needs() -> None:
    seen = replace(on("limits", pipe_max=1), spec=replace(r.SPEC, problems=("no",)))
    assert [finding.check for finding in complaints(seen)] == ["spec"]


def test_without_a_fleet_the_machine_is_judged() -> None:
    bare = replace(WELL, fleet=None, spec=None, state=None, store=None, folders=WELL.folders[:2])
    assert complaints(bare) == []
    assert {"tmux", "open_files", "clock", "lingering"} <= {f.check for f in judge(bare)}


def test_what_is_repaired() -> None:
    def repair(seen: Seen) -> object:
        (finding,) = complaints(seen)
        assert finding.as_json()["fixable"] == (finding.repair is not None)
        return finding.repair

    assert repair(folders(3, mode=0o755)) == TakeAway(r.FLEET.state, 0o077)
    assert repair(folders(1, mode=0o777)) == TakeAway(r.STATE, 0o022)
    assert repair(folders(4, kind="missing")) == MakeFolder(f"{r.FLEET.runtime}/pipes")
    assert repair(on("state", mode=0o644)) == TakeAway(r.STATE_DB.path, 0o077)
    dead = replace(WELL, fleet=replace(ALONE, tmux="dead"))
    assert repair(dead) == RemoveSocket(r.FLEET.tmux_socket, r.FLEET.lock)
    assert repair(units(r.UNIT, lingers=False)) == Linger()


def test_what_is_not_repaired_by_itself() -> None:
    """What belongs to others, what somebody uses, and folders that a user has chosen and may share."""
    shared = folders(1, path="/srv/shared", mode=0o777)
    for seen in (shared, folders(2, uid=5), folders(2, kind="link"), on("state", uid=0)):
        assert [finding.repair for finding in complaints(seen)] == [None]
    in_use = on("fleet", tmux="dead")  # its daemon is about to start it anew
    assert complaints(in_use) == []

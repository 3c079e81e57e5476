"""`tmaxctl doctor` as a process, on real folders, sockets and databases; and what `--fix` does to them."""

from __future__ import annotations

import fcntl
import os
import socket
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.ctl.doctor.readings import WELL
from tests.ctl.harness import SPEC, Done, Home, Running
from tmaxd.ctl import render_doctor
from tmaxd.ctl.doctor import repair
from tmaxd.ctl.doctor.finding import Finding, MakeFolder, RemoveSocket, TakeAway
from tmaxd.ctl.doctor.judging.whole import judge
from tmaxd.world.journal import schema


def of(done: Done, check: str) -> list[dict[str, Any]]:
    found = [finding for finding in done.json["findings"] if finding["check"] == check]
    return [finding for finding in found if finding["level"] != "ok"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def dead_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()


def lived(home: Home) -> None:
    """The folders of a fleet that has run, with its state."""
    here = home.places()
    for folder in (here.runtime, here.state, here.pipes, here.payloads, here.logs):
        folder.mkdir(parents=True, mode=0o700)
    schema.prepare(here.database)


def test_without_a_daemon_and_without_a_spec(home: Home) -> None:
    done = home.ctl("doctor", "-o", "json")
    assert (done.code, done.err) == (0, "")
    assert done.json["fleet"] is None
    assert done.json["counts"]["error"] == 0
    assert done.json["repairs"] == []
    assert {"tmux", "python", "clock", "disk_space"} <= {f["check"] for f in done.json["findings"]}
    assert sorted(os.listdir(home.folder)) == []


def test_people_see_what_is_not_well(home: Home) -> None:
    few, all_of_it = home.ctl("doctor"), home.ctl("doctor", "-v")
    assert few.code == all_of_it.code == 0
    assert not [line for line in few.out.splitlines() if line.startswith("ok ")]
    assert [line for line in all_of_it.out.splitlines() if line.startswith("ok ")]
    last = few.out.splitlines()[-1]
    assert last.startswith("this machine: 0 errors, ")
    assert all_of_it.out.splitlines()[-1] == last


def test_errors_end_it_with_1(home: Home) -> None:
    home.write(SPEC.replace("[cat]", "[no-such-program]"))
    done = home.ctl("doctor", "-o", "json")
    assert done.code == 1
    assert done.json["fleet"] == "demo"
    (finding,) = of(done, "programs")
    assert finding["what"].startswith("group check: its program no-such-program is nowhere")


def test_a_spec_by_its_name(home: Home) -> None:
    path = home.write(SPEC.replace("fleet: demo", "fleet: other"), "here.yaml")
    assert home.ctl("doctor", str(path), "-o", "json").json["fleet"] == "other"
    clash = home.ctl("doctor", str(path), "--fleet", "demo")
    assert clash.code == 2
    assert "is of fleet other" in clash.err
    bad = home.ctl("doctor", str(home.write("fleet: [")), "-o", "json")
    assert bad.code == 1
    assert of(bad, "spec")
    missing = home.ctl("doctor", "missing.yaml", "-o", "json")
    assert missing.code == 1
    assert "missing.yaml" in of(missing, "spec")[0]["what"]


def test_a_running_daemon_is_asked(home: Home, running: Running) -> None:
    done = home.ctl("doctor", "-v", "-o", "json")
    assert done.json["fleet"] == "demo"
    assert not of(done, "daemon")
    assert not of(done, "stale_socket")
    (said,) = [f for f in done.json["findings"] if f["check"] == "containment"]
    assert said["what"].startswith("the daemon says")


def test_broken_folders_are_repaired(home: Home) -> None:
    lived(home)
    here = home.places()
    here.runtime.chmod(0o755)
    here.database.chmod(0o644)
    here.logs.rmdir()
    dead_socket(here.api_socket)
    dead_socket(here.tmux_socket)

    before = home.ctl("doctor", "--fleet", "demo", "-o", "json")
    assert before.code == 0
    fixable = sorted(f["check"] for f in before.json["findings"] if f["fixable"])
    assert fixable == ["folder", "folder_mode", "stale_socket", "stale_socket", "state"]
    assert (mode(here.runtime), here.logs.exists(), here.api_socket.exists()) == (
        0o755,
        False,
        True,
    )

    after = home.ctl("doctor", "--fleet", "demo", "--fix", "-o", "json")
    assert [entry["done"] for entry in after.json["repairs"]] == [True] * 5
    assert not [f for f in after.json["findings"] if f["fixable"]]
    assert (mode(here.runtime), mode(here.database), mode(here.logs)) == (0o700, 0o600, 0o700)
    assert not here.api_socket.exists()
    assert not here.tmux_socket.exists()
    assert home.ctl("doctor", "--fleet", "demo", "--fix", "-o", "json").json["repairs"] == []


def test_people_read_what_was_repaired(home: Home) -> None:
    lived(home)
    home.places().state.chmod(0o750)
    lines = home.ctl("doctor", "--fleet", "demo", "--fix").out.splitlines()
    state = home.places().state
    assert lines[0] == f"fixed: changed the mode of {state} from 0750 to 0700"


def test_what_a_daemon_uses_is_left_alone(home: Home) -> None:
    lived(home)
    here = home.places()
    dead_socket(here.api_socket)
    fd = os.open(here.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        done = home.ctl("doctor", "--fleet", "demo", "--fix", "-o", "json")
        assert done.code == 1
        assert "does not answer" in of(done, "daemon")[0]["what"]
        with pytest.raises(repair.Refused, match="has started meanwhile"):
            repair.make(RemoveSocket(str(here.api_socket), str(here.lock)))
    finally:
        os.close(fd)
    assert here.api_socket.exists()


def test_a_socket_in_use_is_never_removed(home: Home) -> None:
    path = home.folder / "s"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        door.listen()
        with pytest.raises(repair.Refused, match="somebody listens"):
            repair.make(RemoveSocket(str(path), str(home.folder / "lock")))
    assert path.exists()


def test_repairs_do_not_follow_links(tmp_path: Path) -> None:
    target = tmp_path / "theirs"
    target.mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "file").write_text("")
    findings = [
        Finding("folder_mode", "warning", "", repair=TakeAway(str(tmp_path / "link"), 0o077)),
        Finding("folder", "warning", "", repair=MakeFolder(str(tmp_path / "file"))),
        Finding("tmux", "error", "nothing to be done"),
    ]
    said = repair.all_of(findings)
    assert [done for _, done, _ in said] == [False, False]
    assert mode(target) == 0o755
    assert render_doctor.repairs(said)[1] == f"not fixed: {tmp_path / 'file'}: File exists"


def test_damage_is_found_when_it_is_looked_for(home: Home) -> None:
    lived(home)
    path = home.places().database
    with sqlite3.connect(path) as db:
        db.executemany("INSERT INTO kept VALUES (?, ?)", [(f"k{n}", "x" * 900) for n in range(200)])
    db.close()
    with path.open("r+b") as file:  # in the middle of what was just written
        file.seek(path.stat().st_size - 3 * schema.PAGE)
        file.write(b"\xff" * schema.PAGE)
    assert home.ctl("doctor", "--fleet", "demo", "-o", "json").code == 0
    deep = home.ctl("doctor", "--fleet", "demo", "--deep", "-o", "json")
    assert deep.code == 1
    assert "is damaged" in of(deep, "state_integrity")[0]["what"]


def test_lines_fit_the_terminal() -> None:
    found = judge(WELL)
    for width in (40, 80, 120):
        lines = render_doctor.findings(found, width=width)
        assert max(map(len, lines)) <= width
    assert len(render_doctor.findings(found)) == len(found)
    assert render_doctor.findings([]) == []
    assert render_doctor.summary({"error": 1, "warning": 0, "note": 2, "ok": 3}, "fleet demo") == (
        "fleet demo: 1 error, 0 warnings, 2 notes, 3 ok"
    )


def test_nothing_that_a_terminal_obeys_is_shown() -> None:
    evil = Finding("folder", "error", "a\x1b[31m", "b\x07", "rm 'c\n'")
    assert "\x1b" not in "".join(render_doctor.findings([evil]))
    assert len(render_doctor.findings([evil])) == 3

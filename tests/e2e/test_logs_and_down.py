"""What stays on disk and for whose eyes: the workers' logs, the modes of all files, and what `down` leaves."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

from tests.e2e.fleet import Fleet
from tests.e2e.marks import marked
from tests.e2e.programs import idle, ledger, ledger_serve, ledger_task, open_gate

SAY = """\
echo "begin $$"
while [[ ! -e ${0%/*}/flood ]]; do sleep 0.02; done
yes "0123456789012345678901234567890123456789012345678901234567890123456789" | head -c 11000000
echo flooded
while [[ ! -e ${0%/*}/last ]]; do sleep 0.02; done
echo last words
sleep 1000000
"""


def test_the_output_of_a_pane(fleet: Fleet) -> None:
    """It is there from the first line on, over restarts, and rotated by size."""
    program = fleet.folder / "say.sh"
    program.write_text(SAY)
    fleet.write({"talk": {"run": ["bash", str(program)]}})
    fleet.start()
    log = fleet.places.logs / "talk-1.log"
    first = fleet.worker("talk-1")["pid"]
    fleet.wait_for(lambda: log.exists() and f"begin {first}" in log.read_text(), "it is logged")
    os.kill(first, 9)
    fleet.wait_for(lambda: fleet.worker("talk-1")["pid"] not in (None, first), "it is back")
    second = fleet.worker("talk-1")["pid"]
    fleet.wait_for(lambda: f"begin {second}" in log.read_text(), "the next one is logged")
    assert log.read_text().index(f"begin {first}") < log.read_text().index(f"begin {second}")
    (fleet.folder / "flood").touch()
    older = log.with_name("talk-1.log.1")
    fleet.wait_for(older.exists, "it is rotated")
    fleet.wait_for(
        lambda: (older.read_bytes() + read(log)).endswith(b"flooded\r\n"), "all is there"
    )
    (fleet.folder / "last").touch()
    fleet.wait_for(lambda: read(log).endswith(b"last words\r\n"), "the new file goes on")
    whole = older.read_bytes() + read(log)
    assert whole.count(b"0123456789" * 7 + b"\r\n") == 11_000_000 // 71
    shown = fleet.ctl("logs", "talk-1")
    assert (shown.returncode, shown.stdout.splitlines()[-1]) == (0, "last words")
    assert fleet.worker("talk-1")["pid"] == second


def read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def test_everything_on_disk_is_the_owners_only(fleet: Fleet) -> None:
    """Also what the workers' tasks are and answer, in files of their own."""
    fleet.write(
        {
            "idle": idle(1, env={"SECRET": "x"}),
            "work": ledger_task(fleet.folder, 1),
            "serve": ledger_serve(fleet.folder, 1),
        },
        pipes={"inboxes": {"box": {"to": "work"}}},
    )
    fleet.start()
    for group in ("work", "serve"):
        fleet.submit(group, ["x" * 20_000, "hold" + "y" * 20_000])
        fleet.wait_for(lambda g=group: fleet.group(g)["done"] == 1, "one is done")  # type: ignore[misc]
        fleet.wait_for(lambda g=group: fleet.group(g)["running"] == 1, "one runs")  # type: ignore[misc]
    wrong, kinds = [], set()
    for root in (fleet.folder / "r", fleet.folder / "s"):
        for path in [root, *root.rglob("*")]:
            mode = path.lstat().st_mode
            kinds.add(stat.S_IFMT(mode))
            allowed = 0o700 if stat.S_ISDIR(mode) or stat.S_ISSOCK(mode) else 0o600
            if stat.S_IMODE(mode) & ~allowed:
                wrong.append((str(path.relative_to(fleet.folder)), oct(stat.S_IMODE(mode))))
    assert wrong == []
    assert kinds == {stat.S_IFDIR, stat.S_IFREG, stat.S_IFIFO, stat.S_IFSOCK}
    open_gate(fleet.folder)
    for group in ("work", "serve"):
        fleet.await_done(group, 2)


def test_down_leaves_no_process_and_no_socket_but_the_tasks(fleet: Fleet) -> None:
    fleet.write(
        {
            "idle": idle(2),
            "work": ledger_task(fleet.folder, 2, stop={"after": "300ms"}),
            "serve": ledger_serve(fleet.folder, 2, stop={"after": "300ms"}),
        }
    )
    fleet.start()
    payloads = ["hold-1", "hold-2", *map(str, range(20))]
    tasks = {group: fleet.submit(group, payloads) for group in ("work", "serve")}
    for group in tasks:
        fleet.wait_for(lambda g=group: fleet.group(g)["running"] == 2, "tasks run")  # type: ignore[misc]
    done = fleet.ctl("down")
    assert done.returncode == 0, done.stderr
    assert fleet.daemon is not None
    assert fleet.daemon.wait(5) == 0
    assert marked(str(fleet.folder)) == []
    assert not fleet.places.tmux_socket.exists()
    assert not fleet.places.api_socket.exists()
    assert fleet.places.database.exists()
    open_gate(fleet.folder)
    fleet.start()
    for group, ids in tasks.items():
        fleet.await_done(group, 22)
        assert sorted(row["id"] for row in fleet.rows(group, "done")) == ids
        # What `down` interrupted was no fault of its own.
        assert {row["attempt"] for row in fleet.rows(group)} == {1}
    assert set(ledger(fleet.folder)) == set(payloads)


def test_up_and_down_by_command(fleet: Fleet) -> None:
    fleet.write({"idle": idle(2)})
    up = fleet.ctl("up", str(fleet.spec))
    assert up.returncode == 0, up.stderr
    first = fleet.pids()
    again = fleet.ctl("up", str(fleet.spec))
    assert again.returncode == 0, again.stderr
    assert fleet.pids() == first
    down = fleet.ctl("down")
    assert down.returncode == 0, down.stderr
    fleet.wait_for(lambda: not marked(str(fleet.folder)), "nothing is left")
    assert fleet.ctl("down").returncode == 3


def test_workers_have_the_umask_and_the_limits_of_whoever_started_the_daemon(fleet: Fleet) -> None:
    """The daemon changes both for itself; an agent's files must not become private, nor select(2) break."""
    probe = ["bash", "-c", "umask; ulimit -Sn"]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lower = min(soft, 512)
    old = os.umask(0o027)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard))
    try:
        fleet.write({"work": {"count": 1, "task": probe}})
        fleet.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.umask(old)
    (task,) = fleet.submit("work", ["x"])
    fleet.await_done("work", 1)
    assert fleet.story(task)["result"].split() == ["0027", str(lower)]

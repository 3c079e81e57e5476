"""Stop means empty: whatever a worker has started goes with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from tests.e2e.fleet import Fleet, Json
from tests.e2e.marks import alive, marked
from tests.e2e.programs import idle

STUBBORN = """\
trap '' TERM HUP INT
while :; do sleep 1000000; done
"""

FAMILY = """\
import os, signal, sys, time
folder = sys.argv[1]

def live(name):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    with open(f"{folder}/family", "a") as family:
        family.write(f"{name} {os.getpid()}\\n")
    while True:
        time.sleep(1000)

if os.fork() == 0:
    live("child")
if os.fork() == 0:
    if os.fork() == 0:
        live("grandchild")
    os._exit(0)  # the grandchild is an orphan
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        for fd in range(3):
            os.close(fd)
        live("daemonised")
    os._exit(0)
while True:
    time.sleep(1000)
"""
"""Three descendants that ignore every polite signal: a child, an orphan, and one that did all that a daemon does."""

ENDS: dict[str, Callable[[Fleet, dict[str, Json]], None]] = {
    "count_lowered": lambda fleet, groups: fleet.write(
        groups | {"bad": groups["bad"] | {"count": 0}}
    ),
    "group_removed": lambda fleet, groups: fleet.write({"idle": groups["idle"]}),
    "down": lambda fleet, groups: fleet.down(),
}


def family(fleet: Fleet) -> dict[str, int]:
    file = fleet.folder / "family"
    lines = file.read_text().splitlines() if file.exists() else []
    return {name: int(pid) for name, pid in map(str.split, lines)}


def workers_of(fleet: Fleet) -> dict[str, Json]:
    program = fleet.folder / "family.py"
    program.write_text(FAMILY)
    run = [sys.executable, str(program), str(fleet.folder)]
    return {"idle": idle(1), "bad": {"run": run, "stop": {"after": "300ms"}}}


def all_gone(fleet: Fleet, members: dict[str, int]) -> None:
    """A killed process loses its environment, and so its mark, a moment before it is a zombie."""
    fleet.wait_for(lambda: not any(map(alive, members.values())), "every process has ended")


@pytest.mark.parametrize("how", ENDS)
def test_a_family_that_ignores_term_and_leaves(fleet: Fleet, how: str) -> None:
    groups = workers_of(fleet)
    fleet.write(groups)
    fleet.start()
    fleet.wait_for(lambda: len(family(fleet)) == 3, "the whole family lives")
    run = f"TMAX_RUN={fleet.run_of('bad-1')}"
    assert {p.pid for p in marked(run)} >= set(family(fleet).values())
    ENDS[how](fleet, groups)
    fleet.wait_for(lambda: not marked(run), "nothing of the run is left")
    all_gone(fleet, family(fleet))
    first, *_, last = fleet.events("signal", worker="bad-1")
    assert last["time"] - first["time"] < 5  # the group's own `stop.after`, also when it is gone
    if how != "down":
        fleet.settle()
        assert "bad-1" not in fleet.workers()
        assert fleet.worker("idle-1")["restarts"] == 0


def test_a_family_whose_first_member_crashes(fleet: Fleet) -> None:
    """The next run does not wait for the leftovers of the last, and they go all the same."""
    fleet.write(workers_of(fleet))
    fleet.start()
    fleet.wait_for(lambda: len(family(fleet)) == 3, "the whole family lives")
    first, run = family(fleet), f"TMAX_RUN={fleet.run_of('bad-1')}"
    os.kill(fleet.worker("bad-1")["pid"], 9)
    fleet.wait_for(lambda: not marked(run), "nothing of the dead run is left")
    all_gone(fleet, first)
    fleet.settle()
    assert fleet.worker("bad-1")["state"] == "running"


def test_leftovers_are_swept_by_the_next_daemon(fleet: Fleet) -> None:
    """The first process dies while no daemon runs; its family is found by its mark."""
    fleet.write(workers_of(fleet))
    fleet.start()
    fleet.wait_for(lambda: len(family(fleet)) == 3, "the whole family lives")
    pid, run = fleet.worker("bad-1")["pid"], f"TMAX_RUN={fleet.run_of('bad-1')}"
    fleet.kill9()
    os.kill(pid, 9)
    fleet.start()
    fleet.wait_for(lambda: not marked(run), "nothing of the dead run is left")
    assert fleet.worker("bad-1")["state"] == "running"


def test_a_stopped_process_is_ended_too(fleet: Fleet) -> None:
    """A process in the middle of SIGSTOP takes no TERM; SIGKILL ends it."""
    program = fleet.folder / "stopped.sh"
    program.write_text("sleep 1000000 & kill -STOP $!; wait\n")
    group: Json = {"run": ["bash", str(program)], "stop": {"after": "300ms"}}
    fleet.write({"bad": group})
    fleet.start()
    run = f"TMAX_RUN={fleet.run_of('bad-1')}"
    fleet.wait_for(lambda: len(marked(run)) == 2, "both live")
    fleet.write({})
    fleet.wait_for(lambda: not marked(run), "both are gone")


def test_an_interactive_shell_ends_at_once(fleet: Fleet) -> None:
    """It ignores TERM, but not the hang-up of its terminal."""
    fleet.write({"shell": {"run": ["bash", "--norc"], "stop": {"after": "1h"}}})
    fleet.start()
    run = f"TMAX_RUN={fleet.run_of('shell-1')}"
    fleet.wait_for(
        lambda: fleet.tmux("capture-pane", "-p", "-t", "=shell-1:").strip(), "it prompts"
    )
    fleet.write({})
    fleet.wait_for(lambda: not marked(run), "the shell is gone")
    fleet.settle()


def test_a_stubborn_worker_is_replaced_after_an_edit(fleet: Fleet) -> None:
    """The new one starts only when nothing of the old one is left."""
    program = fleet.folder / "stubborn.sh"
    program.write_text(STUBBORN)
    group: Json = {"run": ["bash", str(program), "1"], "stop": {"after": "200ms"}}
    fleet.write({"bad": group})
    fleet.start()
    pid = fleet.worker("bad-1")["pid"]
    fleet.write({"bad": group | {"run": ["bash", str(program), "2"]}})
    fleet.wait_for(lambda: fleet.worker("bad-1")["pid"] not in (None, pid), "the new one runs")
    assert not alive(pid)
    assert fleet.settle()["converged"]

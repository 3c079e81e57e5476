"""The rules of reconciling, seen on a living fleet: who goes, who stays, and when."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.fleet import Fleet, Json
from tests.e2e.marks import alive
from tests.e2e.programs import idle, ledger, ledger_serve, ledger_task, open_gate


def test_count_up_and_down(fleet: Fleet) -> None:
    """The highest numbers go first; those that stay are never touched."""
    fleet.write({"idle": idle(2)})
    fleet.start()
    two = fleet.pids()
    fleet.write({"idle": idle(5)})
    fleet.wait_for(lambda: len(fleet.pids()) == 5, "three more")
    fleet.settle()
    fleet.write({"idle": idle(1)})
    fleet.wait_for(lambda: len(fleet.pids()) == 1, "four less")
    fleet.settle()
    assert fleet.pids() == {"idle-1": two["idle-1"]}
    fleet.write({"idle": idle(0)})
    fleet.wait_for(lambda: not fleet.pids(), "none")
    fleet.settle()
    fleet.write({"idle": idle(2)})
    fleet.wait_for(lambda: len(fleet.pids()) == 2, "two again")
    assert {w["restarts"] for w in fleet.workers().values()} == {0}


def test_the_highest_idle_one_goes_first(fleet: Fleet) -> None:
    """Three of four are idle; a lower count lets the busy one be, whatever its number."""
    fleet.write({"work": ledger_task(fleet.folder, 4)})
    fleet.start()
    fleet.submit("work", ["hold"])
    busy = fleet.wait_for(
        lambda: next((n for n, w in fleet.workers().items() if w["running"]), ""), "one is busy"
    )
    before = fleet.pids()
    fleet.write({"work": ledger_task(fleet.folder, 2)})
    fleet.wait_for(lambda: len(fleet.pids()) == 2, "two are left")
    fleet.settle()
    kept = sorted({busy, next(n for n in sorted(before) if n != busy)})
    assert fleet.pids() == {n: before[n] for n in kept}
    gone = before.keys() - kept
    assert not any((fleet.places.pipes / name).exists() for name in gone)
    open_gate(fleet.folder)
    fleet.await_done("work", 1)


def test_a_busy_one_finishes_its_task_before_it_goes(fleet: Fleet) -> None:
    """Also what it has been given ahead and not begun is done, by whomever, without an attempt spent."""
    fleet.write({"work": ledger_serve(fleet.folder, 1, window=4)})
    fleet.start()
    pid = fleet.worker("work-1")["pid"]
    tasks = fleet.submit("work", ["hold", "b", "c", "d", "e", "f"])
    fleet.wait_for(lambda: ledger(fleet.folder), "the task has begun")
    fleet.write({"work": ledger_serve(fleet.folder, 0)})
    fleet.wait_for(lambda: fleet.worker("work-1")["state"] == "draining", "it drains")
    assert alive(pid)
    open_gate(fleet.folder)
    fleet.wait_for(lambda: not fleet.pids(), "it is gone")
    assert not alive(pid)
    done = fleet.group("work")["done"]
    assert 1 <= done <= 4
    fleet.write({"work": ledger_serve(fleet.folder, 2)})
    fleet.await_done("work", 6)
    assert {fleet.story(task)["task"]["attempt"] for task in tasks} == {1}


def test_a_removed_group_leaves_nothing(fleet: Fleet) -> None:
    """Its queued tasks wait for its return."""
    groups: dict[str, Json] = {"idle": idle(1), "work": ledger_task(fleet.folder, 2)}
    fleet.write(groups)
    fleet.start()
    before = fleet.pids()
    fleet.submit("work", ["hold-1", "hold-2", "c", "d"])
    fleet.wait_for(lambda: fleet.group("work")["running"] == 2, "both work")
    fleet.write({"idle": idle(1)})
    fleet.wait_for(lambda: fleet.worker("work-1")["state"] == "draining", "they drain")
    open_gate(fleet.folder)
    fleet.wait_for(lambda: fleet.pids() == {"idle-1": before["idle-1"]}, "they are gone")
    fleet.settle()
    assert not [s for s in fleet.sessions() if s.startswith("work")]
    assert not [p for p in fleet.places.pipes.iterdir() if p.name.startswith("work")]
    assert fleet.status()["leftovers"] == [{"group": "work", "queued": 2}]
    fleet.write(groups)
    fleet.settle()
    fleet.await_done("work", 4)
    assert fleet.worker("idle-1")["pid"] == before["idle-1"]


def environment_of(pid: int) -> dict[str, str]:
    text = Path(f"/proc/{pid}/environ").read_text()
    return dict(pair.split("=", 1) for pair in text.split("\0") if pair)


def test_changed_env_command_and_folder_replace_only_that_group(fleet: Fleet) -> None:
    fleet.write({"idle": idle(2), "more": idle(3)})
    fleet.start()
    (fleet.folder / "there").mkdir()
    changes: list[Json] = [
        {"env": {"COLOR": "red"}},
        {"env": {"COLOR": "red"}, "cwd": str(fleet.folder / "there")},
        {"env": {"COLOR": "red"}, "cwd": str(fleet.folder / "there"), "run": ["sleep", "999999"]},
    ]
    for field, more in zip(("env", "cwd", "run"), changes, strict=True):
        before = fleet.pids()
        fleet.write({"idle": idle(2), "more": idle(3) | more})
        fleet.wait_for(
            lambda b=before: not set(fleet.pids().values()) & {b[f"more-{n}"] for n in (1, 2, 3)},  # type: ignore[misc]
            f"all three are new after a change of {field}",
        )
        fleet.settle()
        after = fleet.pids()
        assert {n for n in before if before[n] == after[n]} == {"idle-1", "idle-2"}
        started = fleet.events("started", reason="spec_changed")[-3:]
        assert [e["fields"] for e in started] == [[field]] * 3
    pid = fleet.pids()["more-3"]
    # Between fork and exec it still is a copy of the tmux server.
    fleet.wait_for(lambda: environment_of(pid).get("COLOR") == "red", "it has its environment")
    assert Path(f"/proc/{pid}/cwd").readlink() == fleet.folder / "there"


def test_replaced_one_at_a_time_and_never_in_mid_task(fleet: Fleet) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 3)})
    fleet.start()
    before = fleet.pids()
    fleet.submit("work", ["hold-1", "hold-2"])
    fleet.wait_for(lambda: fleet.group("work")["running"] == 2, "two are busy")
    (idle_one,) = (n for n, w in fleet.workers().items() if not w["in_flight"])
    fleet.write({"work": ledger_task(fleet.folder, 3, env={"COLOR": "red"})})
    fleet.wait_for(
        lambda: fleet.pids()[idle_one] not in (None, before[idle_one]), "the idle one is new"
    )
    fleet.wait_for(
        lambda: [w["pending"] for w in fleet.workers().values()].count("spec_changed") == 2,
        "two wait for the end of their tasks",
    )
    assert {n: p for n, p in fleet.pids().items() if n != idle_one} == {
        n: p for n, p in before.items() if n != idle_one
    }
    open_gate(fleet.folder)
    fleet.wait_for(lambda: not set(fleet.pids().values()) & set(before.values()), "all are new")
    fleet.settle()
    fleet.await_done("work", 2)
    assert ledger(fleet.folder).count("hold-1") == ledger(fleet.folder).count("hold-2") == 1
    one_at_a_time(fleet)


def one_at_a_time(fleet: Fleet) -> None:
    """By the log: none is stopped before the one replaced before it was ready again."""
    order = [e["event"] for e in fleet.events() if e["event"] in ("stop", "ready")]
    replacing = order[order.index("stop") :]
    assert replacing == ["stop", "ready"] * (len(replacing) // 2)


def test_a_wrong_command_backs_off_with_a_clear_status(fleet: Fleet) -> None:
    groups: dict[str, Json] = {
        "idle": idle(1),
        "bad": {"count": 2, "run": ["no-such-program-at-all"]},
    }
    fleet.write(groups)
    fleet.start(settled=False)
    fleet.wait_for(lambda: fleet.worker("bad-1")["state"] == "backoff", "it backs off")
    bad = fleet.worker("bad-1")
    assert bad["reason"] == "start_failed"
    assert "no-such-program-at-all: no such program" in bad["message"]
    assert bad["next_start"] is not None
    fleet.wait_for(lambda: fleet.worker("idle-1")["state"] == "running", "the other group runs")
    fleet.write(groups | {"bad": idle(2)})
    fleet.wait_for(lambda: fleet.worker("bad-2")["state"] == "running", "it recovers")
    assert fleet.settle()["converged"]


def test_a_command_that_fails_at_once_backs_off(fleet: Fleet) -> None:
    fleet.write({"bad": {"run": ["bash", "-c", "exit 3"]}})
    fleet.start(settled=False)
    bad = fleet.wait_for(
        lambda: (w := fleet.worker("bad-1"))["state"] == "backoff" and w, "it backs off"
    )
    assert bad["last_exit"] == "crashed: exit status 3"
    fleet.wait_for(lambda: len(fleet.events("started", worker="bad-1")) >= 3, "tried again")
    starts = [e["time"] for e in fleet.events("started", worker="bad-1")]
    assert (
        starts[1] - starts[0] < starts[2] - starts[1]
    )  # the first try again is free, the next is not
    fleet.write({"bad": idle(1)})
    fleet.wait_for(lambda: fleet.worker("bad-1")["state"] == "running", "it recovers")


def test_a_folder_that_is_missing_and_then_made(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1, cwd=str(fleet.folder / "later"))})
    fleet.start(settled=False)
    fleet.wait_for(lambda: fleet.worker("idle-1")["state"] == "backoff", "it backs off")
    assert "(cwd) does not exist" in fleet.worker("idle-1")["message"]
    (fleet.folder / "later").mkdir()
    fleet.wait_for(lambda: fleet.worker("idle-1")["state"] == "running", "it starts by itself")


def test_a_bad_edit_takes_out_one_worker_only(fleet: Fleet) -> None:
    """The rollout stops at the first one that does not come up."""
    fleet.write({"work": ledger_task(fleet.folder, 3)})
    fleet.start()
    before = fleet.pids()
    fleet.write({"work": {"count": 3, "serve": ["bash", "-c", "exit 1"]}})
    fleet.wait_for(lambda: len(fleet.events("ended", reason="crashed")) >= 2, "one fails, twice")
    survivors = [n for n, pid in before.items() if fleet.pids().get(n) == pid]
    assert len(survivors) == 2
    fleet.write({"work": ledger_task(fleet.folder, 3)})
    fleet.wait_for(lambda: all(w["ready"] for w in fleet.workers().values()), "all are well again")
    fleet.settle()
    assert {n: fleet.pids()[n] for n in survivors} == {n: before[n] for n in survivors}


def test_the_kind_of_a_group_changes(fleet: Fleet) -> None:
    """From a program that is only kept alive to one that takes tasks, and back."""
    fleet.write({"work": idle(2)})
    fleet.start()
    fleet.write({"work": ledger_task(fleet.folder, 2)})
    fleet.wait_for(lambda: fleet.group("work")["kind"] == "task", "applied")
    fleet.submit("work", map(str, range(10)))
    fleet.await_done("work", 10)
    fleet.settle()
    fleet.write({"work": idle(2)})
    fleet.wait_for(
        lambda: {w["state"] for w in fleet.workers().values()} == {"running"}, "kept alive again"
    )
    fleet.settle()
    assert not (fleet.places.pipes / "work-1").exists()

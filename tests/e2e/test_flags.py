"""Feature flags on a real fleet: tried and taken back by themselves, over the death of the daemon, with the file."""

from __future__ import annotations

from collections import Counter

from tests.e2e.fleet import Fleet, Json
from tests.e2e.programs import idle, ledger, ledger_serve, ledger_task


def pool(fleet: Fleet) -> Json:
    return dict(fleet.group("idle")["pool"] or {"size": 0, "ready": 0, "starting": 0})


def full(fleet: Fleet) -> bool:
    return bool(pool(fleet)["ready"] == 1)


def test_it_is_tried_and_taken_back_by_itself(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1, pool=1)})
    fleet.start()
    fleet.wait_for(lambda: full(fleet), "the pool is filled")
    before = fleet.pids()
    done = fleet.ctl("flags", "set", "session_pool", "off", "--for", "2s")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("session_pool is set to off by an order for another ")
    fleet.wait_for(lambda: "idle_1" not in fleet.sessions(), "the spare is gone")
    fleet.wait_for(lambda: full(fleet), "the pool is filled again")
    assert fleet.pids() == before, "the worker has not noticed"
    assert [e["why"] for e in fleet.events("flag_over")] == ["its time is over"]


def test_it_outlives_the_daemon(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1, pool=1)})
    fleet.start()
    assert fleet.ctl("flags", "set", "session_pool", "off", "--for", "1h").returncode == 0
    fleet.wait_for(lambda: "idle_1" not in fleet.sessions(), "the spare is gone")
    fleet.kill9()
    fleet.start()
    (shown,) = fleet.status()["flags"]
    assert (shown["flag"], shown["value"], shown["instead"]) == ("session_pool", False, True)
    assert fleet.sessions() == [s for s in fleet.sessions() if s != "idle_1"]
    assert pool(fleet)["size"] == 0
    assert fleet.ctl("flags", "unset", "session_pool").returncode == 0
    fleet.wait_for(lambda: full(fleet), "the pool is filled again")


def test_layouts_change_under_load_and_no_task_is_lost(fleet: Fleet) -> None:
    """Of both kinds of worker; and with each task in a write of its own."""
    fleet.write(
        {
            "task": ledger_task(fleet.folder, 2),
            "serve": ledger_serve(fleet.folder, 2, window=8),
        }
    )
    fleet.start()
    assert not fleet.places.pipes.joinpath("task.tasks.pipe").exists()
    for group in ("task", "serve"):
        fleet.submit(group, [f"{group}-{n}" for n in range(150)])
    for flag in ("dedicated_pipes", "batching"):
        assert fleet.ctl("flags", "set", flag, "off").returncode == 0
    fleet.settle()
    assert {g["outdated"] for g in fleet.status()["groups"]} == {0}
    for group in ("task", "serve"):
        fleet.submit(group, [f"{group}-{n}" for n in range(150, 300)])
    assert fleet.ctl("flags", "unset", "dedicated_pipes").returncode == 0
    fleet.settle()
    for group in ("task", "serve"):
        fleet.await_done(group, 300)
    wanted = [f"{group}-{n}" for group in ("task", "serve") for n in range(300)]
    assert Counter(ledger(fleet.folder)) == Counter(wanted), "each once"


def test_a_saved_file_waits_until_it_is_asked_for(fleet: Fleet) -> None:
    """Also over an end of the daemon; `up` asks for it."""
    off = {"flags": {"hot_reload": False}}
    fleet.write({"idle": idle(1)}, **off)
    fleet.start()
    fleet.write({"idle": idle(2)}, **off)
    fleet.wait_for(lambda: fleet.status()["spec"]["state"] == "waiting", "it was noticed")
    assert "which waits for `tmaxctl reload`" in " ".join(fleet.ctl("status").stdout.split())
    fleet.save("version: 1\nworkrs: {}\n")
    fleet.wait_for(lambda: fleet.status()["spec"]["state"] == "rejected", "it was checked")
    fleet.write({"idle": idle(2)}, **off)
    fleet.wait_for(lambda: fleet.status()["spec"]["state"] == "waiting", "it was noticed again")
    assert len(fleet.pids()) == 1
    assert fleet.ctl("reload").returncode == 0
    assert len(fleet.pids()) == 2
    fleet.write({"idle": idle(3)}, flags={"hot_reload": True})
    fleet.wait_for(lambda: len(fleet.pids()) == 3, "it turns itself on")
    assert fleet.ctl("flags", "set", "hot_reload", "off").returncode == 0
    fleet.stop()
    fleet.write({"idle": idle(1)}, flags={"hot_reload": True})
    fleet.start(settled=False)
    fleet.wait_for(lambda: fleet.status()["spec"]["state"] == "waiting", "the next one waits too")
    assert len(fleet.pids()) == 3
    fleet.stop()
    up = fleet.ctl("up", str(fleet.spec))
    assert up.returncode == 0, up.stderr
    assert len(fleet.pids()) == 1
    assert fleet.ctl("down").returncode == 0

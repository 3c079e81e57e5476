"""Orders: what reaches the daemon, what is told of them, and the wait until they are carried out."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.ctl.fake_fleet import group, status, worker
from tests.ctl.fake_story import START
from tests.ctl.harness import Home, Running, conforms, daemon
from tests.ctl.test_away import AWAY, going, line_of
from tmaxd.ctl.ordering import SO
from tmaxd.daemon.api.types import FailedChange, Missing, Order, Status

BACK = FailedChange(
    group="check", revision=7, to=6, message="check-2 was not ready in time", at=START
)
BUSY = Missing(worker="check-2", state="draining", reason="operator_stop", message="task 7")


@pytest.mark.parametrize(
    ("args", "order", "words"),
    [
        (["stop", "check"], {"targets": ("check",)}, "they stay down, also after a reboot, until "),
        (["stop", "check-1", "--now"], {"targets": ("check-1",), "now": True}, "it stays down"),
        (["stop", "check-1", "--force"], {"targets": ("check-1",), "now": True}, "it stays down"),
        (["drain", "--all"], {"all": True}, "until `tmaxctl start check shell`, or"),
        (["start", "shell", "check-2"], {"targets": ("shell", "check-2")}, "start shell, check-2"),
        (["restart", "check", "--now"], {"targets": ("check",), "now": True}, "restart check (che"),
        (
            ["pause", "check-1"],
            {"targets": ("check-1",)},
            "it gets no new tasks until `tmaxctl res",
        ),
        (["resume", "check"], {"targets": ("check",)}, "ordered: resume check (check-1, check-2)"),
        (["pin", "check-1"], {"targets": ("check-1",)}, "it is not replaced, for changes of the f"),
        (["unpin", "check-1"], {"targets": ("check-1",)}, "ordered: unpin check-1"),
    ],
)
def test_an_order(
    home: Home, running: Running, args: list[str], order: dict[str, object], words: str
) -> None:
    done = home.ctl(*args)
    assert (done.code, done.err) == (0, "")
    assert words in done.out
    assert running.fleet.orders == [msgspec.convert({"do": args[0], **order}, Order)]
    waited = SO.get(args[0]) if args[0] != "pause" else None
    assert [w.for_ for w in running.fleet.wishes] == ([waited] if waited else [])


def test_who_is_told_of_and_what_is_overruled(home: Home, running: Running) -> None:
    many = tuple(worker(f"check-{n}", "stopped", pid=None, orders=("stop",)) for n in range(1, 8))
    running.fleet.now = status(groups=(group("check", count=7),), workers=many)
    up = tuple(worker(w.name) for w in many)
    running.fleet.obeyed = status(groups=(group("check", count=7),), workers=up)
    done = home.ctl("start", "check")
    names = "check-1, check-2, check-3, check-4 and 3 more"
    assert done.out.splitlines()[:2] == [
        f"ordered: start check ({names})",
        f"  overrules the stop of {names}",
    ]
    assert done.out.splitlines()[2].startswith("done: 7 workers are ready (")


def test_whom_a_restart_leaves_out_is_named_with_what_would_change_that(
    home: Home, running: Running
) -> None:
    pinned = (worker("check-1", orders=("pin",)), worker("check-2"))
    running.fleet.now = status(workers=pinned)
    lines = home.ctl("restart", "check", "--wait", "0s").out.splitlines()
    assert lines == [
        "ordered: restart check (check-1, check-2)",
        "  check-1 is pinned, and replaced after `tmaxctl unpin check-1`, or by "
        "`tmaxctl restart --now check-1`",
    ]
    assert "pinned" not in home.ctl("restart", "check", "--now", "--wait", "0s").out


def test_an_order_as_json(home: Home, running: Running) -> None:
    value = home.ctl("stop", "check", "-o", "json").json
    assert value.pop("seconds") < 10
    assert value.pop("outcome") == "stopped"
    conforms(value, "Ordered")
    assert value == {"do": "stop", "groups": ["check"], "workers": ["check-1", "check-2"]}
    at_once = home.ctl("stop", "check", "--wait", "0s", "-o", "json").json
    assert at_once == value | {"outcome": "ordered"}


def test_what_is_not_carried_out_in_time(home: Home, running: Running) -> None:
    running.fleet.missing = [BUSY]
    done = home.ctl("stop", "check", "--wait", "50ms")
    assert done.code == 4
    assert done.out.startswith("ordered: stop check (check-1, check-2)\n")
    assert done.err == (
        "tmaxctl: check is not stopped after 50ms; it goes on:\n"
        "  check-2: draining: task 7\n"
        "  what was decided about it: tmaxctl why check-2\n"
    )
    as_json = home.ctl("stop", "check", "--wait", "50ms", "-o", "json")
    assert (as_json.code, as_json.json["error"]) == (4, "timeout")
    assert as_json.json["workers"] == ["check-1", "check-2"]
    assert as_json.json["missing"] == [msgspec.to_builtins(BUSY)]


def test_scaling(home: Home, running: Running) -> None:
    running.fleet.obeyed = status(groups=(group("check", count=5, in_file=2),))
    done = home.ctl("scale", "check", "5")
    assert done.out.splitlines()[:2] == [
        "ordered: scale check 2 → 5; the file says 2",
        "  it holds until `tmaxctl scale check 2`, or `workers.check.count` changes in the file",
    ]
    assert done.out.splitlines()[2].startswith("done: check has 5 workers (")
    assert running.fleet.orders == [Order(do="scale", targets=("check",), count=5)]
    running.fleet.obeyed = status()
    assert home.ctl("scale", "check", "2").out.startswith(
        "ordered: scale check 5 → 2, as the file says\n"
    )
    refused = home.ctl("scale", "check-1", "2")
    assert (refused.code, refused.err) == (2, "tmaxctl: check-1 is a worker; groups are scaled\n")
    assert home.ctl("scale", "check", "-o", "json").code == 2
    for wrong in ("x", "-1", "1001"):
        refused = home.ctl("scale", "check", wrong)
        assert refused.code == 2
        assert f"`{wrong}` is no number of workers: 0 to 1000" in refused.err


def states(first: Any, second: Any) -> Status:
    down = ("stopped", "finished")
    return status(
        workers=tuple(
            worker(name, state, pid=None if state in down else 4242)
            for name, state in (("check-1", first), ("check-2", second))
        )
    )


@pytest.mark.parametrize(
    ("after", "code", "words"),
    [
        (("idle", "busy"), 0, "done: 2 workers run anew ("),
        (("idle", "finished"), 0, "done: 1 worker runs anew; check-2 has ended well since ("),
        (("finished", "finished"), 0, "done: check-1, check-2 have ended well since ("),
        (
            ("idle", "stopped"),
            1,
            "tmaxctl: 1 worker runs anew; check-2 has been stopped by a later order\n",
        ),
        (
            ("stopped", "stopped"),
            1,
            "tmaxctl: check-1, check-2 have been stopped by a later order\n",
        ),
    ],
)
def test_a_restart_tells_what_is(
    home: Home, running: Running, after: tuple[str, str], code: int, words: str
) -> None:
    """Another order may have come meanwhile."""
    running.fleet.obeyed = states(*after)
    done = home.ctl("restart", "check")
    assert done.code == code
    assert words in (done.err if code else done.out)
    assert "runs anew" not in done.out or "runs anew" in words
    running.fleet.obeyed = states(*after)
    as_json = home.ctl("restart", "check", "-o", "json")
    assert as_json.json.get("error") == ("overruled" if code else None)
    assert as_json.json["workers"] == ["check-1", "check-2"]


def test_a_scaling_that_another_one_has_overruled(home: Home, running: Running) -> None:
    running.fleet.obeyed = status(groups=(group("check", count=3, in_file=2),))
    done = home.ctl("scale", "check", "5")
    assert (done.code, done.err) == (
        1,
        "tmaxctl: check has 3 workers, by a later order or a change of the file\n",
    )


def test_a_change_that_failed_is_not_settled(home: Home, running: Running) -> None:
    running.fleet.failed_changes = (BACK,)
    done = home.ctl("wait", "check", "--for", "settled")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "tmaxctl: check: what the file says is not in force:\n"
        "  check was rolled back: revision 7 failed (check-2 was not ready in time); revision 6 holds "
        "for it until the file says something else\n"
    )
    as_json = home.ctl("wait", "--for", "settled", "-o", "json")
    assert (as_json.code, as_json.json["error"]) == (1, "change_failed")
    assert as_json.json["failed_changes"] == [msgspec.to_builtins(BACK)]
    assert home.ctl("wait", "check", "--for", "ready").code == 0
    running.fleet.obeyed = states("idle", "idle")
    assert home.ctl("restart", "check").code == 0, "the order is carried out all the same"


@pytest.mark.parametrize("wanted", ["settled", "obeyed"])
def test_who_has_failed_has_not_settled(home: Home, running: Running, wanted: str) -> None:
    running.fleet.missing = [
        Missing(worker="check-1", state="failed", reason="crash_limit", message="exit status 3")
    ]
    done = home.ctl("wait", "--for", wanted, "-o", "json")
    assert (done.code, done.json["error"]) == (1, "failed")


def test_orders_that_make_no_sense(home: Home, running: Running) -> None:
    for args in (["stop"], ["stop", "check", "--all"]):
        done = home.ctl(*args)
        assert (done.code, done.out) == (2, "")
        assert "name groups or workers, or say --all" in done.err
    unknown = home.ctl("stop", "nosuch", "-o", "json")
    assert (unknown.code, unknown.json["error"]) == (1, "unknown_target")
    assert home.ctl("pin", "check", "--now").code == 2, "nothing of it could be done at once"
    assert running.fleet.orders == []


def test_waiting(home: Home, running: Running) -> None:
    done = home.ctl("wait", "check", "shell-1", "--for", "idle")
    assert done.code == 0
    assert done.out.startswith("check, shell-1: idle (")
    wish = running.fleet.wishes[-1]
    assert (wish.targets, wish.for_) == (("check", "shell-1"), "idle")
    assert home.ctl("wait").out.startswith("the fleet: ready (")
    assert running.fleet.wishes[-1].targets == ()
    value = home.ctl("wait", "check", "-o", "json").json
    assert (value["met"], value["for"], value["targets"]) == (True, "ready", ["check"])


def test_who_is_stopped_is_not_waited_for(home: Home, running: Running) -> None:
    own = tuple(worker(f"check-{n}", "stopped", pid=None, orders=("stop",)) for n in (1, 2))
    running.fleet.now = status(workers=(*own, worker("shell-1", "running")))
    assert "; 2 workers stopped by order, not waited for)" in home.ctl("wait").out
    assert "not waited for" not in home.ctl("wait", "shell").out
    assert "not waited for" not in home.ctl("wait", "check", "--for", "stopped").out


def test_who_runs_well_is_told_without_an_old_reason(home: Home, running: Running) -> None:
    running.fleet.missing = [
        Missing(worker="check-2", state="running", reason="crashed", message="")
    ]
    done = home.ctl("wait", "check", "--for", "stopped", "--timeout", "30ms")
    assert "\n  check-2: running\n" in done.err


def test_a_wait_that_is_not_met(home: Home, running: Running) -> None:
    running.fleet.missing = [BUSY] * 12
    done = home.ctl("wait", "check", "--for", "healthy", "--timeout", "30ms")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("tmaxctl: check is not healthy after 30ms:\n  check-2: draining: ")
    assert "\n  and 2 workers more\n" in done.err


def test_a_wait_for_what_cannot_come_ends(home: Home, running: Running) -> None:
    running.fleet.missing = [
        Missing(worker="check-1", state="failed", reason="crash_limit", message="exit status 3")
    ]
    done = home.ctl("wait", "check", "--for", "ready", "-o", "json")
    assert (done.code, done.json["error"]) == (1, "failed")
    assert "check has failed:\n  check-1: failed: exit status 3\n" in done.err


def test_a_wait_outlives_the_daemon(home: Home) -> None:
    home.write()
    with daemon(home) as first:
        first.fleet.missing = [BUSY]
        with going(home, "wait", "check", "-o", "json") as process:
            first.until(lambda: bool(first.fleet.wishes))
            first.stop()
            assert line_of(process) == AWAY
            with daemon(home) as second:
                second.fleet.missing = [BUSY]
                second.until(lambda: bool(second.fleet.wishes))
                second.call(second.fleet.arrive)
                out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert json.loads(out)["met"] is True

"""`tmaxctl plan` with a daemon: what it asks, and what it shows of the answer."""

from __future__ import annotations

import msgspec

from tests.ctl.fake_fleet import ACTION, PROBLEM, marked
from tests.ctl.harness import SPEC, Home, Running, conforms
from tmaxd.ctl.render_changes import plan
from tmaxd.ctl.text import columns_of
from tmaxd.daemon.api.types import FailedChange, PlannedSetting, PlannedWait, PlanResult


def test_plan(home: Home, running: Running) -> None:
    table, as_json = home.ctl("plan"), home.ctl("plan", "-o", "json")
    assert (table.code, as_json.code) == (0, 0)
    assert table.out.splitlines() == [
        "ACTION  TARGET   REASON  FIELD                DETAIL",
        "start   check-3  added   workers.check.count  count 2 → 3",
        "1 action",
    ]
    conforms(as_json.json, "PlanResult")


def test_plan_shows_settings_and_warnings(home: Home, running: Running) -> None:
    changed = PlannedSetting(
        key="workers.check.timeout", change="changed", old="30s", new="40s", effect="at_once"
    )
    added = PlannedSetting(
        key="workers.spare", change="added", old=None, new=None, effect="at_once"
    )
    running.fleet.plan_result = PlanResult(
        outcome="changes", settings=(changed, added), warnings=(PROBLEM,)
    )
    done = home.ctl("plan")
    assert (done.code, done.err) == (0, marked("warning"))
    assert done.out.splitlines() == [
        "SETTING                CHANGE     TAKES EFFECT",
        "workers.check.timeout  30s → 40s  at once",
        "workers.spare          added      at once",
        "2 settings, no worker touched",
    ]
    conforms(home.ctl("plan", "-o", "json").json, "PlanResult")


PINNED = PlannedWait(
    worker="check-1", reason="spec_changed", field="workers.check.env", why="pinned"
)
BACK = FailedChange(group="check", revision=7, to=6, message="check-2 was not ready", at=0.0)


def test_plan_shows_what_would_be_left_undone(home: Home, running: Running) -> None:
    left = PlannedWait(worker="web-1", reason="after", field=None, why="db: ready")
    running.fleet.plan_result = PlanResult(
        outcome="no_change", waiting=(PINNED, left), failed_changes=(BACK,)
    )
    done = home.ctl("plan")
    assert (done.code, done.out.splitlines()) == (
        0,
        [
            "nothing to do",
            "",
            "WAITING  REASON        FIELD              WAITS FOR",
            "check-1  spec_changed  workers.check.env  its pin to be taken off",
            "web-1    after         -                  db: ready",
            "2 workers left as they are",
            "",
            "check was rolled back: revision 7 failed (check-2 was not ready); revision 6 holds for it "
            "until the file says something else",
        ],
    )
    conforms(home.ctl("plan", "-o", "json").json, "PlanResult")
    running.fleet.plan_result = PlanResult(outcome="changes", actions=(ACTION,), waiting=(PINNED,))
    lines = home.ctl("plan").out.splitlines()
    assert lines[2:4] == ["1 action", ""]
    assert lines[-1] == "1 worker left as it is"
    running.fleet.plan_result = PlanResult(outcome="no_change", set_aside=True)
    assert "set aside by a rollback" in home.ctl("plan").out


def test_a_long_value_is_shown_whole() -> None:
    long = PlannedSetting(
        key="workers.check.cwd", change="changed", old="/a" * 30, new="/b" * 30, effect="at_once"
    )
    value = msgspec.to_builtins(PlanResult(outcome="changes", settings=(long,)))
    lines = plan(value, width=60)
    assert lines[0] == "workers.check.cwd, at once:"
    assert max(map(columns_of, lines)) <= 60
    whole = "".join(lines[1:-1]).replace(" ", "")
    assert whole == "/a" * 30 + "→" + "/b" * 30
    assert "/a" * 30 + " → " + "/b" * 30 in plan(value, width=200)[1]


def test_plan_of_another_file(home: Home, running: Running) -> None:
    """The fleet is the one that runs, the one that is named, or the one that the file is of."""
    there = home.write(SPEC, "there.yaml")
    home.write(SPEC.replace("demo", "other"), "other.yaml")
    assert home.ctl("plan", "there.yaml").out.splitlines()[-1] == "1 action"
    assert home.ctl("plan", str(there), "-o", "json").code == 0
    assert home.ctl("plan", "other.yaml", "--fleet", "demo").code == 0
    assert home.ctl("plan", "nosuch.yaml").code == 0, "the daemon says what is wrong with it"
    names = ("there.yaml", "there.yaml", "other.yaml", "nosuch.yaml")
    assert running.fleet.planned == [home.folder / name for name in names]
    offline = home.ctl("plan", "other.yaml")
    assert offline.err == "no daemon runs: this is what `tmaxctl up other.yaml` would do\n"
    assert offline.out.splitlines()[-1] == "3 actions"
    assert len(running.fleet.planned) == 4


def test_plan_of_a_bad_spec(home: Home, running: Running) -> None:
    running.fleet.plan_result = PlanResult(outcome="rejected", problems=(PROBLEM,))
    done = home.ctl("plan")
    assert (done.code, done.out) == (2, "")
    assert done.err == marked("error")

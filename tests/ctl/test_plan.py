"""`tmaxctl plan` with a daemon: what it asks, and what it shows of the answer."""

from __future__ import annotations

from tests.ctl.fake_fleet import PROBLEM, marked
from tests.ctl.harness import SPEC, Home, Running, conforms
from tmaxd.daemon.api.types import PlannedSetting, PlanResult


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

"""`tmaxctl history`, `diff`, `rollback`."""

from __future__ import annotations

import msgspec

from tests.ctl.fake_orders import COUNT, TOKEN, revision
from tests.ctl.harness import Home, Running, conforms
from tests.ctl.screen import Screen
from tmaxd.ctl.render_revisions import changed
from tmaxd.ctl.text import columns_of
from tmaxd.daemon.api.types import ChangedKey, Missing, ReloadResult

BACK = "revision 2 is in force again, as revision 4 (1 key); it holds until the file is edited"


def test_the_revisions(home: Home, running: Running) -> None:
    running.fleet.rows = [
        revision(3, "rollback to 1", in_force=True),
        revision(2, in_file=True),
        revision(1),
    ]
    lines = [line.split("  ") for line in home.ctl("history").out.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert [(c[0], c[1], *c[3:]) for c in cells[1:]] == [
        ("3", "2023-11-14 22:13:23", "in force", "rollback to 1"),
        ("2", "2023-11-14 22:13:22", "in the file", "the file"),
        ("1", "2023-11-14 22:13:21", "the file"),
    ]
    running.fleet.rows = [
        revision(2, in_force=True, in_file=True, failed=("a", "b")),
        revision(1, failed=("a",)),
    ]
    _, second, first = home.ctl("history").out.splitlines()
    assert "  in force, but a, b went back  " in second
    assert "  a went back  " in first
    conforms(home.ctl("history", "-o", "json").json, "RevisionList")
    running.fleet.rows = []
    assert home.ctl("history").out == "no revision was ever applied\n"


def test_a_difference(home: Home, running: Running) -> None:
    running.fleet.changes = (COUNT, TOKEN)
    done = home.ctl("diff")
    assert done.out.splitlines() == [
        "revision 2 → 3: 2 keys",
        "KEY                      CHANGE  TAKES EFFECT",
        "workers.check.count      2 → 3   at once",
        "workers.check.env.TOKEN  added   by replacing workers when they are idle",
    ]
    assert "sesame" not in done.out
    conforms(home.ctl("diff", "1", "-o", "json").json, "Difference")
    home.ctl("diff", "1", "2")
    assert running.fleet.compared == [(None, None), (1, None), (1, 2)]
    running.fleet.changes = ()
    assert home.ctl("diff", "1", "3").out == "revision 1 → 3: they mean the same\n"
    assert home.ctl("diff", "0").code == 2


def test_values_as_the_file_has_them(home: Home, running: Running) -> None:
    running.fleet.changes = (
        ChangedKey(key="workers.check.stop.after", old=10.0, new=5.0, takes_effect="live"),
        ChangedKey(key="workers.check.backoff.factor", old=2.0, new=1.5, takes_effect="live"),
        ChangedKey(key="workers.check.ready", new={"within": 90.5}, takes_effect="live"),
    )
    out = home.ctl("diff").out
    assert "10s → 5s" in out
    assert "2.0 → 1.5" in out
    assert 'added: {"within": "1m30s500ms"}' in out


def test_nothing_of_a_long_value_is_hidden() -> None:
    old, new = ["x" * 30, *("a" * 9 for _ in range(30))], ["x" * 30, "last"]
    change = {"key": "workers.a.run", "old": old, "new": new, "takes_effect": "when_idle"}
    lines = changed([change], width=60)
    assert lines[0] == "workers.a.run, by replacing workers when they are idle:"
    assert max(map(columns_of, lines)) <= 60
    assert lines[-1].endswith('"last"]')
    assert any(line.startswith("  → [") for line in lines)


def test_the_way_back_is_named(home: Home, running: Running) -> None:
    running.fleet.rows = [revision(3, "rollback to 1", in_force=True), revision(2, in_file=True)]
    spec = msgspec.structs.replace(running.fleet.now.spec, state="rolled_back")
    running.fleet.now = msgspec.structs.replace(running.fleet.now, spec=spec)
    running.fleet.reload_result = ReloadResult(outcome="no_change", revision=3, converged=True)
    assert "or by `tmaxctl rollback 2`" in home.ctl("status").out
    assert "or by `tmaxctl rollback 2`" in home.ctl("reload").err
    assert "without an edit: tmaxctl rollback 2\n" in home.ctl("rollback", "1").err


def test_a_rollback(home: Home, running: Running) -> None:
    done = home.ctl("rollback")
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "revision 3 → 2: 1 key"
    assert lines[3] == BACK
    assert lines[4].startswith("done: all workers have settled (")
    assert running.fleet.compared == [(None, None), (3, 2)], "from what is in force to what will be"
    value = home.ctl("rollback", "1", "--wait", "0s", "-o", "json").json
    conforms(value, "RolledBack")
    assert running.fleet.compared[2:] == [(3, 1)]
    assert running.fleet.rolled == [2, 1]
    assert len(running.fleet.wishes) == 1


def test_a_rollback_that_takes_longer(home: Home, running: Running) -> None:
    running.fleet.missing = [
        Missing(worker="check-1", state="busy", reason="", message="spec_changed: task 7")
    ]
    done = home.ctl("rollback", "--wait", "30ms", "-o", "json")
    assert (done.code, done.json["error"], done.json["revision"]) == (4, "timeout", 4)
    assert "the fleet is not settled after 30ms; it goes on:\n  check-1: busy: spec_" in done.err


def test_on_a_terminal_it_asks(home: Home, running: Running) -> None:
    with Screen(home, "rollback", "2") as screen:
        screen.until("go back to revision 2? [y/N]: ")
        assert "workers.check.count" in screen.text
        screen.type("n\n")
        assert screen.finish() == 1
        assert "nothing was changed" in screen.text
    assert running.fleet.rolled == []
    with Screen(home, "rollback", "2", "--yes") as screen:
        assert screen.finish() == 0
    assert running.fleet.rolled == [2]

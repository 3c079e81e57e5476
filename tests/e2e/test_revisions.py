"""Revisions of the spec on a living fleet: listed, compared, gone back to."""

from __future__ import annotations

import json

from tests.e2e.fleet import Fleet
from tests.e2e.programs import idle


def test_back_and_forth(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1)})
    fleet.start()
    fleet.write({"idle": idle(2, env={"COLOR": "red"})})
    fleet.wait_for(lambda: len(fleet.pids()) == 2, "the second revision")
    fleet.settle()
    difference = fleet.ctl("diff").stdout.splitlines()
    assert difference[0] == "revision 1 → 2: 2 keys"
    assert difference[2].split()[:4] == ["workers.idle.count", "1", "→", "2"]
    assert "red" not in "".join(difference), "a variable may be a secret"
    done = fleet.ctl("rollback", "--wait", "30s")
    assert done.returncode == 0, done.stderr
    assert "revision 1 is in force again, as revision 3 (2 keys)" in done.stdout
    assert len(fleet.pids()) == 1
    rows = json.loads(fleet.ctl("history", "-o", "json").stdout)["revisions"]
    assert [(r["number"], r["in_force"], r["in_file"]) for r in rows] == [
        (3, True, False),
        (2, False, True),
        (1, False, False),
    ]
    assert "revision 3 is in force: rollback to 1; " in fleet.ctl("status").stdout
    fleet.kill9()
    fleet.start()
    assert fleet.status()["spec"]["state"] == "rolled_back", "it holds over a restart"
    assert len(fleet.pids()) == 1
    fleet.write({"idle": idle(3)})
    fleet.wait_for(lambda: len(fleet.pids()) == 3, "the file was edited")
    assert fleet.settle()["spec"]["state"] == "in_force"

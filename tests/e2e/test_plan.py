"""`tmaxctl plan SPEC` on a living fleet."""

from __future__ import annotations

import json

from tests.e2e.fleet import Fleet
from tests.e2e.programs import idle


def test_a_plan_for_another_file(fleet: Fleet) -> None:
    """Each action with its reason and the key that causes it, and nothing is done."""
    box = {"inboxes": {"box": {"to": "work"}}}
    work = {"task": ["true"]}
    fleet.write({"idle": idle(2), "more": idle(1), "work": work}, pipes=box)
    fleet.start()
    before = fleet.pids()
    candidate = fleet.folder / "sub" / "candidate.yaml"
    candidate.parent.mkdir()
    candidate.write_bytes(fleet.spec.read_bytes())
    assert fleet.ctl("plan", str(candidate)).stdout.startswith("nothing to do")
    groups = {"idle": idle(3), "more": idle(1, env={"COLOR": "red"}), "work": work}
    candidate.write_text(fleet.text(groups, pipes=box))
    done = fleet.ctl("plan", "sub/candidate.yaml", "-o", "json")
    assert done.returncode == 0, done.stderr
    keys = ("action", "worker", "reason", "field", "detail")
    assert sorted(tuple(a[key] for key in keys) for a in json.loads(done.stdout)["actions"]) == [
        ("start", "idle-3", "added", "workers.idle.count", "count 2 → 3"),
        ("start", "more-1", "spec_changed", "workers.more.env", ""),
        ("stop", "more-1", "spec_changed", "workers.more.env", ""),
    ]
    candidate.write_text(fleet.text(groups).replace("fleet: e2e", "fleet: other"))
    renamed = fleet.ctl("plan", "sub/candidate.yaml", "--fleet", "e2e")
    assert renamed.returncode == 2
    says = f"{candidate}:2:8: error: fleet: the fleet is called e2e and cannot be renamed"
    assert says in renamed.stderr
    assert fleet.pids() == before
    status = fleet.settle()
    assert (status["spec"]["revision"], fleet.pids()) == (1, before)
    path = str(fleet.places.pipes / "box.pipe")
    assert status["inboxes"] == [{"name": "box", "to": ["work"], "path": path, "paused": None}]
    assert f"box    work  {path}" in fleet.ctl("status").stdout

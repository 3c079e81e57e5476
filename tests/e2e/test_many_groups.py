"""A hundred groups of two."""

from __future__ import annotations

from tests.e2e.fleet import Fleet, Json
from tests.e2e.marks import marked
from tests.e2e.programs import idle


def test_a_hundred_groups(fleet: Fleet) -> None:
    """Up, settled, one edit touches only its group, down, and nothing is left."""
    groups: dict[str, Json] = {f"g{n}": idle(2) for n in range(100)}
    fleet.write(groups)
    fleet.start()
    before = fleet.pids()
    assert len(before) == 200
    assert None not in before.values()
    started = len(fleet.events("started"))
    fleet.write(groups | {"g57": idle(2, env={"NEW": "1"})})
    fleet.wait_for(lambda: len(fleet.events("started")) == started + 2, "the group is replaced")
    fleet.settle()
    after = fleet.pids()
    assert {name for name in before if before[name] != after[name]} == {"g57-1", "g57-2"}
    assert after.keys() == before.keys()
    fleet.down()
    assert marked(str(fleet.folder)) == []

"""Acknowledged tasks that are gone from the state: the daemon does not begin anew as if there had been none."""

from __future__ import annotations

from tests.e2e.fleet import Fleet
from tests.e2e.programs import ledger_task


def test_a_lost_wal_is_refused_and_a_cut_one_is_told(fleet: Fleet) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 0)})
    fleet.start()
    for n in range(8):
        fleet.submit("work", [f"task-{n}-{i}" for i in range(250)])
    fleet.kill9()
    wal = fleet.places.database.with_name("state.db-wal")
    whole = wal.read_bytes()

    wal.unlink()
    assert fleet.spawn().wait(30) == 1
    assert "state.db: holds no tasks, but it did, the last with id 2000" in fleet.tail()

    wal.write_bytes(whole[: len(whole.rstrip(b"\0")) // 2])
    fleet.start()
    kept = fleet.group("work")["queued"]
    assert 0 < kept < 2000
    told = fleet.events("commits_missing", level="error")
    assert len(told) == 1
    assert [told[0]["text"].strip()] == fleet.status()["problems"]
    assert "commits are gone" in told[0]["text"]
    assert fleet.submit("work", ["next"]) == [2001]

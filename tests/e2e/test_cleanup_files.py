"""Clean-ups of files and of the fleet's own folders, by a real daemon that is at work."""

from __future__ import annotations

from tests.e2e.fleet import DEADLINE, Fleet, Json
from tests.e2e.programs import idle


def clean(fleet: Fleet, what: str, *, dry: bool = False) -> Json:
    fleet.wait_for(lambda: fleet.status()["cleanups"], "clean-ups can be asked for")
    body = {"what": [what], "dry": dry}
    (run,) = fleet.api.post("/v1/cleanup", wait=DEADLINE, body=body)["runs"]
    return dict(run)


def test_files_go_once_it_is_said_so(fleet: Fleet) -> None:
    work = fleet.folder / "work"
    (work / "deep").mkdir(parents=True)
    (work / "a.tmp").write_text("x" * 10_000)
    (work / "deep/b.tmp").write_text("x")
    (work / "out.tmp").symlink_to(fleet.places.state)
    entry: Json = {"what": "files", "files": ["work/**/*.tmp"], "roots": "work", "ttl": "0s"}
    entry["every"] = "1h"
    fleet.write({"w": idle(1)}, cleanup=[entry])
    fleet.start()
    told = clean(fleet, "files")
    assert (told["dry"], told["count"], told["problems"]) == (True, 3, [])
    assert (work / "deep/b.tmp").exists()
    fleet.write({"w": idle(1)}, cleanup=[entry | {"apply": True}])
    fleet.settle()
    done = clean(fleet, "files")
    assert (done["dry"], done["count"], done["bytes"]) == (False, 3, told["bytes"])
    assert [path.name for path in work.rglob("*")] == ["deep"]
    assert (fleet.places.state / "state.db").exists()
    assert fleet.worker("w-1")["state"] == "running"


def test_nothing_of_a_fleet_at_work_is_stale(fleet: Fleet) -> None:
    spool, temporary = fleet.places.spool("old-1"), fleet.places.payloads / ".1.4194305"
    serves = {"count": 2, "task": ["true", "{payload}"], "pool": 1}
    fleet.write({"w": serves}, pipes={"inboxes": {"in": {"to": "w"}}})
    fleet.start()
    assert clean(fleet, "stale")["items"] == []
    spool.mkdir()
    temporary.write_text("x")
    assert clean(fleet, "stale", dry=True)["count"] == 2
    assert spool.exists()
    done = clean(fleet, "stale")
    assert {item["name"] for item in done["items"]} == {str(spool), str(temporary)}
    assert not spool.exists()
    assert not temporary.exists()
    fleet.submit("w", ["a", "b"])
    fleet.await_done("w", 2)

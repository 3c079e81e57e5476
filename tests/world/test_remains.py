"""What may be left in the fleet's own folders: which of it is shown, and what is removed of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tmaxd.places import Places
from tmaxd.ports.remains import Remnant
from tmaxd.world.folders import prepare
from tmaxd.world.pipes import FifoPipes
from tmaxd.world.remains import FleetRemains


@pytest.fixture
def here() -> Iterator[Places]:
    folder = Path(tempfile.mkdtemp(prefix="tmr-", dir="/tmp"))
    places = Places(runtime=folder / "r/f", state=folder / "s/f")
    prepare(places)
    yield places
    shutil.rmtree(folder)


def found(here: Places) -> dict[str, Remnant]:
    """By its path in the fleet's folders."""
    look = asyncio.run(FleetRemains(here).find())
    folder = here.state.parent.parent
    return {os.path.relpath(remnant.path, folder): remnant for remnant in look}


def test_a_fleet_that_works_has_nothing_of_it(here: Places) -> None:
    async def body() -> None:
        pipes = FifoPipes(here.pipes)
        pipes.link("r1", "w-1")
        pipes.add_inbox("in")
        pipes.add_outbox("out")
        pipes.add_shared("w")
        here.spool("w-1").mkdir()
        (here.spool("w-1") / "result").write_text("x")
        (here.payloads / "17").write_text("x")
        (here.state / "state.db").write_text("x")
        assert await FleetRemains(here).find() == ()
        pipes.close()

    asyncio.run(body())


def test_second_names_of_fifos_without_a_first_one(here: Places) -> None:
    asyncio.run(_make_and_lose(here))
    there = found(here)
    assert {(r.owner, r.kind) for r in there.values()} == {("w-1", "fifo"), ("out", "fifo")}
    assert set(there) == {
        "r/f/pipes/.held/w-1.tasks.pipe",
        "r/f/pipes/.held/w-1.control.pipe",
        "r/f/pipes/.held/w-1.results.pipe",
        "r/f/pipes/.held/out.outbox.pipe",
    }
    remains = FleetRemains(here)
    assert all(remains.remove(remnant) for remnant in there.values())
    assert not any(remains.remove(remnant) for remnant in there.values())
    assert found(here) == {}


async def _make_and_lose(here: Places) -> None:
    pipes = FifoPipes(here.pipes)
    pipes.add_worker("w-1")
    pipes.add_worker("w-2")
    pipes.add_outbox("out")
    pipes.close()
    shutil.rmtree(here.pipes / "w-1")
    (here.pipes / "out.pipe").unlink()


def test_a_fifo_that_has_its_name_again_stays(here: Places) -> None:
    asyncio.run(_make_and_lose(here))
    remnant = found(here)["r/f/pipes/.held/out.outbox.pipe"]
    os.link(remnant.path, here.pipes / "out.pipe")
    assert not FleetRemains(here).remove(remnant)
    assert os.path.exists(remnant.path)


def test_folders_only_where_they_are_empty(here: Places) -> None:
    for name in ("w-1", "w-2", "w_3"):
        here.spool(name).mkdir()
    (here.spool("w-2") / "result").write_text("x")
    (here.pipes / ".gone-w-1").mkdir()
    (here.pipes / ".gone-w-2").mkdir()
    (here.pipes / ".gone-w-2/mine").write_text("x")
    (here.payloads / "link").symlink_to("/")
    there = found(here)
    assert set(there) == {"s/f/payloads/w-1", "s/f/payloads/w_3", "r/f/pipes/.gone-w-1"}
    assert there["s/f/payloads/w_3"].owner == "w_3"
    (here.spool("w-1") / "late").write_text("x")
    remains = FleetRemains(here)
    assert not remains.remove(there["s/f/payloads/w-1"]), "something was put into it meanwhile"
    assert remains.remove(there["s/f/payloads/w_3"])
    assert remains.remove(there["r/f/pipes/.gone-w-1"])
    assert (here.spool("w-1") / "late").exists()


def test_files_that_a_dead_daemon_was_writing(here: Places) -> None:
    (here.state / ".spec_path.4194305").write_text("x")
    (here.state / f".spec_path.{os.getpid()}").write_text("x")
    (here.payloads / ".17.4194305").write_text("x")
    (here.state / ".profile").write_text("x")
    (here.state / ".folder.4194305").mkdir()
    there = found(here)
    assert set(there) == {"s/f/.spec_path.4194305", "s/f/payloads/.17.4194305"}
    remains = FleetRemains(here)
    assert all(remains.remove(remnant) for remnant in there.values())
    assert found(here) == {}

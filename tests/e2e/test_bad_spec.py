"""A spec that is saved broken changes nothing; status says what is wrong and where; the good file is taken when it
returns. And every way in which editors and ConfigMaps save a good one is noticed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.fleet import Fleet, Json
from tests.e2e.programs import idle

GOOD: dict[str, Json] = {"idle": idle(2)}
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


def half_of(text: str) -> str:
    return text[: text.index("idle:") + 4]


BROKEN: dict[str, Callable[[str], str | bytes]] = {
    "half_written": half_of,
    "half_written_and_valid_yaml": lambda text: text[: text.index("workers:")],
    "empty": lambda text: "",
    "ten_megabytes": lambda text: text + "# more\n" * 1_500_000,
    "binary": lambda text: bytes(range(256)) * 64,
    "yaml_bomb": lambda text: text + "x-bomb: 1\n" + BOMB,
    "unknown_key": lambda text: text.replace("count: 2", "cuont: 2"),
    "another_fleet": lambda text: text.replace("fleet: e2e", "fleet: other"),
}


def in_place(path: Path, text: str | bytes) -> None:
    path.write_bytes(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize("how", BROKEN)
def test_broken_and_good_again(fleet: Fleet, how: str) -> None:
    good = fleet.text(GOOD)
    fleet.save(good)
    fleet.start()
    before = fleet.pids()
    in_place(fleet.spec, BROKEN[how](good))
    spec = fleet.wait_for(
        lambda: (s := fleet.status()["spec"])["state"] == "rejected" and s, "it is rejected"
    )
    assert spec["revision"] == 1
    assert spec["problems"]
    for problem in spec["problems"]:
        assert problem["file"] == str(fleet.spec)
        assert problem["text"].startswith(f"{fleet.spec}:{problem['line']}:")
    (logged,) = fleet.events("spec_rejected")
    assert str(fleet.spec) in logged["text"]
    fleet.settle()
    assert fleet.pids() == before
    in_place(fleet.spec, fleet.text({"idle": idle(3)}))
    fleet.wait_for(lambda: fleet.status()["spec"]["revision"] == 2, "the good one is taken")
    fleet.settle()
    assert len(fleet.pids()) == 3
    assert fleet.pids().items() >= before.items()
    assert fleet.status()["spec"]["problems"] == []


def test_deleted_and_put_back(fleet: Fleet) -> None:
    fleet.write(GOOD)
    fleet.start()
    before = fleet.pids()
    fleet.spec.unlink()
    fleet.wait_for(lambda: fleet.status()["spec"]["state"] == "missing", "it is missed")
    fleet.settle()
    assert fleet.pids() == before
    fleet.write(GOOD)
    fleet.wait_for(lambda: fleet.status()["spec"]["state"] == "in_force", "it is back")
    fleet.settle()
    assert (fleet.pids(), fleet.status()["spec"]["revision"]) == (before, 1)


def test_a_daemon_started_over_a_broken_spec(fleet: Fleet) -> None:
    """The last good revision stays in force across the daemon's death."""
    fleet.write(GOOD)
    fleet.start()
    before = fleet.pids()
    fleet.kill9()
    fleet.save("workers: [")
    fleet.start()
    assert fleet.pids() == before
    assert fleet.status()["spec"]["state"] == "rejected"
    fleet.write({"idle": idle(1)})
    fleet.wait_for(lambda: fleet.status()["spec"]["revision"] == 2, "the good one is taken")


def test_a_first_start_over_a_broken_spec(fleet: Fleet) -> None:
    fleet.save("version: 1\nfleet: e2e\nworkers: {idle: {cuont: 1}}\n")
    daemon = fleet.spawn()
    assert daemon.wait(30) == 2
    assert f"{fleet.spec}:3:" in fleet.log.read_text()
    assert not fleet.places.tmux_socket.exists()


# --------------------------------------------------------------------------------- ways of saving


def grows_to(fleet: Fleet, count: int) -> None:
    fleet.wait_for(lambda: len(fleet.pids()) == count, f"there are {count} workers")
    assert fleet.settle()["converged"]


def test_saved_in_place_and_by_rename(fleet: Fleet) -> None:
    fleet.write(GOOD)
    fleet.start()
    before = fleet.pids()
    in_place(fleet.spec, fleet.text({"idle": idle(3)}))
    grows_to(fleet, 3)
    fleet.write({"idle": idle(4)})
    grows_to(fleet, 4)
    with fleet.spec.open("w") as slow:  # written in pieces, as by a slow copy
        text = fleet.text({"idle": idle(5)})
        for at in range(0, len(text), 16):
            slow.write(text[at : at + 16])
            slow.flush()
    grows_to(fleet, 5)
    assert fleet.pids().items() >= before.items()


def test_symlinks_swapped_as_configmaps_do(fleet: Fleet) -> None:
    def publish(version: str, count: int) -> None:
        folder = fleet.folder / version
        folder.mkdir()
        (folder / "tmax.yaml").write_text(fleet.text({"idle": idle(count)}))
        (fleet.folder / "..data_tmp").symlink_to(version)
        os.replace(fleet.folder / "..data_tmp", fleet.folder / "..data")

    publish("..2026_1", 2)
    fleet.spec.symlink_to("..data/tmax.yaml")
    fleet.start()
    publish("..2026_2", 3)
    grows_to(fleet, 3)
    publish("..2026_3", 4)
    grows_to(fleet, 4)


def test_an_included_file_edited(fleet: Fleet) -> None:
    folder = fleet.folder / "groups"
    folder.mkdir()
    part = folder / "more.yaml"
    part.write_text("workers: {more: {count: 1, run: [sleep, '1000000']}}\n")
    fleet.write(GOOD, include=["groups/more.yaml"])
    fleet.start()
    before = fleet.pids()
    part.write_text("workers: {more: {count: 2, run: [sleep, '1000000']}}\n")
    grows_to(fleet, 4)
    part.write_text("workers: {more: {count: two, run: [sleep, '1000000']}}\n")
    spec = fleet.wait_for(
        lambda: (s := fleet.status()["spec"])["state"] == "rejected" and s, "it is rejected"
    )
    assert [(p["file"], p["line"]) for p in spec["problems"]] == [(str(part), 1)]
    part.unlink()
    fleet.wait_for(
        lambda: "more.yaml" in fleet.status()["spec"]["problems"][0]["message"], "missed"
    )
    part.write_text("workers: {more: {count: 3, run: [sleep, '1000000']}}\n")
    grows_to(fleet, 5)
    assert fleet.pids().items() >= before.items()

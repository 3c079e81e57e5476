"""Which entries decide what a path leads to, and what of them is compared."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tmaxd.world.waypoints import folders, marks, waypoints


def test_waypoints_of_a_plain_path_are_the_path(tmp_path: Path) -> None:
    spec = tmp_path / "conf" / "tmax.yaml"
    spec.parent.mkdir()
    spec.touch()
    assert waypoints(str(spec)) == {str(spec)}
    assert waypoints(f"{spec.parent}/../conf/tmax.yaml") == {str(spec)}


def test_waypoints_stop_at_the_first_thing_missing(tmp_path: Path) -> None:
    assert waypoints(f"{tmp_path}/a/b/c.yaml") == {f"{tmp_path}/a"}


def test_waypoints_hold_every_link_on_the_way(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "x.yaml").touch()
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to("./real/../real")
    assert waypoints(f"{tmp_path}/one/x.yaml") == {
        f"{tmp_path}/one",
        f"{tmp_path}/two",
        f"{real}/x.yaml",
    }


def test_waypoints_of_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert waypoints(f"{tmp_path}/a") == {f"{tmp_path}/a", f"{tmp_path}/b"}


def test_a_folder_made_again_is_another_one(tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    before = folders([f"{folder}/a", f"{folder}/b", f"{tmp_path}/missing/c"])
    assert set(before) == {str(folder)}
    folder.rename(tmp_path / "old")
    folder.mkdir()
    assert folders([f"{folder}/a"]) != before


def test_marks_differ_after_every_change(tmp_path: Path) -> None:
    point = tmp_path / "tmax.yaml"
    seen = [marks([str(point)])]
    assert seen == [{str(point): None}]
    changes: tuple[Callable[[], object], ...] = (
        lambda: point.write_text("one"),
        lambda: os.utime(point, ns=(5, 5)),
        lambda: point.write_text("two!"),
        point.unlink,
        lambda: point.symlink_to("elsewhere"),
        point.unlink,
    )
    for change in changes:
        change()
        seen.append(marks([str(point)]))
        assert seen[-1] != seen[-2]

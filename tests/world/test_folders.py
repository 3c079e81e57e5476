"""Folders that are ours alone, or a clear refusal; files read without ever blocking."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tmaxd.places import SOCKET_PATH_LIMIT, Places
from tmaxd.ports import WorldError
from tmaxd.world.folders import make_private, prepare, read_file

ROOT = os.geteuid() == 0


@pytest.fixture
def base() -> Iterator[Path]:
    """Short, since sockets will be in it."""
    with tempfile.TemporaryDirectory(prefix="tmx") as folder:
        yield Path(folder)


@pytest.fixture
def places(base: Path) -> Places:
    return Places(runtime=base / "run" / "demo", state=base / "state" / "demo")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_all_folders_are_made_and_private(places: Places) -> None:
    old = os.umask(0)
    try:
        prepare(places)
    finally:
        os.umask(old)
    made = (places.runtime, places.state, places.pipes, places.payloads, places.logs)
    assert {mode(folder) for folder in made} == {0o700}
    (places.logs / "check-1.log").write_text("kept")
    prepare(places)
    assert (places.logs / "check-1.log").read_text() == "kept"


def test_a_folder_that_others_may_enter_is_closed(places: Places) -> None:
    places.runtime.mkdir(parents=True)
    places.runtime.chmod(0o755)
    prepare(places)
    assert mode(places.runtime) == 0o700


def test_a_link_is_refused_and_not_followed(places: Places, base: Path) -> None:
    elsewhere = base / "elsewhere"
    elsewhere.mkdir(0o755)
    places.runtime.parent.mkdir(parents=True)
    places.runtime.symlink_to(elsewhere)
    with pytest.raises(WorldError, match="is a symbolic link"):
        prepare(places)
    assert list(elsewhere.iterdir()) == []


def test_a_broken_link_or_a_file_in_the_way_is_refused(base: Path) -> None:
    (base / "link").symlink_to(base / "nothing")
    (base / "file").write_text("x")
    for name in ("link", "file"):
        with pytest.raises(WorldError, match="another kind of file"):
            make_private(base / name)
    with pytest.raises(WorldError, match="Not a directory"):
        make_private(base / "file" / "below")


@pytest.mark.skipif(not ROOT, reason="only root can give a folder away")
def test_another_user_s_folder_is_refused(places: Places) -> None:
    places.state.mkdir(parents=True)
    os.chown(places.state, 65534, -1)
    with pytest.raises(WorldError, match=r"belongs to uid 65534.*TMAX_STATE_DIR"):
        prepare(places)


@pytest.mark.skipif(not ROOT, reason="only root can give a folder away")
def test_a_root_folder_of_another_user_is_refused(places: Places) -> None:
    places.runtime.parent.mkdir(parents=True)
    os.chown(places.runtime.parent, 65534, -1)
    with pytest.raises(WorldError, match="could swap the folders"):
        prepare(places)
    assert not places.runtime.exists()


def test_a_root_folder_that_all_may_write_is_refused_unless_sticky(places: Places) -> None:
    places.runtime.parent.mkdir(parents=True)
    places.runtime.parent.chmod(0o777)
    with pytest.raises(WorldError, match="chmod go-w"):
        prepare(places)
    places.runtime.parent.chmod(0o1777)
    prepare(places)
    places.runtime.parent.chmod(0o775)  # our own group is ours
    prepare(places)


def test_the_longest_socket_path_can_be_bound_and_one_more_is_refused(base: Path) -> None:
    def at(length: int) -> Places:
        room = length - len(os.fsencode(base)) - len("//tmux.sock") - len("/r")
        return Places(runtime=base / "r" / ("f" * room), state=base / "state" / "f")

    longest = at(SOCKET_PATH_LIMIT)
    prepare(longest)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.fspath(longest.tmux_socket))
    with pytest.raises(WorldError, match=r"has 108 bytes.*TMAX_RUNTIME_DIR"):
        prepare(at(SOCKET_PATH_LIMIT + 1))


def test_a_file_is_read_up_to_its_limit(base: Path) -> None:
    path = base / "tmax.yaml"
    path.write_bytes(b"x" * 100)
    (base / "link").symlink_to(path)
    assert read_file(path, 100) == read_file(base / "link", 200) == b"x" * 100
    with pytest.raises(WorldError, match="too big: 100 bytes, and 99"):
        read_file(path, 99)
    path.write_bytes(b"")
    assert read_file(path, 0) == b""


def test_what_is_no_file_is_refused_without_waiting(base: Path) -> None:
    os.mkfifo(base / "fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.fspath(base / "sock"))
        for path, why in (
            (base / "fifo", "a FIFO"),
            (base, "a folder"),
            (base / "sock", "socket"),
            (Path("/dev/zero"), "a device"),
            (base / "missing", "no such file"),
        ):
            with pytest.raises(WorldError, match=why) as caught:
                read_file(path, 100)
            assert str(path) in str(caught.value)

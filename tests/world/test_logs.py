"""Rotation by size, of the workers' logs and of our own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tmaxd.ports import WorldError
from tmaxd.world.logs import rotate, rotate_own


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "check-1.log"


def names(log: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in log.parent.iterdir()}


def test_a_log_within_its_limit_stays(log: Path) -> None:
    assert not rotate(log, limit=10)
    log.write_text("x" * 10)
    assert not rotate(log, limit=10)
    assert names(log) == {"check-1.log": "x" * 10}


def test_a_log_over_its_limit_moves_on_and_the_oldest_goes(log: Path) -> None:
    for n in range(1, 6):
        log.write_text(f"{n}" * 11)
        assert rotate(log, limit=10, keep=3)
    assert names(log) == {
        "check-1.log.1": "5" * 11,
        "check-1.log.2": "4" * 11,
        "check-1.log.3": "3" * 11,
    }
    assert not rotate(log, limit=10, keep=3)


def test_one_older_file_can_be_kept(log: Path) -> None:
    for n in range(1, 4):
        log.write_text(f"{n}" * 11)
        assert rotate(log, limit=10, keep=1)
    assert names(log) == {"check-1.log.1": "3" * 11}


def test_who_has_the_log_open_writes_on_into_the_renamed_file(log: Path) -> None:
    with log.open("w") as file:
        file.write("x" * 11)
        file.flush()
        assert rotate(log, limit=10)
        file.write("more")
    assert names(log) == {"check-1.log.1": "x" * 11 + "more"}


def test_a_link_is_not_rotated(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("secret" * 10)
    log.symlink_to(target)
    assert not rotate(log, limit=10)
    assert log.is_symlink()


def test_a_folder_in_the_way_is_an_error(log: Path) -> None:
    log.write_text("x" * 11)
    (log.parent / "check-1.log.2").write_text("older")
    (log.parent / "check-1.log.3").mkdir()
    with pytest.raises(WorldError, match="cannot be rotated"):
        rotate(log, limit=10, keep=3)


def test_a_fifo_is_not_waited_for(log: Path) -> None:
    os.mkfifo(log)
    assert not rotate(log, limit=-1)


def test_the_log_of_this_process_goes_on_in_a_new_file(tmp_path: Path) -> None:
    """In a process of its own, whose standard error is that log."""
    log = tmp_path / "own.log"
    script = (
        "import sys; from pathlib import Path; from tmaxd.world.logs import rotate_own\n"
        f"log = Path({str(log)!r})\n"
        "print('x' * 100, file=sys.stderr)\n"
        "assert rotate_own(log, limit=50)\n"
        "assert not rotate_own(log, limit=50)\n"
        "print('after', file=sys.stderr)\n"
    )
    with log.open("wb") as out:
        subprocess.run([sys.executable, "-c", script], stdout=out, stderr=out, check=True)
    assert log.read_text() == "after\n"
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.with_name("own.log.1").read_text() == "x" * 100 + "\n"


def test_a_log_that_is_not_our_standard_error_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "other.log"
    log.write_text("x" * 100)
    assert not rotate_own(log, limit=50)
    assert log.read_text() == "x" * 100

"""Rotation by size, and the end of a log across rotated files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.ports import WorldError
from tmaxd.world import logs
from tmaxd.world.logs import rotate, rotate_own, tail


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


def test_a_link_is_neither_rotated_nor_read(log: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("secret" * 10)
    log.symlink_to(target)
    assert not rotate(log, limit=10)
    assert log.is_symlink()
    with pytest.raises(WorldError, match=r"check-1\.log cannot be read"):
        tail(log, 3)


def test_a_folder_in_the_way_is_an_error(log: Path) -> None:
    log.write_text("x" * 11)
    (log.parent / "check-1.log.2").write_text("older")
    (log.parent / "check-1.log.3").mkdir()
    with pytest.raises(WorldError, match="cannot be rotated"):
        rotate(log, limit=10, keep=3)


def test_a_fifo_is_not_waited_for(log: Path) -> None:
    os.mkfifo(log)
    assert not rotate(log, limit=-1)
    with pytest.raises(WorldError, match="not a file"):
        tail(log, 3)


def test_the_end_of_no_log_is_nothing(log: Path) -> None:
    assert tail(log, 10) == b""
    log.write_text("")
    assert tail(log, 10) == b""
    log.write_text("one\n")
    assert tail(log, 0) == b""


def test_the_end_reaches_into_rotated_files(log: Path) -> None:
    (log.parent / "check-1.log.2").write_text("1\n2\n")
    (log.parent / "check-1.log.1").write_text("3\n4\n")
    assert tail(log, 3) == b"2\n3\n4\n", "between the rotation and the first new output"
    log.write_text("5\n6")
    assert tail(log, 2) == b"5\n6"
    assert tail(log, 3) == b"4\n5\n6"
    assert tail(log, 5) == b"2\n3\n4\n5\n6"
    assert tail(log, 99) == b"1\n2\n3\n4\n5\n6"


def test_the_end_has_a_limit_in_bytes(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "TAIL_LIMIT", 1000)
    log.write_bytes(b"a" * 5000 + b"b" * 1000)
    assert tail(log, 5) == b"b" * 1000


LINES = st.lists(st.sampled_from([b"", b"x", b"\r", b"\x1b[0m", b"y" * 70]), max_size=40)


@given(lines=LINES, last=st.sampled_from([b"", b"unfinished"]), n=st.integers(1, 45))
def test_the_end_is_what_a_plain_split_gives(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], last: bytes, n: int
) -> None:
    log = tmp_path_factory.getbasetemp() / "plain.log"
    log.write_bytes(b"".join(line + b"\n" for line in lines) + last)
    whole = [line + b"\n" for line in lines] + ([last] if last else [])
    block, logs._BLOCK = logs._BLOCK, 16
    try:
        assert tail(log, n) == b"".join(whole[-n:])
    finally:
        logs._BLOCK = block


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

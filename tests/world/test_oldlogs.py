"""Old logs are found, removed and packed; what is written to is not."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest

from tmaxd.ports.logs import LogFile
from tmaxd.world.logs import rotate
from tmaxd.world.oldlogs import LogFolder


@pytest.fixture
def logs(tmp_path: Path) -> LogFolder:
    (tmp_path / "logs").mkdir()
    return LogFolder(tmp_path / "logs", tmp_path / "tmaxd.log")


def never() -> bool:
    return False


def put(path: Path, text: str = "x" * 5000, at: float = 1000.0) -> Path:
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def only(logs: LogFolder, name: str) -> LogFile:
    return next(file for file in logs.find() if file.path.endswith(f"/{name}"))


def names(logs: LogFolder) -> set[str]:
    return {Path(file.path).name for file in logs.find()}


def test_what_is_a_log(tmp_path: Path, logs: LogFolder) -> None:
    folder = tmp_path / "logs"
    for name in (
        "a-1.log",
        "a-1.log.1",
        "a-1.log.12.gz",
        "b-c_3.log.2",
        "notes.txt",
        "a-1.log.x",
        "a-1.log.0",
    ):
        put(folder / name)
    (folder / "link.log").symlink_to(folder / "notes.txt")
    (folder / "folder.log").mkdir()
    os.mkfifo(folder / "fifo.log")
    for name in ("tmaxd.log", "tmaxd.log.1", "other.log", "tmaxd.logs"):
        put(tmp_path / name)
    found = {(f.worker, f.number, f.compressed) for f in logs.find()}
    assert found == {
        ("a-1", 0, False), ("a-1", 1, False), ("a-1", 12, True), ("b-c_3", 2, False),
        ("", 0, False), ("", 1, False),
    }  # fmt: skip
    one = only(logs, "a-1.log.1")
    assert (one.bytes, one.at, one.stamp) == (5000, 1000.0, 10**12)


def test_one_goes_unless_it_was_written_to(tmp_path: Path, logs: LogFolder) -> None:
    path = put(tmp_path / "logs" / "a-1.log.1")
    file = only(logs, "a-1.log.1")
    put(path, "another one", 2000.0)
    assert not logs.remove(file)
    assert logs.remove(only(logs, "a-1.log.1"))
    assert not logs.remove(file)
    assert names(logs) == set()


def test_one_is_packed(tmp_path: Path, logs: LogFolder) -> None:
    text = "".join(f"line {n}\n" for n in range(100_000))
    path = put(tmp_path / "logs" / "a-1.log.1", text)
    saved = logs.compress(only(logs, "a-1.log.1"), never)
    packed = path.with_name("a-1.log.1.gz")
    assert gzip.decompress(packed.read_bytes()).decode() == text
    assert saved == len(text) - packed.stat().st_size > 0
    assert (packed.stat().st_mtime, packed.stat().st_mode & 0o777) == (1000.0, 0o600)
    assert os.listdir(tmp_path / "logs") == ["a-1.log.1.gz"]


def test_one_that_was_written_to_meanwhile_is_left(
    tmp_path: Path, logs: LogFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path / "logs" / "a-1.log.1")

    def stopped() -> bool:
        with path.open("a") as file:
            file.write("late")
        return False

    assert logs.compress(only(logs, "a-1.log.1"), stopped) == 0
    assert path.read_text().startswith("xxx")
    assert "late" in path.read_text()
    assert os.listdir(tmp_path / "logs") == ["a-1.log.1"]


def test_it_can_be_stopped(tmp_path: Path, logs: LogFolder) -> None:
    put(tmp_path / "logs" / "a-1.log.1")
    stop = threading.Event()
    stop.set()
    assert logs.compress(only(logs, "a-1.log.1"), stop.is_set) == 0
    assert os.listdir(tmp_path / "logs") == ["a-1.log.1"]


def test_what_packing_makes_larger_is_left(tmp_path: Path, logs: LogFolder) -> None:
    put(tmp_path / "logs" / "a-1.log.1", "short")
    assert logs.compress(only(logs, "a-1.log.1"), never) == 0
    assert os.listdir(tmp_path / "logs") == ["a-1.log.1"]


def test_a_full_disk_leaves_the_original(
    tmp_path: Path, logs: LogFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "logs" / "a-1.log.1")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tmaxd.world.oldlogs.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        logs.compress(only(logs, "a-1.log.1"), never)
    assert os.listdir(tmp_path / "logs") == ["a-1.log.1"]


def test_rotation_carries_packed_ones_along(tmp_path: Path, logs: LogFolder) -> None:
    folder = tmp_path / "logs"
    log = folder / "a-1.log"
    for turn in range(6):
        put(log, f"{turn}" * 3000)
        assert rotate(log, limit=100, keep=3)
        assert logs.compress(only(logs, "a-1.log.1"), never) > 0
        assert not (folder / "a-1.log.1").exists()
    kept = {name: gzip.decompress((folder / name).read_bytes())[:1] for name in names(logs)}
    assert kept == {"a-1.log.1.gz": b"5", "a-1.log.2.gz": b"4", "a-1.log.3.gz": b"3"}
    put(log)
    rotate(log, limit=100, keep=3)
    assert names(logs) == {"a-1.log.1", "a-1.log.2.gz", "a-1.log.3.gz"}

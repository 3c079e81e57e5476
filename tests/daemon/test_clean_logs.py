"""The clean-up `logs`: which go, which are packed, and which are never touched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.cleaning.logs import LogCleaner
from tmaxd.ports.logs import LogFile
from tmaxd.spec.units import Duration, Size
from tmaxd.spec.upkeep import Cleanup

NOW = 100_000.0
USED = {"a-1", "b-1"}


class FakeLogs:
    def __init__(self, *files: LogFile) -> None:
        self.files = {file.path: file for file in files}
        self.refused: set[str] = set()

    def find(self) -> list[LogFile]:
        return list(self.files.values())

    def remove(self, file: LogFile) -> bool:
        if file.path in self.refused:
            raise PermissionError(13, "Permission denied")
        return self.files.pop(file.path, None) is not None

    def compress(self, file: LogFile, stopped: Callable[[], bool]) -> int:
        del self.files[file.path]
        path = f"{file.path}.gz"
        self.files[path] = replace(file, path=path, compressed=True, bytes=file.bytes // 10)
        return file.bytes - file.bytes // 10


def log(worker: str, number: int = 0, age: float = 0.0, size: int = 1000) -> LogFile:
    name = f"{worker or 'tmaxd'}.log" + (f".{number}" if number else "")
    return LogFile(path=name, worker=worker, number=number, compressed=False, bytes=size, at=NOW - age,
                   stamp=int(NOW - age))  # fmt: skip


def clean(logs: FakeLogs, *, dry: bool = False, **said: Any) -> Report:
    report = Report()
    entry = Cleanup(what="logs", **said)
    asyncio.run(LogCleaner(logs, USED.__contains__).clean(entry, dry, NOW, report))
    return report


def test_old_ones_go_that_nobody_writes_to() -> None:
    old = 900.0
    logs = FakeLogs(
        log("a-1", 0, old), log("a-1", 1, old), log("a-1", 2, 10), log("gone-1", 0, old), log("gone-2", 0, 10),
        log("", 0, old), log("", 1, old),
    )  # fmt: skip
    assert clean(logs, ttl=Duration(500), dry=True).count == 3
    assert len(logs.files) == 7
    report = clean(logs, ttl=Duration(500))
    assert (report.count, report.bytes) == (3, 3000)
    assert set(logs.files) == {"a-1.log", "a-1.log.2", "gone-2.log", "tmaxd.log"}


def test_only_some_groups() -> None:
    logs = FakeLogs(log("a-1", 1, 900), log("b-1", 1, 900), log("", 1, 900))
    clean(logs, ttl=Duration(500), groups=("b",))
    assert set(logs.files) == {"a-1.log.1", "tmaxd.log.1"}


def test_the_oldest_go_until_all_have_the_size() -> None:
    logs = FakeLogs(log("a-1", 2, 300), log("a-1", 1, 200), log("a-1", 0, 400), log("b-1", 1, 100))
    report = clean(logs, max_size=Size(2500))
    assert set(logs.files) == {"a-1.log", "b-1.log.1"}
    assert report.problems == []


def test_what_is_written_to_stays_and_it_is_told() -> None:
    logs = FakeLogs(log("a-1", 0, size=5000), log("a-1", 1), log("gone-1", 0, size=7000))
    report = clean(logs, max_size=Size(2000))
    assert set(logs.files) == {"a-1.log"}
    assert "the logs have 5,000 bytes, more than max_size (2,000)" in report.problems[0]


def test_rotated_ones_are_packed_once_they_are_at_rest() -> None:
    logs = FakeLogs(log("a-1", 0, 900), log("a-1", 1, 10), log("a-1", 2, 900), log("", 1, 900))
    dry = clean(logs, compress=True, dry=True)
    assert (dry.count, dry.bytes, len(logs.files)) == (2, 0, 4)
    report = clean(logs, compress=True)
    assert (report.count, report.bytes) == (2, 1800)
    assert set(logs.files) == {"a-1.log", "a-1.log.1", "a-1.log.2.gz", "tmaxd.log.1.gz"}
    assert clean(logs, compress=True).count == 0


def test_packing_comes_before_the_size() -> None:
    logs = FakeLogs(log("a-1", 2, 900), log("a-1", 1, 800), log("a-1", 0))
    assert clean(logs, compress=True, max_size=Size(1200)).problems == []
    assert set(logs.files) == {"a-1.log", "a-1.log.1.gz", "a-1.log.2.gz"}


def test_a_worker_that_comes_meanwhile_keeps_its_log() -> None:
    logs, used = FakeLogs(log("new-1", 0, 900)), set[str]()

    class Slow(FakeLogs):
        def find(self) -> list[LogFile]:
            used.add("new-1")
            return logs.find()

    report = Report()
    entry = Cleanup(what="logs", ttl=Duration(500))
    asyncio.run(LogCleaner(Slow(), used.__contains__).clean(entry, False, NOW, report))
    assert report.count == 0


def test_one_that_cannot_be_removed_keeps_no_other() -> None:
    logs = FakeLogs(log("a-1", 1, 900), log("a-1", 2, 900))
    logs.refused.add("a-1.log.1")
    report = clean(logs, ttl=Duration(500))
    assert set(logs.files) == {"a-1.log.1"}
    assert report.problems == ["a-1.log.1 cannot be removed: Permission denied"]

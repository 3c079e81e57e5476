"""The memory store from inside a worker program: by requests, and by frames."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.ctl.harness import Home, Running, daemon
from tmaxd.tasks.frames import decode
from tmaxd.tasks.store_frames import StoreFrame
from tmaxd.worker import memory
from tmaxd.worker.store import BATCH, Store
from tmaxd.worker.task import Task


@pytest.fixture
def home() -> Iterator[Home]:
    folder = Path(tempfile.mkdtemp(prefix="tmw", dir="/tmp"))
    try:
        yield Home(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def running(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    with daemon(home) as found:
        # As a spare has it: a link that leads to the folder of the worker.
        pipes = found.paths.pipes
        (pipes / "check-1").mkdir(parents=True)
        (pipes / ".runs").mkdir()
        (pipes / ".runs" / "run1").symlink_to("../check-1")
        os.mkfifo(pipes / "check-1" / "results.pipe")
        spool = home.folder / "spool"
        spool.mkdir()
        monkeypatch.setenv("TMAX_PIPES", str(pipes / ".runs" / "run1"))
        monkeypatch.setenv("TMAX_SPOOL", str(spool))
        monkeypatch.setattr(memory, "_ours", {})
        monkeypatch.setattr(Task, "send", None)
        yield found
        for store in memory._ours.values():
            store.close()


def test_values_come_back_as_they_were(running: Running) -> None:
    for value in ("é\n", {"a": [1, None, 2.5]}, 0, None, True, b"", bytes(range(256))):
        memory.put("k", value)
        assert memory.get("k", "default") == value
    assert memory.get("none") is None
    assert memory.get("none", 7) == 7
    assert memory.get("k", ns="other") is None
    with pytest.raises(TypeError):
        memory.put("k", object())
    with pytest.raises(ValueError, match="JSON compliant"):
        memory.put("k", float("nan"))


def test_keys_of_any_text(running: Running) -> None:
    for key in ("a b&c=d?#%", "é/ü", '"\\'):
        memory.put(key, key, ns="team/x")
        assert memory.get(key, ns="team/x") == key
    assert {e.key for e in memory.list(ns="team/x")} == {"a b&c=d?#%", "é/ü", '"\\'}


def test_versions(running: Running) -> None:
    version = memory.put("k", 1, ttl=60)
    found = memory.entry("k")
    assert found is not None
    assert (found.version, found.value, found.key) == (version, 1, "k")
    assert found.expires == pytest.approx(time.time() + 60, abs=30)
    second = memory.cas("k", 2, version)
    with pytest.raises(memory.Conflict) as raised:
        memory.cas("k", 3, version)
    assert raised.value.version == second
    with pytest.raises(memory.Conflict):
        memory.put("k", 3, if_absent=True)
    memory.put("new", 3, if_absent=True)
    assert (memory.delete("k"), memory.delete("k")) == (True, False)
    with pytest.raises(ValueError, match="ttl"):
        memory.put("k", 1, ttl=0)


def test_counters_from_many_threads(running: Running) -> None:
    def count() -> None:
        for _ in range(20):
            memory.incr("n")

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memory.incr("n", -30) == 50
    memory.put("t", "text")
    with pytest.raises(memory.Refused) as raised:
        memory.incr("t")
    assert raised.value.word == "not_a_number"


def test_many_at_once(running: Running) -> None:
    memory.put_many({f"k{i:05}": {"i": i} for i in range(2 * BATCH + 5)}, ns="many")
    found = list(memory.list("k0", ns="many"))
    assert [e.value["i"] for e in found] == list(range(2 * BATCH + 5))
    assert [e.key for e in memory.search("K01999", ns="many")] == ["k01999"]
    with pytest.raises(memory.Refused, match="read-only"):
        memory.put_many({"k": 1}, ns="worker")


def test_a_watch(running: Running) -> None:
    begin = memory.put("a", 1)
    memory.put("b", b"\x00")
    memory.put("c", "no", ns="other")
    memory.delete("b")
    changes = memory.watch(ns="default", since=begin)
    assert [next(changes) for _ in range(2)] == [
        {"seq": 2, "ns": "default", "key": "b", "change": "put"},
        {"seq": 4, "ns": "default", "key": "b", "change": "delete"},
    ]
    memory.put("d", [1])
    assert next(changes)["value"] == [1]
    changes.close()  # type: ignore[attr-defined]
    with pytest.raises(memory.Lagged, match="list anew"):
        next(memory.watch(since=999))


def test_it_goes_on_with_the_next_daemon(home: Home) -> None:
    with daemon(home) as first:
        store = Store(str(first.paths.api_socket))
        store.put("k", 1)
    found: list[Any] = []
    asking = threading.Thread(target=lambda: found.append(store.put("k", 2)))
    asking.start()
    with daemon(home):
        asking.join(20)
        assert found == [1]
    gone = Store(str(home.folder / "none.sock"), patience=0.0)
    with pytest.raises(memory.Unavailable, match="no daemon answers"):
        gone.get("k")
    store.close()


def test_outside_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMAX_PIPES", raising=False)
    for call in (lambda: memory.get("k"), lambda: memory.put_nowait("k", 1)):
        with pytest.raises(memory.Unavailable, match="not started by tmaxd"):
            call()


def test_a_child_after_a_fork_has_connections_of_its_own(running: Running) -> None:
    memory.put("k", "parent")
    pid = os.fork()
    if not pid:
        try:
            memory.put("child", 1)
            os._exit(0 if memory.get("k") == "parent" else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    assert memory.get("child") == 1


# ------------------------------------------------------------------------------ by frames


def test_put_nowait(running: Running) -> None:
    fd = os.open(running.paths.pipes / "check-1" / "results.pipe", os.O_RDWR | os.O_NONBLOCK)
    try:
        memory.put_nowait("k", {"é": 1}, ns="notes", ttl=5)
        memory.put_nowait("raw", b"\xff")
        memory.put_nowait("long", "x" * 5000)
        memory.put_nowait("longer", bytes(5000))
        found = [decode(line) for line in os.read(fd, 65536).splitlines()]
    finally:
        os.close(fd)
    small, raw, long, longer = (f for f in found if isinstance(f, StoreFrame))
    assert (small.ns, small.key, small.ttl) == ("notes", "k", 5)
    assert json.loads(bytes(small.value)) == {"é": 1}  # type: ignore[arg-type]
    assert raw.bytes == "/w=="
    assert (long.as_, longer.as_) == ("json", "bytes")
    assert json.loads(Path(long.file or "").read_bytes()) == "x" * 5000
    assert Path(longer.file or "").read_bytes() == bytes(5000)
    assert Path(long.file or "").stat().st_mode & 0o777 == 0o600


def test_inside_serve_frames_go_by_its_link(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []
    monkeypatch.setattr(Task, "send", sent.append)
    memory.put_nowait("k", 1)
    assert sent == [b'{"t":"store","ns":"default","key":"k","value":1}\n']


def test_a_program_that_does_not_use_it_does_not_import_it() -> None:
    code = "import sys, tmaxd.worker; print('tmaxd.worker.memory' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"False\n"

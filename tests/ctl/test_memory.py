"""`tmaxctl memory …` as a process, against the real API."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.ctl.harness import ROOT, Home, Running, conforms
from tmaxd.ctl.render_memory import change, entries, stats
from tmaxd.store.entries import Entry, Put


def stored(running: Running, key: str, ns: str = "default") -> Entry | None:
    return running.fleet.stored.disk.entries.get((ns, key))


def data(running: Running, key: str, ns: str = "default") -> bytes | None:
    entry = stored(running, key, ns)
    return None if entry is None else entry.data


def test_store_and_get(home: Home, running: Running) -> None:
    assert home.ctl("memory", "store", "k", "some text").out == "stored k, version 1\n"
    assert data(running, "k") == b'"some text"'
    assert home.ctl("memory", "get", "k").out == "some text"
    home.ctl("memory", "store", "k", '{"a": [1]}', "--json", "-n", "team/x", "--ttl", "1h")
    entry = stored(running, "k", "team/x")
    assert entry is not None
    assert entry.expires is not None
    assert (entry.data, round(entry.expires - entry.written)) == (b'{"a":[1]}', 3600)
    assert home.ctl("memory", "get", "k", "-n", "team/x").out == '{"a": [1]}'
    done = home.ctl("memory", "get", "k", "-o", "json")
    conforms(done.json, "MemoryEntry")
    assert done.json["value"] == "some text"
    done = home.ctl("memory", "get", "none")
    assert (done.code, done.out) == (1, "")
    assert "there is no `none` in the namespace `default`" in done.err
    done = home.ctl("memory", "get", "none", "-o", "json")
    assert (done.code, done.json["error"]) == (1, "no_such_key")


def test_values_from_standard_input(home: Home, running: Running) -> None:
    raw = bytes(range(256)) * 300
    assert home.ctl("memory", "store", "raw", "-", "--bytes", stdin=raw).code == 0
    assert data(running, "raw") == raw
    process = home.start("memory", "get", "raw")
    assert process.communicate(timeout=60)[0] == raw
    home.ctl("memory", "store", "text", "-", stdin="é\n".encode())
    assert home.ctl("memory", "get", "text").out == "é\n"
    done = home.ctl("memory", "store", "bad", "-", stdin=b"\xff")
    assert (done.code, stored(running, "bad")) == (2, None)
    done = home.ctl("memory", "store", "large", "-", stdin=bytes(3 << 20))
    assert (done.code, stored(running, "large")) == (1, None)
    assert "and may have 1048576: raise `store.max_value`" in done.err.replace("\n  ", " ")
    done = home.ctl("memory", "store", "large", "-", "-o", "json", stdin=bytes(100 << 20))
    assert (done.code, done.json["error"]) == (2, "too_large")


def test_compare_and_set(home: Home, running: Running) -> None:
    assert home.ctl("memory", "store", "k", "1", "--if-absent").code == 0
    done = home.ctl("memory", "store", "k", "2", "--if-absent")
    assert done.code == 1
    assert "the version there is 1" in done.err
    assert home.ctl("memory", "cas", "k", "1", "3").code == 0
    done = home.ctl("memory", "cas", "k", "1", "4", "-o", "json")
    assert (done.code, done.json["error"]) == (1, "conflict")
    assert data(running, "k") == b'"3"'


def test_counters(home: Home, running: Running) -> None:
    assert home.ctl("memory", "incr", "n", "5").out == "5\n"
    assert home.ctl("memory", "incr", "n", "-7").out == "-2\n"
    assert home.ctl("memory", "incr", "n").out == "-1\n"
    home.ctl("memory", "store", "t", "text")
    done = home.ctl("memory", "incr", "t")
    assert done.code == 1
    assert "`t` in `default`: the value there is no whole number" in done.err
    assert home.ctl("memory", "incr", "t", "-o", "json").json["error"] == "not_a_number"
    assert home.ctl("memory", "incr", "t", "x").code == 2


def fill(running: Running, count: int) -> None:
    async def fill() -> None:
        operations = [Put("default", f"k{i:05}", "json", b'"v"') for i in range(count)]
        await running.fleet.stored.owner.write(operations)

    running.post(lambda: asyncio.ensure_future(fill()))
    running.until(lambda: len(running.fleet.stored.disk.entries) == count)


def test_lists(home: Home, running: Running) -> None:
    fill(running, 2500)
    done = home.ctl("memory", "list", "k0000", "--values")
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines] == ["KEY", *(f"k0000{i}" for i in range(10))]
    assert lines[1].split()[-1] == "v"
    done = home.ctl("memory", "list", "--limit", "0", "-o", "json")
    keys = [json.loads(line)["key"] for line in done.out.splitlines()]
    assert keys == [f"k{i:05}" for i in range(2500)]
    done = home.ctl("memory", "list")
    assert len(done.out.splitlines()) == 101
    assert "there may be more" in done.err
    assert home.ctl("memory", "list", "-n", "none").out == "no entries\n"
    done = home.ctl("memory", "search", "K00007", "-o", "json")
    assert [json.loads(line)["key"] for line in done.out.splitlines()] == ["k00007"]
    done = home.ctl("memory", "delete", "--prefix", "k01", "-o", "json")
    assert done.json == {"ns": "default", "deleted": 1000}
    assert home.ctl("memory", "delete", "k00000", "k00001", "none").out == "deleted 2 keys\n"
    assert len(running.fleet.stored.disk.entries) == 1498
    assert home.ctl("memory", "delete").code == 2


def test_stats_and_cleanup(home: Home, running: Running) -> None:
    assert home.ctl("memory", "stats").out == "the store is empty\n"
    home.ctl("memory", "store", "k", "v", "-n", "notes")
    title, row = home.ctl("memory", "stats").out.splitlines()
    assert title.split()[:3] == ["NAMESPACE", "KEYS", "SIZE"]
    assert row.split()[:2] == ["notes", "1"]
    conforms(home.ctl("memory", "stats", "-o", "json").json, "MemoryStats")
    done = home.ctl("memory", "cleanup", "--ttl", "0s", "-n", "notes", "--dry-run")
    assert done.out == "would go: 1 entry, 4 B\n"
    assert stored(running, "k", "notes") is not None
    assert home.ctl("memory", "cleanup", "--ttl", "0s", "-o", "json").json["count"] == 1
    assert stored(running, "k", "notes") is None
    assert home.ctl("memory", "cleanup", "-n", "notes").code == 2


def test_watch(home: Home, running: Running) -> None:
    home.ctl("memory", "store", "a", "0")
    process = home.start("memory", "watch", "--since", "1", "--values", "-o", "json")
    try:
        assert process.stdout is not None
        home.ctl("memory", "store", "k", "v")
        line = json.loads(process.stdout.readline())
        assert (line["seq"], line["key"], line["value"], line["change"]) == (2, "k", "v", "put")
        home.ctl("memory", "delete", "k")
        assert json.loads(process.stdout.readline())["change"] == "delete"
    finally:
        process.kill()
        process.communicate()
    done = home.ctl("memory", "watch", "--since", "77")
    assert done.code == 1
    assert "list anew" in done.err
    assert home.ctl("memory", "watch", "--since", "77", "-o", "json").json["error"] == "lagged"


def test_mistakes(home: Home, running: Running) -> None:
    for words in (
        ("store", "a\nb", "v"),
        ("store", "k", "v", "-n", "Bad"),
        ("store", "k", "v", "--json"),
        ("store", "k", "v", "--json", "--bytes"),
        ("store", "k", "v", "--ttl", "soon"),
        ("list", "-n", "Bad"),
    ):
        assert home.ctl("memory", *words).code == 2, words
    done = home.ctl("memory", "store", "k", "v", "-n", "worker")
    assert done.code == 1
    assert "read-only" in done.err
    assert running.fleet.stored.disk.entries == {}


def test_the_workers(home: Home, running: Running) -> None:
    name = running.fleet.now.workers[0].name
    value = json.loads(home.ctl("memory", "get", f"{name}/state", "-n", "worker").out)
    assert value["state"] == running.fleet.now.workers[0].state


def test_without_a_daemon(home: Home) -> None:
    done = home.ctl("--fleet", "demo", "memory", "get", "k")
    assert done.code == 3


def test_namespaces_are_completed(home: Home, running: Running) -> None:
    home.ctl("memory", "store", "k", "v", "-n", "notes")
    done = subprocess.run(
        [sys.executable, "-m", "tmaxd.ctl.main"],
        env=home.env
        | {
            "_TMAXCTL_COMPLETE": "bash_complete",
            "COMP_WORDS": "tmaxctl memory list -n ",
            "COMP_CWORD": "4",
        },
        cwd=home.folder,
        capture_output=True,
        check=False,
    )
    assert done.stdout.decode().split() == ["plain,notes", "plain,worker"]


def test_many_processes_at_once_lose_nothing(home: Home, running: Running) -> None:
    """Each says what it has stored only when it has."""
    results: list[int] = []

    def one(i: int) -> None:
        results.append(home.ctl("memory", "store", f"k{i}", "v").code)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 8
    assert len(running.fleet.stored.disk.entries) == 8


def test_lines_fit_and_are_clean() -> None:
    row = {
        "ns": "a",
        "key": "k" * 300,
        "version": 3,
        "kind": "json",
        "size": 5,
        "written": 0.0,
        "expires": 90.0,
        "value": "two\nlines \x1b[31m",
    }
    for line in entries([row], 10.0, width=60):
        assert len(line) <= 60
        assert "\x1b" not in line
    shown = change({"seq": 1, "ns": "a", "key": "k", "change": "put", "value": "\x1b]0;x\x07\n"})
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert stats([]) == ["the store is empty"]


def test_nothing_heavy_is_imported(home: Home) -> None:
    """It must start fast."""
    code = "import sys, tmaxd.ctl.verbs.memory; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        cwd=Path("/"),
    )
    loaded = set(done.stdout.decode().split())
    assert not loaded & {"msgspec", "aiohttp", "sqlite3", "tmaxd.store", "asyncio"}


@pytest.mark.parametrize("words", [[], ["--help"], ["store", "--help"]])
def test_help(home: Home, words: list[str]) -> None:
    assert "memory" in home.ctl("memory", *words).out + home.ctl("memory", *words).err

"""The owner of the memory store: what it keeps in memory, when entries go, and what it tells of it."""

from __future__ import annotations

import asyncio

import pytest

from tests.daemon.store_scene import Scene, play
from tests.waiting import settle, until
from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.store import SLICE, USED
from tmaxd.daemon.storecache import BYTES, ENTRIES, LARGEST, Cache
from tmaxd.daemon.storecleaner import StoreCleaner
from tmaxd.daemon.storewatch import KEPT, Changes, Lagged
from tmaxd.ports import WorldError
from tmaxd.ports.store import Committed, StoreError
from tmaxd.spec.units import Duration, Size
from tmaxd.spec.upkeep import Cleanup, Namespace, Store
from tmaxd.store.entries import Change, Delete, Entry, Incr, Put, Total


def test_what_was_written_is_read_without_the_disk() -> None:
    async def body(s: Scene) -> None:
        await s.put("k", data=b'"x"')
        assert await s.value("k") == b'"x"'
        await s.do(Incr("a", "n", 2), Incr("a", "n", 2))
        assert await s.value("n") == b"4"
        await s.do(Delete("a", "k"))
        assert s.reads == 0
        assert await s.value("k") is None
        assert await s.value("k", ns="none") is None
        assert s.reads == 1, "of a namespace that holds nothing the disk is not asked"

    play(body)


def test_the_next_daemon_reads_from_disk_once() -> None:
    async def body(s: Scene) -> None:
        await s.put("k")
        s.start()
        assert [await s.value("k"), await s.value("k")] == [b"1", b"1"]
        assert s.reads == 1
        assert s.memory.totals == {"a": Total(1, 2)}

    play(body)


def test_a_read_that_a_write_overtakes_is_not_kept() -> None:
    async def body(s: Scene) -> None:
        await s.put("k")
        s.start()
        await s.memory.opened()
        reading = asyncio.ensure_future(s.value("k"))
        writing = asyncio.ensure_future(s.put("k", data=b"2"))
        await asyncio.gather(reading, writing)
        assert await s.value("k") == b"2"

    play(body)


def test_many_who_ask_at_once_open_it_once_and_a_failure_is_tried_again() -> None:
    async def body(s: Scene) -> None:
        await s.put("k")
        s.start()
        s.disk.broken = "no"
        found = await asyncio.gather(*(s.value("k") for _ in range(3)), return_exceptions=True)
        assert [str(e) for e in found] == ["no"] * 3
        await s.memory.begin()
        assert "no" in s.log.getvalue()
        s.disk.broken = None
        assert await s.value("k") == b"1"

    play(body)


def test_what_the_disk_refuses_is_not_there() -> None:
    async def body(s: Scene) -> None:
        await s.put("k")
        s.disk.broken = "full"
        with pytest.raises(StoreError, match="full"):
            await s.put("k", data=b"2")
        assert s.memory.trouble() == "full"
        assert await s.value("k") == b"1"

    play(body)


# --------------------------------------------------------------------------------- times


def test_entries_go_when_their_time_is_over() -> None:
    async def body(s: Scene) -> None:
        await s.put("short", ttl=5)
        await s.put("long", ttl=50)
        assert await s.value("short") == b"1"
        s.clock.advance(5)
        assert await s.value("short") is None
        assert s.on_disk() == ["long", "short"]
        await s.pass_by(0)
        assert s.on_disk() == ["long"]
        await s.pass_by(45)
        assert s.on_disk() == []
        assert s.memory.totals == {}

    play(body)


def test_many_go_in_slices() -> None:
    async def body(s: Scene) -> None:
        await s.do(*(Put("a", f"k{i}", "json", b"1", 5.0) for i in range(SLICE + 10)))
        seen: list[int] = []
        kept = s.disk.on_commit

        def told(done: Committed) -> None:
            seen.append(len(done.changes))
            kept(done)

        s.disk.on_commit = told
        await s.pass_by(5)
        await until(lambda: not s.on_disk(), "all have gone")
        assert seen == [SLICE, 10]

    play(body)


def test_while_the_flag_is_off_they_are_not_to_be_had_and_stay() -> None:
    async def body(s: Scene) -> None:
        s.cleans = False
        await s.put("k", ttl=5)
        await s.pass_by(60)
        assert s.on_disk() == ["k"]
        assert await s.value("k") is None
        assert (await s.memory.page("a", "", "", 10, values=True)).entries == ()
        assert (await s.do(Put("a", "k", "json", b"2", None, 0)))[0].verdict == "stored"
        await s.put("k2", ttl=5)
        s.cleans = True
        await s.pass_by(5)
        assert s.on_disk() == ["k"]

    play(body)


def test_a_clock_that_is_set_back_revives_nothing_and_holds_up_nothing() -> None:
    async def body(s: Scene) -> None:
        s.cleans = False
        await s.put("over", ttl=5)
        await s.put("later", ttl=500)
        await s.pass_by(6)
        assert await s.value("over") is None
        s.set_clock(-3600)
        assert await s.value("over") is None
        assert await s.value("later") == b"1"
        await s.put("new", ttl=10)
        await s.pass_by(11)
        assert await s.value("new") is None
        await s.put("mark")
        s.start()
        assert await s.value("over") is None
        assert await s.value("later") == b"1"

    play(body)


def test_a_clock_that_is_set_forward_ends_what_would_have_lived_until_then() -> None:
    async def body(s: Scene) -> None:
        await s.put("k", ttl=500)
        await s.put("ever")
        s.set_clock(3600)
        assert await s.value("k") is None
        await s.pass_by(0)
        assert s.on_disk() == ["ever"]

    play(body)


# --------------------------------------------------------------------------------- limits


def test_what_was_read_lately_stays() -> None:
    async def body(s: Scene) -> None:
        s.settings = Store(namespaces={"*": Namespace(max_keys=3)})
        for key in ("k1", "k2", "k3"):
            await s.put(key)
        await s.value("k1")
        await s.put("k4")
        assert s.on_disk() == ["k1", "k3", "k4"]
        assert await s.value("k2") is None
        assert s.memory.tallies["a"].evicted == 1

    play(body)


def test_reads_are_written_down_only_when_they_are_many() -> None:
    async def body(s: Scene) -> None:
        await s.do(*(Put("a", f"k{i}", "json", b"1") for i in range(USED)))
        for i in range(USED - 1):
            await s.value(f"k{i}")
        assert s.disk.used == {}
        await s.value(f"k{USED - 1}")
        await settle()
        assert len(s.disk.used) == USED

    play(body)


def test_limits_of_a_new_spec_hold_at_once() -> None:
    async def body(s: Scene) -> None:
        await s.do(*(Put("a", f"k{i:04}", "json", b"1") for i in range(1500)))
        await s.put("k", ns="b")
        s.settings = Store(max_value=Size(4), namespaces={"a": Namespace(max_keys=2)})
        await s.pass_by(1)
        await until(lambda: len(s.on_disk()) == 2, "the rest has gone")
        assert s.on_disk("b") == ["k"]
        assert (await s.do(Put("a", "x", "json", b"12345")))[0].verdict == "too_large"

    play(body)


def test_the_time_of_a_namespace() -> None:
    async def body(s: Scene) -> None:
        s.settings = Store(namespaces={"a": Namespace(ttl=Duration(5))})
        await s.put("k")
        await s.put("k", ns="b")
        await s.pass_by(5)
        assert (await s.value("k"), await s.value("k", ns="b")) == (None, b"1")

    play(body)


def test_counts() -> None:
    async def body(s: Scene) -> None:
        await s.put("k", ttl=5)
        await s.put("stays")
        await s.value("k")
        await s.value("none")
        await s.value("none", ns="nowhere")
        await s.pass_by(5)
        tally = s.memory.tallies["a"]
        assert (tally.hits, tally.misses, tally.expired, s.memory.misses) == (1, 1, 1, 1)
        assert set(s.memory.tallies) == {"a"}

    play(body)


# -------------------------------------------------------------------------- watching, cleaning


def test_changes_since_a_number() -> None:
    async def body(s: Scene) -> None:
        await s.put("k")
        await s.do(Put("a", "k2", "json", b"1"), Delete("a", "k"), Delete("a", "k"))
        changes = s.memory.changes
        assert [(c.seq, c.key, c.what) for c in changes.since(1, 10)] == [
            (2, "k2", "put"),
            (3, "k", "delete"),
        ]
        assert [c.seq for c in changes.since(0, 2)] == [1, 2]
        assert list(changes.since(3, 10)) == []
        with pytest.raises(Lagged):
            changes.since(4, 10)
        waiting = asyncio.ensure_future(changes.later(3))
        await settle()
        assert not waiting.done()
        await s.put("k3")
        await waiting
        s.start()
        await s.memory.opened()
        assert list(s.memory.changes.since(4, 10)) == []
        with pytest.raises(Lagged):
            s.memory.changes.since(3, 10)

    play(body)


def test_only_so_many_changes_are_kept() -> None:
    async def body(_: Scene) -> None:
        changes = Changes()
        for seq in range(1, 3 * KEPT + 1):
            changes.add([Change(seq, "a", "k", "put")], seq)
        assert [c.seq for c in changes.since(2 * KEPT, 2)] == [2 * KEPT + 1, 2 * KEPT + 2]
        with pytest.raises(Lagged):
            changes.since(0, 1)
        changes.add(
            [Change(s, "a", "k", "put") for s in range(3 * KEPT + 1, 6 * KEPT + 1)], 6 * KEPT
        )
        assert [c.seq for c in changes.since(6 * KEPT - 1, 9)] == [6 * KEPT]

    play(body)


def test_the_clean_up_takes_what_is_over_and_what_is_old() -> None:
    async def body(s: Scene) -> None:
        s.cleans = False
        await s.put("old")
        await s.put("over", ns="b", ttl=5)
        await s.put("old", ns="b")
        s.clock.advance(100)
        await s.put("new")
        cleaner = StoreCleaner(s.memory)
        entry = Cleanup(what="memory", ttl=Duration(50), namespaces=("a",))
        report = Report(items=[])
        await cleaner.clean(entry, True, 0.0, report)
        assert [item.name for item in report.items] == ["b/over", "a/old"]
        assert s.on_disk() == ["new", "old"]
        report = Report(items=[])
        await cleaner.clean(entry, False, 0.0, report)
        assert (report.count, report.bytes) == (2, 4 + 1 + 3 + 1)
        assert (s.on_disk(), s.on_disk("b")) == (["new"], ["old"])
        s.disk.broken = "no"
        with pytest.raises(WorldError, match="no"):
            await cleaner.clean(entry, False, 0.0, report)

    play(body)


def test_the_cache_is_bounded() -> None:
    cache = Cache()
    large = Entry("a", "large", 1, "bytes", bytes(LARGEST), 0.0)
    cache.put(large)
    assert cache.get(("a", "large")) is None
    for i in range(ENTRIES + 1):
        cache.put(Entry("a", f"k{i}", i, "bytes", b"x", 0.0))
        cache.get(("a", "k0"))
    assert cache.get(("a", "k0")) is not None
    assert cache.get(("a", "k1")) is None
    size = LARGEST // 2
    for i in range(BYTES // size + 5):
        cache.put(Entry("b", f"k{i}", i, "bytes", bytes(size), 0.0))
    assert cache.get(("a", "k5")) is None
    assert cache.get(("b", "k0")) is None
    assert cache.get(("b", f"k{BYTES // size + 4}")) is not None

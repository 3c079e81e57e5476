"""The port `Store`: the real one and its fake, by one suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.store_worlds import NOW, Run, World, runner
from tmaxd.store.entries import Delete, Incr, Put, Total
from tmaxd.store.limits import Bounds, Limits


@pytest.fixture(params=["real", "fake"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(request.param, tmp_path)


def test_nothing_stored_is_nothing_there(run: Run) -> None:
    async def body(w: World) -> None:
        assert await w.store.begin() is None
        assert await w.keys() == []
        assert await w.value("k") is None
        assert w.store.trouble() is None

    run(body)


def test_what_was_stored_is_there_also_for_the_next_daemon(run: Run) -> None:
    async def body(w: World) -> None:
        await w.do(
            Put("a", "text", "json", b'"x"', 5.0),
            Put("b/c", "raw", "bytes", b"\x00\xff"),
            Incr("a", "n", 41),
        )
        begun = await w.reopen()
        assert begun is not None
        assert begun.seq == 3
        assert begun.reached == NOW
        assert begun.next_expiry == NOW + 5
        assert begun.totals == {"a": Total(2, 4 + 3 + 1 + 2), "b/c": Total(1, 3 + 2)}
        found = await w.store.get([("a", "text"), ("b/c", "raw"), ("a", "none")])
        assert set(found) == {("a", "text"), ("b/c", "raw")}
        text, raw = found["a", "text"], found["b/c", "raw"]
        assert (text.kind, text.data, text.version, text.written, text.expires) == (
            "json",
            b'"x"',
            1,
            NOW,
            NOW + 5,
        )
        assert (raw.kind, raw.data, raw.expires) == ("bytes", b"\x00\xff", None)
        assert (await w.do(Incr("a", "n")))[0].number == 42
        assert (await w.do(Put("a", "text", "json", b"2")))[0].version == 5

    run(body)


def test_numbers_are_never_used_again(run: Run) -> None:
    async def body(w: World) -> None:
        await w.put("k")
        await w.do(Delete("a", "k"))
        begun = await w.reopen()
        assert begun is not None
        assert (begun.seq, begun.totals) == (2, {})
        await w.put("k")
        assert [c.seq for c in w.commits[-1].changes] == [3]

    run(body)


def test_many_in_one_commit(run: Run) -> None:
    async def body(w: World) -> None:
        names = [f"k{i:04}" for i in range(1000)]
        await w.put(*names)
        assert len(w.commits) == 1
        assert await w.keys() == names
        await w.do(*(Delete("a", key) for key in names[::2]))
        assert await w.keys() == names[1::2]
        assert w.commits[-1].totals == {"a": Total(500, 500 * 6)}

    run(body)


def test_a_commit_tells_what_it_did_before_its_writes_are_answered(run: Run) -> None:
    async def body(w: World) -> None:
        told: list[int] = []
        w.store.on_commit = lambda done: told.append(done.seq)
        await w.put("k")
        assert told == [1]

    run(body)


def test_pages(run: Run) -> None:
    async def body(w: World) -> None:
        await w.put("a/1", "a/2", "a/3", "b", "a", "é", data=b"12")
        await w.put("a/1", ns="z")
        page = await w.store.page("a", "a/", "", 2, NOW, values=True)
        assert [(e.key, e.data) for e in page.entries] == [("a/1", b"12"), ("a/2", b"12")]
        assert (page.after, page.sizes) == ("a/2", (2, 2))
        page = await w.store.page("a", "a/", "a/2", 2, NOW, values=False)
        assert [(e.key, e.data) for e in page.entries] == [("a/3", b"")]
        assert (page.after, page.sizes) == (None, (2,))
        assert await w.keys() == ["a", "a/1", "a/2", "a/3", "b", "é"]
        assert await w.keys(ns="none") == []

    run(body)


def test_search_finds_in_keys_and_values(run: Run) -> None:
    async def body(w: World) -> None:
        await w.do(
            Put("a", "One", "json", b'{"x":"Needle"}'),
            Put("a", "needle", "json", b"1"),
            Put("a", "other", "json", b'"hay"'),
            Put("b", "needle", "json", b"1"),
        )
        page = await w.store.search("a", "", "NEEDLE", "", 10, NOW)
        assert [e.key for e in page.entries] == ["One", "needle"]
        assert page.sizes == (14, 1)
        page = await w.store.search("a", "n", "needle", "", 10, NOW)
        assert [e.key for e in page.entries] == ["needle"]
        assert (await w.store.search("a", "", "needle", "", 1, NOW)).after is not None

    run(body)


def test_what_has_expired_is_not_listed_and_can_be_removed(run: Run) -> None:
    async def body(w: World) -> None:
        await w.put("short", ttl=5.0)
        await w.put("long", ttl=50.0)
        await w.put("ever")
        w.now = NOW + 5
        assert await w.keys() == ["ever", "long"]
        assert (await w.store.search("a", "", "o", "", 9, w.now)).entries[0].key == "long"
        doomed, later = await w.store.expired(w.now, 10)
        assert [(d.ns, d.key, d.size) for d in doomed] == [("a", "short", 6)]
        assert later == NOW + 50
        outcomes = await w.store.remove([d.version for d in doomed], "expire", w.now)
        assert [o.version for o in outcomes] == [doomed[0].version]
        assert [(c.key, c.what) for c in w.commits[-1].changes] == [("short", "expire")]
        assert w.commits[-1].totals["a"].keys == 2

    run(body)


def test_what_was_written_anew_is_not_removed(run: Run) -> None:
    async def body(w: World) -> None:
        await w.put("k", ttl=5.0)
        doomed, _ = await w.store.expired(NOW + 9, 10)
        await w.put("k")
        assert not await w.store.remove([d.version for d in doomed], "expire", NOW + 9)
        assert await w.keys() == ["k"]

    run(body)


def test_old_ones_by_when_they_were_written(run: Run) -> None:
    async def body(w: World) -> None:
        await w.put("x", "y")
        await w.put("z", ns="b")
        w.now = NOW + 100
        await w.put("x")
        found, more = await w.store.old(NOW + 50, (), 0, 10)
        assert [(d.ns, d.key) for d in found] == [("a", "y"), ("b", "z")]
        assert more is None
        found, _ = await w.store.old(NOW + 50, ("b",), 0, 10)
        assert [d.key for d in found] == ["z"]
        found, more = await w.store.old(NOW + 50, (), 0, 1)
        assert [d.key for d in found] == ["y"]
        assert more is not None
        found, _ = await w.store.old(NOW + 50, (), more, 1)
        assert [d.key for d in found] == ["z"]

    run(body)


def test_a_full_namespace_loses_what_was_used_longest_ago(run: Run) -> None:
    async def body(w: World) -> None:
        w.limits = Limits(named={"a": Bounds(max_keys=3)})
        await w.put("k1")
        await w.put("k2")
        await w.put("k3")
        await w.store.write((), NOW, w.limits, [(("a", "k1"), 3)])
        await w.put("k4", "other")
        assert await w.keys() == ["k1", "k4", "other"]
        assert sorted(c.key for c in w.commits[-1].changes if c.what == "evict") == ["k2", "k3"]
        assert w.commits[-1].over == []

    run(body)


def test_a_full_namespace_by_bytes_and_others_are_left_alone(run: Run) -> None:
    async def body(w: World) -> None:
        w.limits = Limits(named={"a": Bounds(max_size=30)})
        await w.put("k1", "k2", data=b"1234567890")
        await w.put("k1", "k2", ns="b", data=b"1234567890")
        await w.put("k3", data=b"1234567890")
        assert await w.keys() == ["k2", "k3"]
        assert await w.keys(ns="b") == ["k1", "k2"]

    run(body)


def test_more_than_fits_in_one_commit_leaves_the_last_ones(run: Run) -> None:
    async def body(w: World) -> None:
        w.limits = Limits(named={"a": Bounds(max_keys=2)})
        await w.put("k1", "k2", "k3", "k4")
        assert await w.keys() == ["k3", "k4"]
        changes = [(c.key, c.what) for c in w.commits[-1].changes]
        assert changes[-2:] == [("k1", "evict"), ("k2", "evict")]

    run(body)


def test_lowered_limits_are_reached_in_slices(run: Run) -> None:
    async def body(w: World) -> None:
        await w.put(*(f"k{i:04}" for i in range(1500)))
        w.limits = Limits(named={"a": Bounds(max_keys=10)})
        slices = 0
        over = ["a"]
        while over:
            await w.store.trim(over, NOW, w.limits)
            over = list(w.commits[-1].over)
            slices += 1
        assert slices == 3
        assert await w.keys() == [f"k{i:04}" for i in range(1490, 1500)]

    run(body)


def test_commits_are_in_the_order_of_the_calls(run: Run) -> None:
    async def body(w: World) -> None:
        writes = [w.store.write([Incr("a", "n")], NOW, w.limits) for _ in range(50)]
        numbers = [(await write)[0].number for write in writes]
        assert numbers == list(range(1, 51))

    run(body)

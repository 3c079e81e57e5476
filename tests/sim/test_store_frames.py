"""What workers store by frames, in a whole daemon on fakes."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from tests.daemon.facade_scene import Scene
from tests.waiting import until
from tmaxd.store.entries import Entry
from tmaxd.store.names import WORKERS

SPEC = """
version: 1
fleet: sim
workers: {b: {count: 1, serve: [b]}}
store: {max_value: 4096, namespaces: {short: {ttl: 5s}, small: {max_keys: 2}}}
"""


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene(SPEC)
    yield scene
    scene.sim.close()


def say(scene: Scene, *lines: bytes) -> None:
    scene.sim.do(lambda: scene.sim.pipes.worker_writes("b-1", b"".join(x + b"\n" for x in lines)))
    scene.sim.settle()


def entry(scene: Scene, key: str, ns: str = "notes") -> Entry | None:
    return scene.ask(scene.facade.memory.get(ns, key))


def value(scene: Scene, key: str, ns: str = "notes") -> object:
    found = entry(scene, key, ns)
    if found is None:
        return None
    return msgspec.json.decode(found.data) if found.kind == "json" else found.data


def test_what_a_worker_writes_is_stored(scene: Scene) -> None:
    say(
        scene,
        b'{"t":"store","ns":"notes","key":"k","value":{"a":1},"ttl":60}',
        b'{"t":"store","ns":"notes","key":"raw","bytes":"AAE="}',
        b"store\tnotes\ttext\t-\tline\\nline",
        b"incr\tnotes\tn\t41",
        b"incr\tnotes\tn\t1",
        b"store\tnotes\tgone\t-\tx",
        b"delete\tnotes\tgone",
    )
    assert value(scene, "k") == {"a": 1}
    assert value(scene, "raw") == b"\x00\x01"
    assert value(scene, "text") == "line\nline"
    assert value(scene, "n") == 42
    assert value(scene, "gone") is None
    found = entry(scene, "k")
    assert found is not None
    assert found.expires == pytest.approx(scene.sim.clock.wall() + 60)
    assert scene.sim.do(lambda: scene.facade.status().problems) == ()


def test_frames_before_and_behind_others_keep_their_order(scene: Scene) -> None:
    task = scene.ask(scene.facade.submit("b", ["x"])).first_id
    say(scene, b"incr\tnotes\tn\t1", b"heartbeat", b"store\tnotes\tn\t-\tlast", b"\n")
    assert value(scene, "n") == "last"
    scene.sim.settle()
    story = scene.ask(scene.facade.story(task))
    assert story is not None


def test_a_long_value_comes_by_a_file_that_goes_then(scene: Scene) -> None:
    files = scene.sim.files.spooled
    files["/s/1"], files["/s/2"], files["/s/3"] = b'{"a": 1}', b"\xff", "é".encode()
    files["/s/large"] = bytes(4097)
    say(
        scene,
        b'{"t":"store","ns":"notes","key":"1","file":"/s/1","as":"json"}',
        b"store_file\tnotes\t2\t-\t/s/2",
        b"store_file\tnotes\t3\t-\t/s/3",
        b"store_file\tnotes\tlarge\t-\t/s/large",
        b"store_file\tnotes\tnone\t-\t/s/none",
    )
    scene.sim.run(until(lambda: "/s/3" not in files, "the files are read"))
    assert (value(scene, "1"), value(scene, "2"), value(scene, "3")) == ({"a": 1}, b"\xff", "é")
    assert set(files) == {"/s/large"}
    assert "4096 bytes" in scene.sim.log.getvalue()


def test_bad_names_are_bad_frames_and_others_of_the_same_write_are_stored(scene: Scene) -> None:
    say(scene, b"store\tNOTES\tk\t-\tx", b"store\tworker\tk\t-\tx", b"store\tnotes\tk\t-\tx")
    assert value(scene, "k") == "x"
    (problem,) = scene.status().problems
    assert problem.startswith("2 lines from workers were no frames")


def test_what_cannot_be_done_is_told(scene: Scene) -> None:
    say(scene, b"store\tnotes\tk\t-\ttext", b"incr\tnotes\tk\t1")
    (event,) = scene.events("store_refused")
    assert (event.worker, event.count) == ("b-1", 1)
    assert "no whole number" in str(event.fields)


def test_a_disk_that_refuses_for_a_while_loses_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmaxd.daemon.storeframes.AGAIN", 0.0)
    scene.sim.store.broken = "the disk is full"
    say(scene, b"incr\tnotes\tn\t1", b"incr\tnotes\tn\t1")
    say(scene, b"incr\tnotes\tn\t1")
    (event,) = scene.events("store_trouble")
    assert "the disk is full; what workers store waits" in str(event.fields)
    scene.sim.store.broken = None
    scene.sim.settle()
    assert value(scene, "n") == 3


def test_what_was_stored_outlives_the_daemon_and_its_worker(scene: Scene) -> None:
    say(scene, b"store\tnotes\tk\t-\tx", b"store\tshort\tk\t-\tx")
    scene.start()
    assert (value(scene, "k"), value(scene, "k", "short")) == ("x", "x")
    scene.sim.advance(6)
    scene.sim.settle()
    assert value(scene, "k", "short") is None
    assert set(scene.sim.store.entries) == {("notes", "k")}


def test_a_saved_spec_changes_the_limits(scene: Scene) -> None:
    say(scene, *(b"incr\tnotes\tk%d\t1" % i for i in range(4)))
    scene.edit(SPEC.replace("small", "notes"))
    scene.sim.advance(3)
    scene.sim.settle()
    assert sorted(key for _, key in scene.sim.store.entries) == ["k2", "k3"]


def test_the_workers_are_there_to_be_read(scene: Scene) -> None:
    memory = scene.facade.memory
    page = scene.ask(memory.page(WORKERS, "", "", 10, values=True))
    assert [e.key for e in page.entries] == ["b-1/heartbeat", "b-1/state", "b-1/stats"]
    state = value(scene, "b-1/state", WORKERS)
    assert isinstance(state, dict)
    assert state["state"] == scene.worker("b-1").state
    stats = value(scene, "b-1/stats", WORKERS)
    assert isinstance(stats, dict)
    assert stats["pid"] == scene.worker("b-1").pid
    assert value(scene, "b-9/state", WORKERS) is None
    page = scene.ask(memory.page(WORKERS, "b-1/s", "", 1, values=True))
    assert ([e.key for e in page.entries], page.after) == (["b-1/state"], "b-1/state")
    page = scene.ask(memory.search(WORKERS, "", "SILENT", "", 10))
    assert [e.key for e in page.entries] == ["b-1/heartbeat"]

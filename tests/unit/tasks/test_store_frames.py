"""The frames for the memory store, in both forms."""

from __future__ import annotations

import pytest
from msgspec import Raw

from tmaxd.daemon.storeframes import wrong
from tmaxd.tasks.frames import Bad, decode
from tmaxd.tasks.store_frames import DeleteFrame, IncrFrame, StoreFrame


def stored(line: bytes) -> StoreFrame:
    frame = decode(line)
    assert isinstance(frame, StoreFrame)
    assert wrong(frame) is None
    return frame


def test_store_as_json() -> None:
    frame = stored(b'{"t":"store","ns":"notes","key":"k","value":{"a":[1]},"ttl":60}')
    assert isinstance(frame.value, Raw)
    assert (frame.ns, frame.key, bytes(frame.value), frame.ttl) == ("notes", "k", b'{"a":[1]}', 60)
    frame = stored(b'{"t":"store","ns":"n","key":"k","value":null}')
    assert isinstance(frame.value, Raw)
    assert bytes(frame.value) == b"null"
    assert stored(b'{"t":"store","ns":"n","key":"k","bytes":"AAE="}').bytes == "AAE="
    frame = stored(b'{"t":"store","ns":"n","key":"k","file":"/f","as":"json"}')
    assert (frame.file, frame.as_) == ("/f", "json")


def test_store_as_tsv() -> None:
    frame = stored(b'store\tnotes\ta b\t1.5\tone\\ttwo\\n"\\\\')
    assert isinstance(frame.value, Raw)
    assert (frame.key, frame.ttl, bytes(frame.value)) == ("a b", 1.5, b'"one\\ttwo\\n\\"\\\\"')
    assert stored(b"store\tn\tk\t-\t").ttl is None
    assert stored(b"store_file\tn\tk\t-\t/a b").file == "/a b"


def test_delete_and_incr() -> None:
    assert decode(b'{"t":"delete","ns":"n","key":"k"}') == DeleteFrame("n", "k")
    assert decode(b"delete\tn\tk") == DeleteFrame("n", "k")
    assert decode(b'{"t":"incr","ns":"n","key":"k","by":-2,"ttl":5}') == IncrFrame("n", "k", -2, 5)
    assert decode(b'{"t":"incr","ns":"n","key":"k"}') == IncrFrame("n", "k", 1)
    assert decode(b"incr\tn\tk\t-7") == IncrFrame("n", "k", -7)


@pytest.mark.parametrize(
    "line",
    [
        b"store\tn\tk\t-",
        b"store\tn\tk\tsoon\tx",
        b"incr\tn\tk\t1.5",
        b"incr\tn\tk",
        b"delete\tn",
        b'{"t":"store","ns":"n"}',
        b'{"t":"store","ns":1,"key":"k","value":1}',
        b'{"t":"store","ns":"n","key":"k","file":"f","as":"xml"}',
    ],
)
def test_what_is_no_frame(line: bytes) -> None:
    assert isinstance(decode(line), Bad)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"store\tN\tk\t-\tx", "`N` is no namespace"),
        (b"store\tn\t\t-\tx", "a key cannot be empty"),
        (b"delete\tn\ta\\nb", "control characters"),
        (b"store\tworker\tk\t-\tx", "read-only"),
        (b"incr\tworker/x\tk\t1", "read-only"),
        (b"store\tn\tk\t0\tx", "ttl"),
        (b"store\tn\tk\tnan\tx", "ttl"),
        (b"store\tn\tk\tinf\tx", "ttl"),
        (b"incr\tn\tk\t9223372036854775808", "64 bits"),
        (b'{"t":"store","ns":"n","key":"k"}', "one of value, bytes and file"),
        (b'{"t":"store","ns":"n","key":"k","value":1,"file":"/f"}', "one of value"),
        (b'{"t":"store","ns":"n","key":"k","bytes":"!"}', "ase64"),
        (b'{"t":"store","ns":"n","key":"k","value":1e999}', "out of range"),
    ],
)
def test_frames_that_cannot_be_meant(line: bytes, why: str) -> None:
    frame = decode(line)
    assert isinstance(frame, StoreFrame | DeleteFrame | IncrFrame)
    assert why in (wrong(frame) or "")

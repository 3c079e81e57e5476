"""The verbs of the memory store, over the real API."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest

from tests.ctl.harness import conforms
from tests.daemon.api_client import Client, run
from tmaxd.daemon.storewatch import KEPT
from tmaxd.spec.units import Size
from tmaxd.spec.upkeep import Namespace, Store
from tmaxd.store.entries import Put

ENTRY = "/v1/memory/entry"


async def write(client: Client, *operations: dict[str, Any]) -> list[dict[str, Any]]:
    status, body = await client.ask("POST", "/v1/memory", json={"operations": operations})
    assert status == 200, body
    conforms(body, "MemoryWritten")
    outcomes: list[dict[str, Any]] = body["outcomes"]
    return outcomes


def put(key: str, value: object = 1, **more: object) -> dict[str, Any]:
    return {"op": "put", "ns": "default", "key": key, "value": value, **more}


def test_put_and_get() -> None:
    async def body(client: Client) -> None:
        raw = base64.b64encode(b"\x00\xff").decode()
        outcomes = await write(
            client,
            put("a/b c", {"x": ["é", None]}, ttl=60),
            {"op": "put", "ns": "team/x", "key": "raw", "bytes": raw},
            put("nothing", None),
            {"op": "incr", "ns": "default", "key": "n", "by": 5},
            {"op": "delete", "ns": "default", "key": "none"},
        )
        assert [o["outcome"] for o in outcomes] == ["stored"] * 4 + ["absent"]
        assert [o.get("version", 0) for o in outcomes] == [1, 2, 3, 4, 0]
        assert outcomes[3]["number"] == 5
        status, entry = await client.ask("GET", f"{ENTRY}?key=a/b%20c")
        conforms(entry, "MemoryEntry")
        assert (status, entry["value"], entry["version"]) == (200, {"x": ["é", None]}, 1)
        assert 0 < entry["expires"] - entry["written"] <= 60
        _, entry = await client.ask("GET", f"{ENTRY}?ns=team/x&key=raw")
        assert (entry["kind"], entry["bytes"], "value" in entry) == ("bytes", raw, False)
        _, entry = await client.ask("GET", f"{ENTRY}?key=nothing")
        assert entry["value"] is None
        assert await client.refused("GET", f"{ENTRY}?key=no") == (
            404,
            "no_such_key",
            "there is no `no` in the namespace `default`",
        )
        async with client.request("GET", f"{ENTRY}?ns=team/x&key=raw&raw=true") as response:
            assert await response.read() == b"\x00\xff"
            assert response.headers["Tmax-Version"] == "2"

    run(body)


def test_the_body_as_the_value() -> None:
    async def body(client: Client) -> None:
        for media, data, value in (
            ("application/json", b' {"a": 1} ', {"a": 1}),
            ("text/plain", "é\n".encode(), "é\n"),
        ):
            status, outcome = await client.ask(
                "PUT", f"{ENTRY}?key=k", data=data, headers={"Content-Type": media}
            )
            conforms(outcome, "MemoryOutcome")
            assert status == 200
            _, entry = await client.ask("GET", f"{ENTRY}?key=k")
            assert entry["value"] == value
        octets = {"Content-Type": "application/octet-stream"}
        await client.ask("PUT", f"{ENTRY}?key=k&ttl=5&if_version=2", data=b"\xff", headers=octets)
        _, entry = await client.ask("GET", f"{ENTRY}?key=k")
        assert (entry["bytes"], entry["version"]) == ("/w==", 3)
        refused = await client.refused(
            "PUT", f"{ENTRY}?key=k&if_version=2", data=b"", headers=octets
        )
        assert refused == (
            409,
            "conflict",
            "`k` in `default` was not stored: the version there is 3",
        )
        text = {"Content-Type": "text/plain"}
        found = await client.refused("PUT", f"{ENTRY}?key=k", data=b"\xff", headers=text)
        assert found[:2] == (400, "bad_value")

    run(body)


def test_a_value_of_100_mb_is_refused_before_it_is_read() -> None:
    async def body(client: Client) -> None:
        sent = 0

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(100):
                sent += 1
                yield bytes(1 << 20)

        status, word, message = await client.refused(
            "PUT", f"{ENTRY}?key=k", data=BytesIO(bytes(100 << 20))
        )
        assert (status, word) == (413, "too_large")
        assert "104857600 bytes, and may have 1048576" in message
        assert "store.max_value" in message
        try:
            found = await client.refused("PUT", f"{ENTRY}?key=k", data=pieces())
            assert found[:2] == (413, "too_large")
        except (ConnectionError, OSError):
            pass  # it was cut while it was still being sent
        assert sent < 20
        found = await client.refused("POST", "/v1/memory", data=BytesIO(bytes(9 << 20)))
        assert found[:2] == (413, "too_large")
        assert client.fleet.stored.disk.entries == {}

    run(body)


def test_one_operation_that_is_not_done_does_not_keep_others_from_it() -> None:
    async def body(client: Client) -> None:
        client.fleet.stored.settings = Store(
            max_value=Size(4096), namespaces={"tiny": Namespace(max_size=Size(4096))}
        )
        outcomes = await write(
            client,
            put("k", "text"),
            put("k", 1, if_version=0),
            {"op": "incr", "ns": "default", "key": "k"},
            put("large", "x" * 5000),
            {"op": "delete", "ns": "default", "key": "k", "if_version": 9},
            put("last"),
        )
        assert [o["outcome"] for o in outcomes] == [
            "stored",
            "conflict",
            "not_a_number",
            "too_large",
            "conflict",
            "stored",
        ]
        assert all(("message" in o) == (o["outcome"] != "stored") for o in outcomes)
        assert outcomes[1]["version"] == 1

    run(body)


@pytest.mark.parametrize(
    ("operation", "word", "part"),
    [
        (put(""), "bad_name", "operation 1: a key cannot be empty"),
        (put("k" * 513), "bad_name", "at most 512 bytes"),
        (put("a\nb"), "bad_name", "control characters"),
        ({**put("k"), "ns": "A"}, "bad_name", "`A` is no namespace"),
        ({**put("k"), "ns": "worker"}, "read_only", "shows the fleet's workers"),
        ({"op": "put", "ns": "a", "key": "k"}, "bad_value", "one of value and bytes"),
        (put("k", bytes="AA=="), "bad_value", "one of value and bytes"),
        ({"op": "put", "ns": "a", "key": "k", "bytes": "?"}, "bad_value", "no base64"),
        (put("k", ttl=0), "bad_body", "ttl"),
        (put("k", if_version=-1), "bad_body", "if_version"),
        ({"op": "incr", "ns": "a", "key": "k", "by": 2**63}, "bad_body", "by"),
        ({"op": "drop", "ns": "a", "key": "k"}, "bad_body", "drop"),
    ],
)
def test_what_is_refused_as_a_whole(operation: dict[str, Any], word: str, part: str) -> None:
    async def body(client: Client) -> None:
        asked = {"operations": [operation, put("other")]}
        status, found, message = await client.refused("POST", "/v1/memory", json=asked)
        assert (status, found) == (409 if word == "read_only" else 400, word)
        assert part in message
        assert client.fleet.stored.disk.entries == {}

    run(body)


def test_list_and_search() -> None:
    async def body(client: Client) -> None:
        await write(client, *(put(f"k/{i}", f"Value {i}") for i in range(5)), put("z"))
        status, page = await client.ask("GET", "/v1/memory?prefix=k/&limit=2")
        conforms(page, "MemoryPage")
        assert status == 200
        assert [(e["key"], e["size"], "value" in e) for e in page["entries"]] == [
            ("k/0", 9, False),
            ("k/1", 9, False),
        ]
        assert (page["after"], page["seq"]) == ("k/1", 6)
        _, page = await client.ask("GET", "/v1/memory?prefix=k/&after=k/3&values=true")
        assert [e["value"] for e in page["entries"]] == ["Value 4"]
        assert page["after"] is None
        _, page = await client.ask("GET", "/v1/memory?text=vALUE%203&values=true")
        assert [e["key"] for e in page["entries"]] == ["k/3"]
        _, page = await client.ask("GET", "/v1/memory?ns=none")
        assert page["entries"] == []
        _, page = await client.ask("GET", "/v1/memory?ns=worker&prefix=check-1/")
        assert [e["key"].rpartition("/")[2] for e in page["entries"]] in (
            ["heartbeat", "state", "stats"],
            [],
        )
        assert (await client.refused("GET", "/v1/memory?ns=A"))[1] == "bad_name"
        assert (await client.refused("GET", "/v1/memory?limit=1001"))[1] == "bad_parameter"

    run(body)


async def lines(response: Any, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            line = await response.content.readline()
            if line.strip():
                found.append(json.loads(line))
    return found


def test_nothing_is_missed_between_a_list_and_a_watch() -> None:
    async def body(client: Client) -> None:
        await write(client, put("a"), put("b"))
        _, page = await client.ask("GET", "/v1/memory")
        await write(client, put("a", 2), {"op": "delete", "ns": "default", "key": "b"})
        url = f"/v1/memory/watch?since={page['seq']}&values=true"
        async with client.request("GET", url) as response:
            found = await lines(response, 2)
            for change in found:
                conforms(change, "MemoryChange")
            assert [(c["seq"], c["key"], c["change"]) for c in found] == [
                (3, "a", "put"),
                (4, "b", "delete"),
            ]
            assert (found[0]["value"], "value" in found[1]) == (2, False)
            await write(client, put("c", "new"))
            assert (await lines(response, 1))[0]["value"] == "new"

    run(body)


def test_a_watch_by_namespace_and_prefix() -> None:
    async def body(client: Client) -> None:
        async with client.request("GET", "/v1/memory/watch?ns=x&prefix=p/") as response:
            await write(
                client, *({**put(key), "ns": ns} for ns in ("x", "y") for key in ("a", "p/a"))
            )
            (change,) = await lines(response, 1)
            assert (change["ns"], change["key"], "value" in change) == ("x", "p/a", False)
        assert (await client.refused("GET", "/v1/memory/watch?ns=worker"))[:2] == (409, "read_only")

    run(body)


def test_who_lags_is_cut_with_a_word() -> None:
    async def body(client: Client) -> None:
        await write(client, put("a"))
        found = await client.refused("GET", "/v1/memory/watch?since=99")
        assert found[:2] == (410, "lagged")
        owner = client.fleet.stored.owner
        async with client.request("GET", "/v1/memory/watch?since=1") as response:
            for begin in range(0, 3 * KEPT, KEPT):
                await owner.write(
                    [Put("a", f"k{i}", "json", b"1") for i in range(begin, begin + KEPT)]
                )
            last = b""
            async with asyncio.timeout(20):
                async for line in response.content:
                    last = line if line.strip() else last
            assert json.loads(last)["error"] == "lagged"

    run(body)


def test_a_watch_shows_that_it_lives() -> None:
    async def body(client: Client) -> None:
        async with client.request("GET", "/v1/memory/watch") as response:
            assert await response.content.readline() == b"\n"

    run(body, keep_alive=0.02)


def test_stats_and_cleanup() -> None:
    async def body(client: Client) -> None:
        await write(client, put("a"), put("b", ttl=0.001))
        await client.ask("GET", f"{ENTRY}?key=a")
        await client.ask("GET", f"{ENTRY}?key=none")
        _, stats = await client.ask("GET", "/v1/memory/stats")
        conforms(stats, "MemoryStats")
        (row,) = stats["namespaces"]
        assert (row["ns"], row["keys"], row["hits"], row["misses"]) == ("default", 2, 1, 1)
        assert row["max_keys"] == 1_000_000
        status, gone = await client.ask("POST", "/v1/memory/cleanup?ttl=0&ns=default&dry=true")
        conforms(gone, "MemoryCleaned")
        assert (status, len(client.fleet.stored.disk.entries)) == (200, 2)
        _, gone = await client.ask("POST", "/v1/memory/cleanup")
        assert gone["count"] == 1
        _, gone = await client.ask("POST", "/v1/memory/cleanup?ttl=0&ns=other")
        assert gone["count"] == 0
        _, gone = await client.ask("POST", "/v1/memory/cleanup?ttl=0&ns=default")
        assert gone == {"count": 1, "bytes": 2}

    run(body)


def test_a_store_that_cannot_be_used_is_a_503_that_says_why() -> None:
    async def body(client: Client) -> None:
        client.fleet.stored.disk.broken = "memory.db: is damaged"
        for method, path, more in (
            ("GET", f"{ENTRY}?key=k", {}),
            ("GET", "/v1/memory", {}),
            ("GET", "/v1/memory/stats", {}),
            ("GET", "/v1/memory/watch", {}),
            ("POST", "/v1/memory", {"json": {"operations": [put("k")]}}),
            ("PUT", f"{ENTRY}?key=k", {"data": b"1"}),
        ):
            found = await client.refused(method, path, **more)
            assert found == (503, "store", "memory.db: is damaged")

    run(body)

"""The memory store of a fleet, asked over its API. `memory` is that of the fleet which a program runs in."""

from __future__ import annotations

import json
from urllib.parse import quote

from tmaxd.worker.http import PATIENCE, Client

TYPE_CHECKING = False  # typing itself takes 5 ms to import
if TYPE_CHECKING:
    from builtins import list as _List  # `list` is a method of ours here
    from collections.abc import Iterator, Mapping
    from typing import Any

    Json = Any

DEFAULT = "default"
PAGE = 1000
SILENCE = 15.0
"""Seconds without a sign of life after which a watch is given up; the daemon gives one every five."""

BATCH, BATCH_BYTES = 1000, 4 * 1024 * 1024
"""Entries of one request of `put_many`, and about how many bytes."""


class Refused(Exception):
    """The daemon's no. `word` names the cause for programs."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word


class Conflict(Refused):
    """Somebody else was quicker. `version` is what it is now; 0: it is not there."""

    def __init__(self, message: str, version: int) -> None:
        super().__init__("conflict", message)
        self.version = version


class Lagged(Refused):
    """Changes were missed: list anew, and watch since then."""


class Entry:
    __slots__ = ("expires", "key", "ns", "value", "version", "written")

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.ns: str = given["ns"]
        self.key: str = given["key"]
        self.version: int = given["version"]
        self.written: float = given["written"]
        self.expires: float | None = given.get("expires")
        self.value: Json = _value(given)

    def __repr__(self) -> str:
        return f"Entry({self.ns}/{self.key}, version={self.version}, value={self.value!r:.60})"


class Store:
    """The store of the fleet whose API socket is at `path`. Raises Unavailable where it cannot be reached."""

    def __init__(self, path: str, patience: float = PATIENCE) -> None:
        """`patience`: seconds until a daemon that is away is given up."""
        self._client = Client(path, patience)

    def close(self) -> None:
        """Let go of the connections that are kept; it may be used again."""
        self._client.close()

    def put(
        self,
        key: str,
        value: object,
        *,
        ns: str = DEFAULT,
        ttl: float | None = None,
        if_absent: bool = False,
    ) -> int:
        """Returns its version, when it is on disk. Raises Conflict where `if_absent` is given and it is there,
        Refused, and TypeError for what JSON cannot express."""
        return self._put(key, value, ns, ttl, 0 if if_absent else None)

    def cas(
        self, key: str, value: object, version: int, *, ns: str = DEFAULT, ttl: float | None = None
    ) -> int:
        """Only if its version still is `version`; 0: only if it is not there. Otherwise raises Conflict."""
        return self._put(key, value, ns, ttl, version)

    def put_many(
        self, values: Mapping[str, Any], *, ns: str = DEFAULT, ttl: float | None = None
    ) -> None:
        """Each request of a thousand is one commit. Raises Refused for the first that is not stored; others may be."""
        operations: _List[str] = []
        size = 0
        for key, value in values.items():
            one = operation(key, value, ns, ttl, None)
            operations.append(one)
            size += len(one)
            if len(operations) == BATCH or size >= BATCH_BYTES:
                self._write(operations)
                operations, size = [], 0
        if operations:
            self._write(operations)

    def get(self, key: str, default: object = None, *, ns: str = DEFAULT) -> Json:
        found = self.entry(key, ns=ns)
        return default if found is None else found.value

    def entry(self, key: str, *, ns: str = DEFAULT) -> Entry | None:
        """With its version and times."""
        target = f"/v1/memory/entry?ns={quote(ns, '')}&key={quote(key, '')}"
        status, data = self._client.ask("GET", target)
        if status == 404:
            return None
        return Entry(_checked(status, data))

    def delete(self, key: str, *, ns: str = DEFAULT) -> bool:
        """Whether it was there."""
        one = json.dumps({"op": "delete", "ns": ns, "key": key})
        return bool(self._write([one])[0]["outcome"] == "deleted")

    def incr(self, key: str, by: int = 1, *, ns: str = DEFAULT, ttl: float | None = None) -> int:
        """What it has come to. What is not there counts as 0; what is keeps its time. Raises Refused for what is no
        whole number of 64 bits, and Unavailable, when it may or may not have been counted."""
        one: dict[str, object] = {"op": "incr", "ns": ns, "key": key, "by": by}
        if ttl is not None:
            one["ttl"] = ttl
        number: int = self._write([json.dumps(one)], again=False)[0]["number"]
        return number

    def list(self, prefix: str = "", *, ns: str = DEFAULT) -> Iterator[Entry]:
        """By key, read from the daemon in pages."""
        return self._pages(f"ns={quote(ns, '')}&prefix={quote(prefix, '')}")

    def search(self, text: str, prefix: str = "", *, ns: str = DEFAULT) -> Iterator[Entry]:
        """Those with the text in their key or in a text of their value, upper or lower case."""
        query = f"ns={quote(ns, '')}&prefix={quote(prefix, '')}&text={quote(text, '')}"
        return self._pages(query)

    def watch(
        self, prefix: str = "", *, ns: str | None = None, since: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Changes as they come, for ever: `seq`, `ns`, `key`, `change` (put, delete, expire, evict, clean), and of
        a put its `value`, unless it has changed again. `since`: later than this number, which may be that of a version.
        Raises Lagged when some were missed, and Unavailable when the daemon ends."""
        query = [f"prefix={quote(prefix, '')}", "values=true"]
        query += [] if ns is None else [f"ns={quote(ns, '')}"]
        query += [] if since is None else [f"since={since}"]
        lines = self._client.stream("/v1/memory/watch?" + "&".join(query), SILENCE)
        status = int(next(lines))
        for line in lines:
            if not line:
                continue
            change = _checked(410 if b'"error":' in line[:10] else status, line)
            if "bytes" in change or "value" in change:
                change["value"] = _value(change)
                change.pop("bytes", None)
            yield change

    def _put(
        self, key: str, value: object, ns: str, ttl: float | None, if_version: int | None
    ) -> int:
        one = operation(key, value, ns, ttl, if_version)
        version: int = self._write([one], again=if_version is None)[0]["version"]
        return version

    def _write(self, operations: _List[str], *, again: bool = True) -> _List[dict[str, Any]]:
        body = f'{{"operations":[{",".join(operations)}]}}'.encode()
        status, data = self._client.ask("POST", "/v1/memory", body, "application/json", again=again)
        outcomes: _List[dict[str, Any]] = _checked(status, data)["outcomes"]
        for outcome in outcomes:
            if outcome["outcome"] == "conflict":
                raise Conflict(outcome["message"], outcome.get("version", 0))
            if outcome.get("message"):
                raise Refused(outcome["outcome"], outcome["message"])
        return outcomes

    def _pages(self, query: str) -> Iterator[Entry]:
        after: str | None = ""
        while after is not None:
            target = f"/v1/memory?{query}&values=true&limit={PAGE}&after={quote(after, '')}"
            page = _checked(*self._client.ask("GET", target))
            for given in page["entries"]:
                yield Entry(given)
            after = page["after"]


def _checked(status: int, data: bytes) -> dict[str, Any]:
    answer = json.loads(data)
    if status < 400:
        found: dict[str, Any] = answer
        return found
    word, message = str(answer.get("error", "refused")), str(answer.get("message", status))
    if word == "lagged":
        raise Lagged(word, message)
    raise Refused(word, message)


def _value(given: Mapping[str, Any]) -> Json:
    if given.get("bytes") is not None:
        from base64 import b64decode

        return b64decode(given["bytes"])
    return given.get("value")


def operation(key: str, value: object, ns: str, ttl: float | None, if_version: int | None) -> str:
    """As JSON. What is not given is left out."""
    more = "" if ttl is None else f',"ttl":{seconds(ttl)}'
    if if_version is not None:
        more += f',"if_version":{int(if_version)}'
    return f'{{"op":"put","ns":{json.dumps(ns)},"key":{json.dumps(key)},{member(value)}{more}}}'


def member(value: object) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        from base64 import b64encode

        return f'"bytes":"{b64encode(value).decode()}"'
    return (
        f'"value":{json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)}'
    )


def seconds(value: float) -> str:
    if not 0 < value < 1e9:
        raise ValueError(f"ttl must be a number of seconds above 0, not {value!r}")
    return repr(float(value))

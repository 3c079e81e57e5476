"""The daemon as tmaxctl sees it: requests in, decoded JSON out, every failure a `CtlError`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from tmaxd.ctl.errors import CtlError, NoDaemon, TimedOut, WrongUsage
from tmaxd.ctl.http import Broken, Connection, Response
from tmaxd.ctl.ids import Ranges, parts
from tmaxd.ctl.receipt import Receipt, Taken

PATIENCE = 5.0
"""Seconds for an answer that needs no waiting; the daemon's own loop never stops for that long."""

STREAM_PATIENCE = 15.0
"""Seconds of silence on a stream that has a sign of life every five."""

SUBMIT_PATIENCE = 60.0
"""Seconds in which the daemon must acknowledge something of what was sent: it holds the sender back while its disk
does. Where many tasks are cancelled, likewise."""

BOTH_WAYS = "Content-Type: application/x-ndjson\r\nAccept: application/x-ndjson\r\n"
"""Makes the daemon acknowledge a stream of tasks by a stream."""

MOST_WAITS = 1_000_000
"""Tasks that the daemon lets one request wait for."""

WRONG_WORDS = (
    "bad_parameter",
    "bad_body",
    "bad_option",
    "bad_order",
    "bad_cleanup",
    "bad_flag",
    "bad_name",
    "bad_value",
)
"""What the daemon calls mistakes of the command line."""

T = TypeVar("T")


class Refused(CtlError):
    """The daemon's no, in its own words."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        word = str(answer.get("error", "refused"))
        details = {k: v for k, v in answer.items() if k not in ("error", "message")}
        super().__init__(str(answer.get("message", f"status {status}")), word, details)
        self.status = status


def _start() -> str:
    return "tmaxctl up SPEC"


class Api:
    def __init__(
        self,
        fleet: str,
        socket: Path,
        patience: float = PATIENCE,
        start: Callable[[], str] = _start,
    ) -> None:
        """`start`: the command that starts this fleet's daemon, asked for only where there is none."""
        self.fleet = fleet
        self.socket = socket
        self.patience = patience
        self.start = start

    def get(self, path: str, query: Mapping[str, object] | None = None) -> dict[str, Any]:
        return self._call(self.patience, lambda c: _decoded(c.ask("GET", _target(path, query))))

    def text(self, path: str) -> bytes:
        """A body that is not JSON, as it is."""
        return self._call(self.patience, lambda c: _checked(c.ask("GET", path)).read())

    def post(
        self,
        path: str,
        query: Mapping[str, object] | None = None,
        wait: float = 0.0,
        body: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """`wait`: how long the daemon itself may take before it answers, in seconds."""
        target = _target(path, query)
        sent = (None, "") if body is None else (json.dumps(body).encode(), "application/json")
        return self._call(self.patience + wait, lambda c: _decoded(c.ask("POST", target, *sent)))

    def put(
        self, path: str, query: Mapping[str, object], body: bytes, media: str
    ) -> dict[str, Any]:
        """`body` as it is."""
        target = _target(path, query)
        return self._call(self.patience, lambda c: _decoded(c.ask("PUT", target, body, media)))

    def follow(self, path: str, query: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        """The objects of a stream that never ends by itself, as they come; {} for a sign of life."""
        with self._connection(STREAM_PATIENCE) as connection, self._errors():
            answer = _checked(connection.ask("GET", _target(path, query)))
            yield from _objects(answer, blanks=True)

    def submit(
        self,
        group: str,
        pieces: Iterable[bytes],
        options: Mapping[str, object] | None = None,
        receipt: Receipt | None = None,
        sent: Callable[[], int] | None = None,
    ) -> dict[str, Any]:
        """NDJSON in pieces of any size. Returns when all tasks are on disk; `receipt` gets them as soon as they are,
        and is right when this raises, too. `sent`: how many tasks the pieces held so far; without it something of
        them has to be acknowledged every minute."""
        found = receipt or Receipt()

        def due() -> bool:
            return sent is None or sent() > found.total + len(found.existing)

        target = _target("/v1/tasks", {"group": group, **(options or {})})
        with self._connection(SUBMIT_PATIENCE) as connection:
            with self._errors():
                answer, sender = connection.exchange("POST", target, pieces, BOTH_WAYS, due)
                _checked(answer)
            for taken in self._taken(answer):
                found.add(taken)
            # Not one of the connection's errors: the pieces themselves could not be read.
            sender.check()
        return found.as_json()

    def _taken(self, answer: Response) -> Iterator[Taken]:
        with self._errors():
            for line in _objects(answer):
                if "accepted" in line:
                    return
                yield Taken(
                    line["first_id"], line["count"], line.get("existing", False), line.get("state")
                )
            raise Broken("the stream ended before its last line")

    def judge(self, verb: str, choice: Mapping[str, object]) -> Iterator[tuple[int, str]]:
        """`cancel` or `retry`: (id, verdict) of each task of the choice."""
        body = json.dumps(choice).encode()
        with self._connection(SUBMIT_PATIENCE) as connection, self._errors():
            answer = connection.ask("POST", f"/v1/{verb}", body, "application/json")
            for line in _objects(_checked(answer)):
                for task in line.get("tasks", (line,)):
                    yield task["id"], task["verdict"]

    def wait(
        self, ranges: Iterable[tuple[int, int]], until: float = inf
    ) -> Iterator[dict[str, Any]]:
        """The end of each task, as it comes; of very many, part after part. Raises TimedOut at `until`, a time of the
        monotonic clock, too."""
        for part in parts(ranges, MOST_WAITS):
            yield from self._wait(part, until)

    def _wait(self, ranges: Ranges, until: float) -> Iterator[dict[str, Any]]:
        def patience() -> float:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the deadline")
            return min(STREAM_PATIENCE, left)

        body = json.dumps({"ranges": ranges}).encode()
        with self._connection(STREAM_PATIENCE) as connection, self._errors():
            connection.be_patient(patience())
            answer = _checked(connection.ask("POST", "/v1/wait", body, "application/json"))
            for value in _objects(answer, blanks=True):
                if value:
                    yield value
                if until < inf:
                    connection.be_patient(patience())

    def _call(self, patience: float, use: Callable[[Connection], T]) -> T:
        with self._connection(patience) as connection, self._errors():
            return use(connection)

    def _connection(self, patience: float) -> Connection:
        try:
            return Connection(self.socket, patience)
        except OSError as error:
            raise NoDaemon(
                f"no daemon runs for fleet {self.fleet} ({self.socket}: {_why(error)}); "
                f"start it with `{self.start()}`"
            ) from error

    def _errors(self) -> _Errors:
        return _Errors(self.fleet)


class _Errors:
    """Turns what goes wrong on a connection into tmaxctl's own errors."""

    def __init__(self, fleet: str) -> None:
        self._fleet = fleet

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, TimeoutError):
            raise TimedOut(
                f"the daemon of fleet {self._fleet} has not answered in time; "
                "whatever was asked of it may still happen"
            ) from error
        if isinstance(error, Broken | OSError | ValueError):
            raise NoDaemon(
                f"the daemon of fleet {self._fleet} went away while it was asked: {error}",
                "daemon_gone",
            ) from error


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _target(path: str, query: Mapping[str, object] | None) -> str:
    """Lists stand for a parameter that is given several times."""
    return f"{path}?{urlencode(query, doseq=True)}" if query else path


def _objects(response: Response, *, blanks: bool = False) -> Iterator[dict[str, Any]]:
    """The JSON objects of a body, one a line. Blank lines are signs of life: empty objects where they are wanted.
    Raises `Refused` for an error that comes when others have been sent."""
    for line in response.lines():
        if line:
            value = _object(line)
            if "error" in value:
                raise _refusal(response.status, value)
            yield value
        elif blanks:
            yield {}


def _checked(response: Response) -> Response:
    if response.status < 400:
        return response
    try:
        answer = json.loads(response.read())
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {"message": f"the daemon answered with status {response.status}"}
    raise _refusal(response.status, answer)


def _refusal(status: int, answer: Mapping[str, Any]) -> CtlError:
    if answer.get("error") in WRONG_WORDS:
        return WrongUsage(str(answer.get("message")), str(answer["error"]))
    return Refused(status, answer)


def _decoded(response: Response) -> dict[str, Any]:
    return _object(_checked(response).read())


def _object(data: bytes) -> dict[str, Any]:
    value = json.loads(data)
    if not isinstance(value, dict):
        raise Broken("the answer is not a JSON object")
    return value

"""The daemon as tmaxctl sees it: requests in, decoded JSON out, every failure a `CtlError`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from tmaxd.ctl.errors import CtlError, NoDaemon, TimedOut, WrongUsage
from tmaxd.ctl.http import Broken, Connection, Response

PATIENCE = 5.0
"""Seconds for an answer that needs no waiting; the daemon's own loop never stops for that long."""

STREAM_PATIENCE = 15.0
"""Seconds of silence on a stream that has a sign of life every five."""

SUBMIT_PATIENCE = 60.0
"""Seconds in which the daemon must take more of a body: it holds the sender back while its disk does."""

T = TypeVar("T")


class Refused(CtlError):
    """The daemon's no, in its own words."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        word = str(answer.get("error", "refused"))
        details = {k: v for k, v in answer.items() if k not in ("error", "message")}
        super().__init__(str(answer.get("message", f"status {status}")), word, details)
        self.status = status


class Api:
    def __init__(self, fleet: str, socket: Path, patience: float = PATIENCE) -> None:
        self.fleet = fleet
        self.socket = socket
        self.patience = patience

    def get(self, path: str, query: Mapping[str, object] | None = None) -> dict[str, Any]:
        return self._call(self.patience, lambda c: _decoded(c.ask("GET", _target(path, query))))

    def text(self, path: str) -> bytes:
        """A body that is not JSON, as it is."""
        return self._call(self.patience, lambda c: _checked(c.ask("GET", path)).read())

    def post(
        self, path: str, query: Mapping[str, object] | None = None, wait: float = 0.0
    ) -> dict[str, Any]:
        """`wait`: how long the daemon itself may take before it answers, in seconds."""
        return self._call(
            self.patience + wait, lambda c: _decoded(c.ask("POST", _target(path, query)))
        )

    def submit(self, group: str, pieces: Iterable[bytes]) -> dict[str, Any]:
        """NDJSON in pieces of any size. Raises `Refused`, whose details say what was accepted before."""
        target = _target("/v1/tasks", {"group": group})
        return self._call(
            SUBMIT_PATIENCE,
            lambda c: _decoded(c.stream("POST", target, pieces, "application/x-ndjson")),
        )

    def wait(self, ranges: Iterable[tuple[int, int]]) -> Iterator[dict[str, Any]]:
        """The end of each task, as it comes."""
        body = json.dumps({"ranges": [list(r) for r in ranges]}).encode()
        with self._connection(STREAM_PATIENCE) as connection, self._errors():
            answer = _checked(connection.ask("POST", "/v1/wait", body, "application/json"))
            for line in answer.lines():
                if line:
                    yield json.loads(line)

    def _call(self, patience: float, use: Callable[[Connection], T]) -> T:
        with self._connection(patience) as connection, self._errors():
            return use(connection)

    def _connection(self, patience: float) -> Connection:
        try:
            return Connection(self.socket, patience)
        except OSError as error:
            raise NoDaemon(
                f"no daemon runs for fleet {self.fleet} ({self.socket}: {_why(error)}); "
                "start it with `tmaxctl up SPEC`"
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
    return f"{path}?{urlencode(query)}" if query else path


def _checked(response: Response) -> Response:
    if response.status < 400:
        return response
    try:
        answer = json.loads(response.read())
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {"message": f"the daemon answered with status {response.status}"}
    if answer.get("error") in ("bad_parameter", "bad_body"):
        raise WrongUsage(str(answer.get("message")), str(answer["error"]))
    raise Refused(response.status, answer)


def _decoded(response: Response) -> dict[str, Any]:
    value = json.loads(_checked(response).read())
    if not isinstance(value, dict):
        raise Broken("the answer is not a JSON object")
    return value

"""The daemon's API as an outsider would use it, who must know what a lost answer means."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

PATIENCE = 60.0

Json = dict[str, Any]


class NotThere(Exception):
    """Nobody listens: nothing was sent."""


class Gone(Exception):
    """The daemon went away over the request: what it did of it is not known."""


class Refused(Exception):
    """The daemon said no."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.error = str(body.get("error"))
        """Why, in one word."""
        self.sure = not body.get("accepted") and "not confirmed" not in str(body.get("message"))
        """Nothing was done, and nothing will be."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("tmaxd", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    def __init__(self, path: Path) -> None:
        self._path = path

    def submit(self, group: str, tasks: list[str | Json], options: Json) -> Json:
        """Texts, or objects with `payload` and more; the options are for all of them."""
        body = "".join(json.dumps(task) + "\n" for task in tasks)
        target = f"/v1/tasks?{urlencode({'group': group, **options})}"
        return dict(json.loads(self._post(target, body, "application/x-ndjson")))

    def cancel(self, ids: list[int]) -> dict[int, str]:
        """Task to verdict; of a daemon whose disk refused, those that it came to."""
        lines = self._post("/v1/cancel", json.dumps({"ids": ids}), "application/json").splitlines()
        told = [json.loads(line) for line in lines]
        verdicts = {line["id"]: line["verdict"] for line in told if "id" in line}
        refused = any(line.get("error") == "journal" for line in told)
        assert refused or verdicts.keys() == set(ids), f"asked to cancel {ids}: {told}"
        return verdicts

    def _post(self, target: str, body: str, media: str) -> bytes:
        connection = _Connection(self._path)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NotThere(str(error)) from error
        try:
            connection.request("POST", target, body.encode(), {"Content-Type": media})
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Gone(repr(error)) from error
        finally:
            connection.close()
        if answer.status != 200:
            raise Refused(answer.status, json.loads(data))
        return data

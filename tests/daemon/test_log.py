"""The daemon's log stays one object a line, whoever speaks."""

from __future__ import annotations

import io
import json
import logging

from tmaxd.daemon.log import EventLog, FromLibraries
from tmaxd.testing.clock import FakeClock


def test_libraries_speak_in_the_same_log() -> None:
    stream = io.StringIO()
    handler = FromLibraries(EventLog(FakeClock(), stream, human=False))
    logger = logging.Logger("tmaxd.api")
    logger.addHandler(handler)
    logger.info("nobody needs this")
    logger.warning("api.peer_refused", extra={"uid": 65534})
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logger.exception("api.bug", extra={"path": "/v1/status"})
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["level"], first["event"], first["logger"]) == (
        "warning",
        "library_log",
        "tmaxd.api",
    )
    assert (first["uid"], first["text"].strip()) == (65534, "api.peer_refused")
    assert (second["level"], second["path"]) == ("error", "/v1/status")
    assert "ValueError: two" in second["text"]

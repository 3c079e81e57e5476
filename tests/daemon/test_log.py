"""The daemon's log stays one object a line, whoever speaks."""

from __future__ import annotations

import io
import json
import logging

from tmaxd.daemon.log import EventLog, FromLibraries, JournalTold
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


def test_trouble_of_the_journal_is_told_with_its_cause_and_when_it_is_over() -> None:
    stream = io.StringIO()
    changes: list[None] = []
    told = JournalTold(EventLog(FakeClock(), stream, human=False), lambda: changes.append(None))
    told("state.db: cannot be written: disk I/O error")
    told(None)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["level"], line["event"], line.get("text")) for line in lines] == [
        ("error", "journal_refused", "  state.db: cannot be written: disk I/O error"),
        ("info", "journal_recovered", None),
    ]
    assert len(changes) == 2

"""The daemon's log stays one object a line, whoever speaks."""

from __future__ import annotations

import errno
import io
import json
import logging
import subprocess
import sys
from pathlib import Path

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


class Full(io.StringIO):
    """A stream without a file, on a disk that is full at times."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


def test_what_could_not_be_written_is_counted_once_it_can_be_again() -> None:
    stream = Full()
    log = EventLog(FakeClock(), stream, human=False)
    told: list[str] = []
    log.tell = lambda level, event, fields: told.append(event)
    log.info("one")
    stream.full = True
    for name in ("two", "three", "four"):
        log.info(name)
    stream.full = False
    log.info("five")
    log.info("six")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line.get("count")) for line in lines] == [
        ("one", None),
        ("log_lines_dropped", 3),
        ("five", None),
        ("six", None),
    ]
    assert told == ["one", "two", "three", "four", "five", "six"], "the events have them all"


def test_a_closed_stream_is_given_up() -> None:
    stream = io.StringIO()
    log = EventLog(FakeClock(), stream, human=False)
    stream.close()
    log.info("one")
    log.info("two")


def test_a_file_gets_no_line_late_nor_glued_to_half_a_line(tmp_path: Path) -> None:
    """A full disk takes the beginning of a line; a size limit is that without a disk."""
    file = tmp_path / "log"
    script = (
        "import os, resource, signal\n"
        "from tmaxd.daemon.log import EventLog\n"
        "from tmaxd.testing.clock import FakeClock\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "log = EventLog(FakeClock(), human=False)\n"
        "log.info('one')\n"
        "size = os.fstat(2).st_size\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))\n"
        "for number in range(200): log.info('lost', number=number)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
        "log.info('two')\n"
    )
    with file.open("ab") as stderr:
        subprocess.run([sys.executable, "-c", script], stderr=stderr, timeout=30, check=True)
    first, torn, *rest = file.read_text().splitlines()
    assert (json.loads(first)["event"], len(torn)) == ("one", 20)
    lines = [json.loads(line) for line in rest]
    assert [(line["event"], line.get("count")) for line in lines] == [
        ("log_lines_dropped", 200),
        ("two", None),
    ]


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

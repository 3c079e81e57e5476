"""Starts `tmaxd` in the background, and tells how it died if it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import tmaxd
from tmaxd.ctl.errors import CtlError
from tmaxd.ctl.surroundings import surroundings
from tmaxd.places import Places

LAST_LINES = 20
"""Of the daemon's log, shown when it dies at once."""

MAX_TAIL = 64 * 1024


class Daemon:
    """A daemon that was started here, as long as it is of interest."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, offset: int) -> None:
        self._process = process
        self._log = log
        self._offset = offset

    def check(self) -> None:
        """Raises CtlError with the daemon's last words when it is no more."""
        code = self._process.poll()
        if code is None:
            return
        how = f"with status {code}" if code >= 0 else f"by signal {-code}"
        words = "\n".join(f"  {line}" for line in self._last_lines())
        raise CtlError(
            f"the daemon ended at once, {how}; {self._log} says:\n{words or '  (nothing)'}",
            "daemon_died",
            {"status": code, "log": str(self._log)},
        )

    def _last_lines(self) -> list[str]:
        """What this daemon wrote, not the ones before it."""
        try:
            with self._log.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(self._offset, end - MAX_TAIL))
                text = file.read(MAX_TAIL).decode(errors="replace")
        except OSError as error:
            return [f"(it cannot be read: {error.strerror})"]
        return text.splitlines()[-LAST_LINES:]


def launch(spec: Path, paths: Places) -> Daemon:
    """Start `tmaxd SPEC` in a session of its own, with its output appended to `state/tmaxd.log`."""
    from tmaxd.ports import WorldError
    from tmaxd.world.folders import make_private

    try:
        make_private(paths.state)
    except WorldError as error:
        raise CtlError(str(error), "bad_folder") from error
    log = os.open(
        paths.daemon_log,
        os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC,
        0o600,
    )
    try:
        offset = os.fstat(log).st_size
        process = subprocess.Popen(
            [sys.executable, *_safe_path(), "-m", "tmaxd.daemon.main", str(spec.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=surroundings(),
            start_new_session=True,
        )
    finally:
        os.close(log)
    return Daemon(process, paths.daemon_log, offset)


def _safe_path() -> list[str]:
    """`-m` puts the current folder first in the module path, where a user's own `types.py` would end the
    daemon; `-P` (Python 3.11) leaves it out. Not where tmaxd itself is only found there."""
    here = Path(tmaxd.__file__).parent.parent
    return [] if here == Path.cwd() else ["-P"]

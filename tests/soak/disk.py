"""A file system of the fleet's own for its state, which can be full: a tmpfs, so it takes root to mount one."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

ROOM = 4 << 30
"""Bytes; memory is only taken by what is there."""
TRIES = 20
"""A tmpfs cannot be made smaller than what it holds, and that grows meanwhile."""


class Disk:
    """`folder` is to be used where `why_not` is empty; else that says why there is none."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tms-", dir="/tmp"))
        self.why_not = ""
        if os.geteuid() != 0:
            self.why_not = "only root can mount a tmpfs for the state"
        else:
            self.why_not = self._mount("-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs")

    def fill(self) -> None:
        """From now on there is no room for another byte (ENOSPC)."""
        for attempt in range(TRIES):
            held = os.statvfs(self.folder)
            size = (held.f_blocks - held.f_bfree + attempt) * held.f_frsize
            why = self._mount("-o", f"remount,size={size}")
            if not why:
                return
        raise AssertionError(f"the disk cannot be filled: {why}")

    def empty(self) -> None:
        """There is room again."""
        why = self._mount("-o", f"remount,size={ROOM}")
        assert not why, why

    def close(self) -> None:
        """Nothing may be in use any more."""
        if not self.why_not:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True, timeout=30)
        self.folder.rmdir()

    def _mount(self, *args: str) -> str:
        """Empty where it went well, else why not."""
        done = subprocess.run(
            ["mount", *args, str(self.folder)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.stderr.strip() if done.returncode else ""

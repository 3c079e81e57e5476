"""tmaxctl on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time

from tests.ctl.harness import Home


class Screen:
    """tmaxctl on a terminal of its own."""

    def __init__(self, home: Home, *args: str, size: tuple[int, int] = (80, 24)) -> None:
        """`size`: columns and lines."""
        self._fd, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tmaxd.ctl.main", *args],
            cwd=home.folder,
            env=home.env | {"TERM": "xterm"},
            stdin=side,
            stdout=side,
            stderr=side,
            start_new_session=True,
        )
        os.close(side)
        os.set_blocking(self._fd, False)
        self.text = ""

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._fd)

    def until(self, text: str) -> None:
        end = time.monotonic() + 10
        while text not in self.text:
            assert time.monotonic() < end, self.text
            self._read()

    def echoes(self) -> bool:
        """Keys are shown and lines are edited, as a shell wants it."""
        flags: int = termios.tcgetattr(self._fd)[3]
        return flags & termios.ECHO != 0 and flags & termios.ICANON != 0

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def finish(self) -> int:
        end = time.monotonic() + 10
        while self.process.poll() is None:
            assert time.monotonic() < end, self.text
            self._read()
        self._read()
        return self.process.returncode

    def _read(self) -> None:
        try:
            self.text += os.read(self._fd, 65536).decode()
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:  # EIO: the other side is closed
            time.sleep(0.01)

"""Named places where a crash test can make the daemon die, as SIGKILL would.

`TMAX_FAILPOINT=name` or `name:n` in the environment at the start of the process: the n-th time that the
place is reached (the first, without n) the process kills itself. Without the variable `hit` does nothing.
A name says where: `pipes.after_read` is when results have left their FIFO and nobody has looked at them yet,
`pipes.take_back` when tasks have left theirs and their dispatcher has not been told, `files.payload_after` when the
file stands there and no frame names it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

VARIABLE = "TMAX_FAILPOINT"


def _nothing(name: str) -> None:
    """No fail point is set."""


def _armed(setting: str) -> Callable[[str], None]:
    wanted, _, number = setting.partition(":")
    left = int(number or 1)

    def hit(name: str) -> None:
        nonlocal left
        if name == wanted:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return hit


hit: Callable[[str], None] = _armed(os.environ[VARIABLE]) if VARIABLE in os.environ else _nothing

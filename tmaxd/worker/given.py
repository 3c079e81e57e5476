"""What a worker program is given by tmaxd: its FIFOs, its spool, and perhaps a window, by environment variables."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tmaxd.worker.link import Link

MAX_WINDOW = 1024


class Unfit(Exception):
    """What is given is not enough; the message says why."""


class Given:
    """Raises Unfit when something is missing or a FIFO cannot be opened."""

    def __init__(self) -> None:
        folder, self.spool = _value("TMAX_PIPES"), _value("TMAX_SPOOL")
        self.window = _window()
        """The one that the spec asks for, between 1 and MAX_WINDOW; None where it asks for none."""
        from tmaxd.worker.link import Link

        try:
            self.link: Link = Link(folder, os.environ.get("TMAX_TASKS") or None)
        except OSError as error:
            raise Unfit(f"a FIFO cannot be opened: {error}") from None


def worker_name() -> str:
    """The name under which tmaxd knows this worker now. A spare of a pool gets another one when it takes a worker's
    place, which its `TMAX_WORKER` cannot tell. Empty outside of a worker."""
    pipes = os.path.realpath(os.environ.get("TMAX_PIPES", ""))
    started_as = os.environ.get("TMAX_WORKER", "")
    return os.path.basename(pipes) if os.path.isdir(pipes) and started_as else started_as


def _value(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Unfit(f"{name} is not set")
    return value


def _window() -> int | None:
    text = os.environ.get("TMAX_WINDOW", "")
    return min(max(int(text), 1), MAX_WINDOW) if text.isdecimal() else None

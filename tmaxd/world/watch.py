"""Tells when one of the spec's files may have changed. What changed, or whether, is for the reader.

Folders are watched, never files: editors save by renaming, and a watched file that is replaced is
watched no more. A burst of events settles before it is told, soon after a file was closed or moved,
later while a writer has it still open. Every minute it is told anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tmaxd.world.waypoints import Mark, folders, marks, waypoints

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers.api import BaseObserver, ObservedWatch

SETTLE = 0.015
"""Seconds of quiet after a file was closed, moved, created or deleted."""
SETTLE_OPEN = 0.5
"""Seconds of quiet after a write to a file that is still open."""
SETTLE_MOST = 2.0
"""Seconds after which the first event of a burst is told however restless it is."""
LOOK_AGAIN = 60.0
"""Seconds after which a change is assumed: network folders and overlays lose events."""
POLL = 1.0
"""Seconds between looks where there is no inotify."""

Mode = Literal["stopped", "inotify", "polling"]


class SpecWatch:
    """`on_change` is called in the loop's thread. `start` imports and starts watchdog and may run in another
    thread; all else belongs to the loop's."""

    def __init__(
        self,
        paths: Iterable[Path],
        on_change: Callable[[], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._paths = frozenset(os.path.abspath(path) for path in paths)
        self._on_change = on_change
        self._loop = loop
        self._lock = threading.Lock()
        """Around everything that `start` and the loop's thread both change."""
        self._points: frozenset[str] = frozenset()
        self._watched: dict[str, tuple[tuple[int, int], ObservedWatch]] = {}
        self._observer: BaseObserver | None = None
        self._closed = False
        self._settling: asyncio.TimerHandle | None = None
        self._first_event = 0.0
        self._polling: asyncio.TimerHandle | None = None
        self._seen: dict[str, Mark] = {}
        self.mode: Mode = "stopped"
        self.trouble: str | None = None
        """Why it polls, in one sentence."""
        self._again = loop.call_later(LOOK_AGAIN, self._look_again)

    def start(self) -> None:
        """Begin to watch. Safe to call in a thread. A change that came before is told, too."""
        observer = None
        try:
            from watchdog.observers import Observer  # 40 ms

            # It complains there of events that come while it is being closed, which is no fault.
            logging.getLogger("watchdog").addHandler(logging.NullHandler())
            observer = Observer()
            observer.start()
        except (OSError, ImportError) as error:
            self._poll_because(error)
        with self._lock:
            if self._closed:
                if observer is not None:
                    _end(observer)
                return
            self._observer = observer
            if observer is not None:
                self.mode = "inotify"
            self._aim()
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._note, True)

    def update(self, paths: Iterable[Path]) -> None:
        """Watch these files from now on."""
        with self._lock:
            self._paths = frozenset(os.path.abspath(path) for path in paths)
            self._aim()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            observer, self._observer = self._observer, None
            self._watched.clear()
            self.mode = "stopped"
        for timer in (self._again, self._settling, self._polling):
            if timer is not None:
                timer.cancel()
        if observer is not None:
            _end(observer)

    # ---------------------------------------------------------------------------------- aiming

    def _aim(self) -> bool:
        """Watch the folders that matter now. True if others than before. The lock is held."""
        self._points = frozenset(point for path in self._paths for point in waypoints(path))
        if self.mode == "polling":
            self._seen = marks(self._points)
        if self._observer is None:
            return False
        wanted = folders(self._points)
        stale = [f for f, (which, _) in self._watched.items() if wanted.get(f) != which]
        missing = [f for f in wanted if f not in self._watched or f in stale]
        for folder in stale:
            with contextlib.suppress(OSError, KeyError):
                self._observer.unschedule(self._watched.pop(folder)[1])
        try:
            for folder in missing:
                self._watched[folder] = (wanted[folder], self._schedule(self._observer, folder))
        except FileNotFoundError:
            pass  # gone since; its parent tells, or the look a minute later
        except OSError as error:
            self._poll_because(error)
        return bool(missing)

    def _schedule(self, observer: BaseObserver, folder: str) -> ObservedWatch:
        from watchdog import events

        return observer.schedule(
            _handler(self._event),
            folder,
            # Without opens and reads: our own would come back as events.
            event_filter=[
                events.FileClosedEvent,
                events.FileModifiedEvent,
                events.FileMovedEvent,
                events.FileCreatedEvent,
                events.FileDeletedEvent,
                events.DirMovedEvent,
                events.DirCreatedEvent,
                events.DirDeletedEvent,
            ],
        )

    def _poll_because(self, error: Exception) -> None:
        if self.mode == "polling":
            return
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self.trouble = (
            f"the spec's files are looked at every {POLL:g} s, since inotify failed: {why}"
        )
        self.mode = "polling"
        self._seen = marks(self._points)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._poll)

    # ---------------------------------------------------------------------------------- events

    def _event(self, event: FileSystemEvent) -> None:
        """In watchdog's thread."""
        points = self._points
        names = {os.fsdecode(event.src_path), os.fsdecode(event.dest_path)}
        ours = names & points or any(p.startswith(f"{n}/") for n in names if n for p in points)
        if ours:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._note, event.event_type != "modified")

    def _note(self, final: bool) -> None:
        """Tell after some quiet. `final`: nobody seems to have the file open any more."""
        if self._closed:
            return
        now = self._loop.time()
        if self._settling is None:
            self._first_event = now
        else:
            self._settling.cancel()
        quiet = SETTLE if final else SETTLE_OPEN
        when = min(now + quiet, self._first_event + SETTLE_MOST)
        self._settling = self._loop.call_at(when, self._settled)

    def _settled(self) -> None:
        self._settling = None
        with self._lock:
            if self._aim():
                # What happened between the change and the new watch has made no event.
                self._loop.call_soon(self._note, True)
        self._on_change()

    def _look_again(self) -> None:
        self._again = self._loop.call_later(LOOK_AGAIN, self._look_again)
        self._note(True)

    def _poll(self) -> None:
        if self._closed:
            return
        self._polling = self._loop.call_later(POLL, self._poll)
        with self._lock:
            seen = marks(self._points)
            changed, self._seen = seen != self._seen, seen
        if changed:
            self._note(True)


def _handler(tell: Callable[[FileSystemEvent], None]) -> FileSystemEventHandler:
    from watchdog.events import FileSystemEventHandler

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            tell(event)

    return Handler()


def _end(observer: BaseObserver) -> None:
    observer.stop()
    observer.join(2.0)

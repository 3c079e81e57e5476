"""The paths by which runs find FIFOs that may move: `.runs/RUN`, a symbolic link to the folder of the worker that the
run is at the moment. A spare is told its FIFOs by such a path, since its environment cannot be changed afterwards.
"""

from __future__ import annotations

import contextlib
import os

from tmaxd.ports import Unknown, WorldError
from tmaxd.world.fifo import ensure_folder

RUNS = ".runs"
_NEW = ".new"
"""Ending of a link that is about to take another's place."""


class Links:
    """Below `root`, the folder of the fleet's FIFOs, which must be there before a link is made."""

    def __init__(self, root: str) -> None:
        self._folder = f"{root}/{RUNS}"

    def point(self, run: str, worker: str) -> None:
        """Make the link, or have it lead elsewhere: whoever follows it finds the one place or the other."""
        path = f"{self._folder}/{run}"
        try:
            ensure_folder(self._folder)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path + _NEW)
            os.symlink(f"../{worker}", path + _NEW)
            os.rename(path + _NEW, path)
        except OSError as error:
            raise WorldError(f"cannot make the link {path}: {error.strerror}") from error

    def remove(self, run: str) -> None:
        """No link is no error."""
        for ending in ("", _NEW):
            path = f"{self._folder}/{run}{ending}"
            try:
                os.unlink(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise WorldError(f"cannot remove the link {path}: {error.strerror}") from error

    def all(self) -> frozenset[str]:
        """The runs that have one. Raises `Unknown`."""
        try:
            names = os.listdir(self._folder)
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()
        except OSError as error:
            raise Unknown(f"cannot list {self._folder}: {error.strerror}") from error
        return frozenset(name.removesuffix(_NEW) for name in names)

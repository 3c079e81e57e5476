"""Put on PYTHONPATH by the tests of `up`: `tmaxd.daemon.main` is then the stand-in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType


class Shadow(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "tmaxd.daemon.main":
            return None
        return spec_from_file_location(fullname, Path(__file__).parent.parent / "fake_daemon.py")


sys.meta_path.insert(0, Shadow())

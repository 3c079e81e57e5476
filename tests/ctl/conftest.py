"""Fixtures for tests that talk to a made-up daemon."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ctl.harness import Home, Running, daemon


@pytest.fixture
def home() -> Iterator[Home]:
    # Not tmp_path: with a long TMPDIR its socket paths would not fit (unix(7)).
    folder = Path(tempfile.mkdtemp(prefix="tmx", dir="/tmp"))
    try:
        yield Home(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def running(home: Home) -> Iterator[Running]:
    with daemon(home) as found:
        yield found

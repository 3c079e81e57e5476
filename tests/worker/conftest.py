"""A door a test, and nothing left of its worker afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.door import Door


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with Door(tmp_path) as opened:
        yield opened

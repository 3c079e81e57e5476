"""Every folder beside this file, played on real tmux with the real daemon."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tests.e2e.fleet import Fleet
from tests.scenarios.model import Scenario
from tests.scenarios.runner import Play, read

HERE = Path(__file__).parent
NAMES = sorted(file.parent.name for file in HERE.glob("*/scenario.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_scenario(name: str, fleet: Fleet) -> None:
    folder = HERE / name
    Play(fleet, folder).run(read(folder))


def test_a_slip_of_the_pen_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="wiat"):
        msgspec.convert({"name": "x", "steps": [{"wiat": {}}]}, Scenario)

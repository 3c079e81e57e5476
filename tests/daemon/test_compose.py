"""What a daemon finds before its loop begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tmaxd.daemon.compose import _last_fleet


def test_a_broken_file_belongs_to_the_fleet_that_it_named_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMAX_STATE_DIR", str(tmp_path))
    spec = tmp_path / "tmax.yaml"
    assert _last_fleet(spec) is None
    for age, fleet in ((30, "after"), (10, "zebra"), (20, "middle")):
        (tmp_path / fleet).mkdir()
        mark = tmp_path / fleet / "spec_path"
        mark.write_text(str(spec))
        os.utime(mark, (1_000_000 - age, 1_000_000 - age))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "spec_path").write_text("/elsewhere/tmax.yaml")
    assert _last_fleet(spec) == "zebra"

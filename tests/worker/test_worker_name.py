"""What a worker is called now, which its environment may not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from tmaxd.worker import worker_name


def test_a_spare_has_the_name_of_the_worker_that_it_became(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "run"
    monkeypatch.setenv("TMAX_PIPES", str(link))
    monkeypatch.setenv("TMAX_WORKER", "check_1")
    for name in ("check_1", "check-2"):
        (tmp_path / name).mkdir()
        link.unlink(missing_ok=True)
        link.symlink_to(name)
        assert worker_name() == name


def test_without_fifos_it_is_what_it_was_started_as(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMAX_PIPES", str(tmp_path / "nowhere"))
    monkeypatch.setenv("TMAX_WORKER", "shell-1")
    assert worker_name() == "shell-1"


def test_outside_of_a_worker_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMAX_PIPES", raising=False)
    monkeypatch.delenv("TMAX_WORKER", raising=False)
    assert worker_name() == ""

"""Folders of bad specs beside the exact text that a user reads.

`python -m tests.unit.spec.test_bad_specs` writes the expected texts anew; read the difference.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import pytest

from tests.unit.spec.loading import HOME, problems_text
from tmaxd.spec.load import Rejected, load

BAD = Path(__file__).parents[2] / "bad_specs"
CASES = sorted(folder.name for folder in BAD.iterdir() if (folder / "tmax.yaml").exists())
ENV = {"HOME": HOME, "PORT": "80"}


def outcome_of(case: str) -> str:
    """What `tmaxctl validate tmax.yaml` says in the case's folder."""
    before = Path.cwd()
    os.chdir(BAD / case)
    try:
        outcome = load(Path("tmax.yaml"), Path.read_bytes, ENV, HOME)
    finally:
        os.chdir(before)
    assert isinstance(outcome, Rejected), f"{case} was accepted"
    return problems_text(outcome) + "\n"


@pytest.mark.parametrize("case", CASES)
def test_message(case: str) -> None:
    expected = (BAD / case / "expected.txt").read_text()
    actual = outcome_of(case)
    difference = difflib.unified_diff(
        expected.splitlines(), actual.splitlines(), "expected.txt", "now", lineterm=""
    )
    assert actual == expected, "\n".join(difference)


def test_there_are_many() -> None:
    assert len(CASES) >= 88


if __name__ == "__main__":
    for name in CASES:
        (BAD / name / "expected.txt").write_text(outcome_of(name))

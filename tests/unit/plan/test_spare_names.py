"""The names of spares: made and recognised in one place, and never those of a slot."""

from __future__ import annotations

import pytest

from tmaxd.plan.draft import is_spare, spare_name, split


@pytest.mark.parametrize("group", ["check", "check-pool", "check-1"])
@pytest.mark.parametrize("number", [1, 7, 1000])
def test_a_spare_is_its_group_s(group: str, number: int) -> None:
    name = spare_name(group, number)
    assert split(name) == (group, -number)
    assert is_spare(name)
    assert not is_spare(f"{group}-{number}")


@pytest.mark.parametrize("name", ["check_0", "check_01", "check_", "_1", "check_x", "check_1-2"])
def test_what_we_would_not_write_is_none(name: str) -> None:
    assert split(name) == (name, 0)
    assert not is_spare(name)

"""The fleet of a test, gone afterwards; on failure with all that is known about it."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.e2e.fleet import Fleet

_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.failed:
        item.stash[_failed] = True
        fleet = getattr(item, "funcargs", {}).get("fleet")
        if isinstance(fleet, Fleet):
            report.sections.append(("the fleet", fleet.report()))
    return report


@pytest.fixture
def fleet(request: pytest.FixtureRequest) -> Iterator[Fleet]:
    made = Fleet()
    try:
        yield made
    finally:
        made.close(failed=request.node.stash.get(_failed, False))

"""The fleet of a test, as the end-to-end tests have it."""

from __future__ import annotations

from tests.e2e.conftest import fleet, pytest_runtest_makereport

__all__ = ["fleet", "pytest_runtest_makereport"]

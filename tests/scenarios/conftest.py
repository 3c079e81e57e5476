"""The same fleet as that of the end-to-end tests, gone afterwards; on failure with all that is known about it."""

from __future__ import annotations

from tests.e2e.conftest import fleet, pytest_runtest_makereport

__all__ = ["fleet", "pytest_runtest_makereport"]

"""What holds of the fleet, a group or a worker, in the form that Kubernetes has made common."""

from __future__ import annotations

from typing import Literal

import msgspec

Truth = Literal["True", "False", "Unknown"]


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """docs/status.md has the list."""

    type: str
    status: Truth
    reason: str
    """One word; empty where there is nothing to say."""
    message: str
    since: float | None
    """When the status became what it is, as far as this daemon knows."""

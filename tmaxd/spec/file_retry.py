"""The file format, `retry`: what happens to a task that fails."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from tmaxd.spec.file_types import help_of
from tmaxd.spec.model import Attempts
from tmaxd.spec.units import Duration


class BackoffKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The delay before a task is tried again: `first`, doubled each time, never more than `max`."""

    first: Annotated[
        Duration | UnsetType | None, help_of("The first delay.", "1s", "250ms", default="1s")
    ] = UNSET
    max: Annotated[
        Duration | UnsetType | None, help_of("The longest delay.", "1m", default="1m")
    ] = UNSET


class RetryKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to a task that fails. A task that fails for a passing cause (exit status 75, a worker
    that died) gets at least 3 attempts."""

    attempts: Annotated[
        Attempts | UnsetType | None, help_of("How often it is tried, in all.", 3, default=1)
    ] = UNSET
    backoff: Annotated[BackoffKeys | UnsetType | None, help_of("The delay between tries.")] = UNSET

"""The file format, `restart`: which ends of a worker are followed by a new start, and when."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.file_types import help_of
from tmaxd.spec.supervision import End, Policy
from tmaxd.spec.units import Duration
from tmaxd.spec.values import Positive

Factor = Annotated[float, Meta(ge=1, le=100)]
Part = Annotated[float, Meta(ge=0, le=1)]
Crashes = Annotated[int, Meta(ge=1, le=1000)]
Ends = Annotated[tuple[End, ...], Meta(max_length=100)]


class RestartBackoffKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The delay before a crashed worker is started again: `first`, then half a second (`first`, if that is longer),
    then `factor` times the one before, never more than `max`."""

    first: Annotated[
        Duration | UnsetType | None, help_of("The first delay.", "1s", default="0s")
    ] = UNSET
    factor: Annotated[
        Factor | UnsetType | None, help_of("How much longer each delay is.", 1.5, default=2)
    ] = UNSET
    max: Annotated[
        Duration | UnsetType | None, help_of("The longest delay.", "5m", default="1m")
    ] = UNSET
    jitter: Annotated[
        Part | UnsetType | None,
        help_of(
            "Each delay is lengthened by up to this part of itself, so that many workers do not start at once.",
            0.5,
            default=0.1,
        ),
    ] = UNSET
    reset_after: Annotated[
        Duration | UnsetType | None,
        help_of("Up for so long, its earlier crashes are forgotten.", "10m", default="10s"),
    ] = UNSET


class RestartLimitKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many crashes of a worker are too many. Only its own fault counts: not a stop that was asked for, and not the
    death of many workers at once."""

    crashes: Annotated[
        Crashes | UnsetType | None, help_of("So many crashes; always needed.", 5)
    ] = UNSET
    within: Annotated[
        Positive | UnsetType | None, help_of("Within so long.", "10m", default="1h")
    ] = UNSET
    then: Annotated[
        Literal["stop", "retry"] | UnsetType | None,
        help_of(
            "`stop`: it stays down. `retry`: it is in quarantine, tried once each `every` until it stays up for "
            "`reset_after`. Both outlive the daemon and the machine; a change of its group or an order to start it "
            "ends them.",
            "stop",
            default="retry",
        ),
    ] = UNSET
    every: Annotated[
        Positive | UnsetType | None,
        help_of("(with `then: retry`) How often it is tried in quarantine.", "1m", default="10m"),
    ] = UNSET


class RestartKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which ends of a worker are followed by a new start. An end is looked up in `permanent`, `failure` and `success`,
    in this order; one that is in none of them is a failure."""

    policy: Annotated[
        Policy | UnsetType | None,
        help_of(
            "`always`: after every end. `on_failure`: after failures; one that ends well is finished. `never`: one "
            "that ended stays down, finished or failed.",
            "on_failure",
            default="always",
        ),
    ] = UNSET
    success: Annotated[
        Ends | UnsetType | None,
        help_of(
            "Ends that are no failure: exit statuses, and signals by name.",
            [0, 3, "TERM"],
            default=[0],
        ),
    ] = UNSET
    failure: Annotated[
        Ends | UnsetType | None,
        help_of("Ends that are failures though `success` would have them.", ["HUP"]),
    ] = UNSET
    permanent: Annotated[
        Ends | UnsetType | None,
        help_of(
            "Failures after which a new start makes no sense, such as a bad configuration: it stays down, whatever "
            "`policy` says.",
            [78],
        ),
    ] = UNSET
    backoff: Annotated[
        RestartBackoffKeys | UnsetType | None, help_of("The delay before it is started again.")
    ] = UNSET
    limit: Annotated[
        RestartLimitKeys | UnsetType | None,
        help_of(
            "How many crashes are too many. Default: it is started again however often it crashes.",
            {"crashes": 5, "within": "10m", "then": "stop"},
        ),
    ] = UNSET

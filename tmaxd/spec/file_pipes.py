"""The file format, `pipes`: the fleet's FIFOs, and the ways that tasks take between groups."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.file_types import Groups, Name, help_of
from tmaxd.spec.model import Layout, MaxHops, When
from tmaxd.spec.units import Size


class InboxKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public FIFO; each line written to it becomes a task."""

    to: Annotated[
        Groups,
        help_of(
            "The group that gets the tasks; its kind is `serve` or `task`. Of a list, each group gets a task for "
            "every line.",
            "check",
            ["check", "echo"],
        ),
    ]


class OutboxKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public FIFO to which results are copied: a line of JSON for each task that ends. Nothing waits for its reader:
    lines that find no room are lost, counted, and the count is shown."""

    sources: Annotated[
        Groups, help_of("The groups whose results it gets.", "check", ["check", "echo"])
    ] = msgspec.field(name="from")


class RouteKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end of a task makes new tasks, exactly once: they are on disk with the end itself. A cancelled task takes no
    route."""

    sources: Annotated[
        Groups, help_of("The groups whose tasks take it.", "echo", ["echo", "check"])
    ] = msgspec.field(name="from")
    to: Annotated[
        Groups,
        help_of("The groups that get the new tasks, one each.", "check", ["check", "report"]),
    ]
    when: Annotated[
        When | UnsetType | None,
        help_of(
            "Which ends take it. `done`: there is a result. `dead`: all attempts failed, or it expired. `any`: both.",
            "dead",
            default="done",
        ),
    ] = UNSET
    payload: Annotated[
        str | UnsetType | None,
        help_of(
            "The payload of the new tasks. `{result}`, `{error}`, `{payload}`, `{task}` (its id), `{group}`, "
            "`{worker}`, `{attempt}` and `{state}` stand for what they say of the task that ended; `{{` and `}}` are "
            "braces.",
            "{payload}: {result}",
            default="{result}",
        ),
    ] = UNSET
    max_hops: Annotated[
        MaxHops | UnsetType | None,
        help_of(
            "Not taken by a task that has come over this many routes. Default: no limit; each circle of routes needs "
            "one.",
            3,
        ),
    ] = UNSET


class PipesKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The FIFOs of the fleet, and the routes between its groups."""

    layout: Annotated[
        Layout | UnsetType | None,
        help_of(
            "The layout of each `serve` and `task` group that does not set its own: see `workers.GROUP.layout`.",
            default="dedicated",
        ),
    ] = UNSET
    capacity: Annotated[
        Size | UnsetType | None,
        help_of("Bytes a FIFO may hold, 4096 to 1MiB.", "256KiB", 65536, default="256KiB"),
    ] = UNSET
    inboxes: Annotated[
        dict[Name, InboxKeys] | UnsetType | None,
        help_of("Public FIFOs that take tasks, by name.", {"tasks": {"to": "check"}}),
    ] = UNSET
    outboxes: Annotated[
        dict[Name, OutboxKeys] | UnsetType | None,
        help_of(
            "Public FIFOs that give results, by name. An inbox and an outbox may not have the same name.",
            {"results": {"from": ["check", "echo"]}},
        ),
    ] = UNSET
    routes: Annotated[
        Annotated[tuple[RouteKeys, ...], Meta(max_length=500)] | UnsetType | None,
        help_of(
            "From one group's results to other groups' tasks. Those of all files are taken.",
            [{"from": "echo", "to": "check", "when": "done"}],
        ),
    ] = UNSET

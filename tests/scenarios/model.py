"""What stands in a scenario, `tests/scenarios/NAME/scenario.yaml`: steps as data. Beside it stand `tmax.yaml`, which
the daemon begins with, and the programs of its workers; all of them are copied to the fleet's own folder.

Each step has exactly one key. Patterns (of a worker, a file) are those of the shell; a text that begins with `~` is a
regular expression that has to match somewhere. Unknown keys are errors, so that a slip of the pen cannot make a
scenario weaker.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Fields = dict[str, Any]
"""Names of fields, and what they have to be."""


class Events(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many events with these fields since the beginning (or since `remember`)."""

    match: Fields
    times: int | None = None
    at_least: int = 1
    fresh: bool = False
    """Only those since `remember`."""


class Look(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What has to be seen, all of it at once."""

    workers: dict[str, Fields] = {}
    """Patterns of workers and what the status says of each of them; at least one has to be there."""
    groups: dict[str, Fields] = {}
    spec: Fields = {}
    """What the status says of the file and the revision in force."""
    same: list[str] = []
    """Workers whose runs are still those of `remember`."""
    other: list[str] = []
    """Workers that live and have another run than then."""
    events: list[Events] = []
    order: list[Fields] = []
    """Events that came in this order since `remember`, whatever came between them."""
    files: dict[str, list[str]] = {}
    """Files and their lines."""
    logs: dict[str, str] = {}
    """Workers and what their terminal has shown."""
    clock: float | None = None
    """Seconds by which the daemon's last event is ahead of the true time, give or take a minute."""


class Kill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signal to the first processes of workers, all at once; or the daemon or the tmux server dies without a word."""

    workers: list[str] = []
    signal: Literal["KILL", "TERM", "INT", "SEGV", "STOP"] = "KILL"
    daemon: bool = False
    server: bool = False


class Orders(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Orders of several operators, given in the same instant; none of them knows of the others."""

    at_once: list[Fields]


class Submit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    group: str
    payloads: list[str]


class Never(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must not have happened at any instant since `remember`."""

    down: dict[str, int] = {}
    """Group to the number of its workers that were without a process at once, at most."""
    alive: dict[str, int] = {}
    """Group to the number of processes that it had at once, at most."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Exactly one of these."""

    note: str | None = None
    """For the reader."""
    start: Literal["settled", "begun"] | None = None
    """Start the daemon, and wait until its fleet is as it should be, or only until it answers."""
    edit: Fields | None = None
    """Keys of the file with dots between, and their new values; null takes one away. Saved at once."""
    order: Fields | None = None
    orders: Orders | None = None
    rollback: int | None = None
    """To this revision of the spec."""
    kill: Kill | None = None
    wall_clock: float | None = None
    """Seconds by which somebody sets the machine's clock forward, or back."""
    touch: str | None = None
    """A file that the programs look for."""
    remove: str | None = None
    submit: Submit | None = None
    remember: bool | None = None
    """Which runs there are now, for `same` and `other`; and what comes from now on is fresh."""
    settle: bool | None = None
    wait: Look | None = None
    """Until this is seen."""
    expect: Look | None = None
    """This is seen now."""
    never: Never | None = None
    down: bool | None = None
    """The whole fleet is taken down."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    """What it shows, as a sentence."""
    steps: list[Step]

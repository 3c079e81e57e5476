"""The file format as typed structs: what may be written, before defaults, includes and env files are
worked in. The JSON Schema and the reference are made from it; the rest of the program sees `model`.

Nearly every key may be `null`, which takes back what `defaults` (or a file below) sets; UNSET is a key
that is not there at all.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.model import MAX_NAME, Attempts, Count, Duration, Signal, Size, Window
from tmaxd.spec.values import ENV_NAME, NAME, Positive

Name = Annotated[str, Meta(pattern=NAME, min_length=1, max_length=MAX_NAME)]
EnvName = Annotated[str, Meta(pattern=ENV_NAME)]
Words = Annotated[tuple[str, ...], Meta(min_length=1)]


def _help(text: str, *examples: object, default: object = UNSET) -> Meta:
    """What an editor shows for a key."""
    extra: dict[str, Any] | None = None if default is UNSET else {"default": default}
    return Meta(description=text, examples=list(examples), extra_json_schema=extra)


class StopKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a worker is stopped: the signal goes to its whole process tree; what is left after the grace
    period gets SIGKILL."""

    signal: Annotated[
        Signal | UnsetType | None, _help("The first signal.", "TERM", "INT", default="TERM")
    ] = UNSET
    after: Annotated[
        Duration | UnsetType | None,
        _help("How long the tree may take before SIGKILL.", "10s", "500ms", default="10s"),
    ] = UNSET


class BackoffKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The delay before a task is tried again: `first`, doubled each time, never more than `max`."""

    first: Annotated[
        Duration | UnsetType | None, _help("The first delay.", "1s", "250ms", default="1s")
    ] = UNSET
    max: Annotated[Duration | UnsetType | None, _help("The longest delay.", "1m", default="1m")] = (
        UNSET
    )


class RetryKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to a task that fails. A task that fails for a passing cause (exit status 75, a worker
    that died) gets at least 3 attempts."""

    attempts: Annotated[
        Attempts | UnsetType | None, _help("How often it is tried, in all.", 3, default=1)
    ] = UNSET
    backoff: Annotated[BackoffKeys | UnsetType | None, _help("The delay between tries.")] = UNSET


class WorkerKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a group that `defaults` may hold too. Those that do not fit a group's kind are passed
    over."""

    env: Annotated[
        dict[EnvName, str | None] | UnsetType | None,
        _help(
            "Environment variables, over those of `env_file`. Numbers and booleans are taken as they "
            "are written; `null` takes back a variable that `defaults` sets. Names that begin with "
            "`TMAX_` are tmaxd's own.",
            {"LANG": "C.UTF-8"},
        ),
    ] = UNSET
    env_file: Annotated[
        str | Annotated[tuple[str, ...], Meta(max_length=32)] | UnsetType | None,
        _help(
            "Files of `KEY=value` lines, relative to the file this stands in; later ones win.",
            "secrets.env",
            ["common.env", "~/local.env"],
        ),
    ] = UNSET
    cwd: Annotated[
        str | UnsetType | None,
        _help(
            "The folder to start in, relative to the file this stands in; `~` is the home folder. "
            "Default: the folder of the main file.",
            "~",
            "../project",
        ),
    ] = UNSET
    stop: Annotated[StopKeys | UnsetType | None, _help("How a worker is stopped.")] = UNSET
    timeout: Annotated[
        Positive | UnsetType | None,
        _help("How long a task may take (`serve` and `task`). Default: no limit.", "30s", "2h"),
    ] = UNSET
    retry: Annotated[
        RetryKeys | UnsetType | None, _help("Trying failed tasks again (`serve` and `task`).")
    ] = UNSET
    window: Annotated[
        Window | UnsetType | None,
        _help(
            "The most tasks in flight a worker (`serve` and `task`). Default: what the worker asks for. "
            "Lowered, it acts at once; raised, when the worker is started next.",
            64,
        ),
    ] = UNSET


class GroupKeys(WorkerKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of equal workers, named GROUP-1, GROUP-2, …; exactly one of `run`, `serve` and `task` says
    what they are."""

    count: Annotated[
        Count | UnsetType | None, _help("How many workers; 0 is legal.", 4, default=1)
    ] = UNSET
    run: Annotated[
        Words | UnsetType, _help("A program that is only kept alive.", ["bash", "-l"])
    ] = UNSET
    serve: Annotated[
        Words | UnsetType,
        _help("A program that takes tasks from its own FIFO.", ["python3", "worker.py"]),
    ] = UNSET
    task: Annotated[
        Words | UnsetType,
        _help(
            "A command that is run once for each task. `{payload}` becomes the task's payload; without "
            "it the payload comes on standard input.",
            ["python3", "-m", "tabnanny", "-v", "{payload}"],
        ),
    ] = UNSET

    def __post_init__(self) -> None:
        if (self.run is not UNSET) + (self.serve is not UNSET) + (self.task is not UNSET) != 1:
            raise ValueError("exactly one of run, serve and task")


class InboxKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public FIFO; each line written to it becomes a task."""

    to: Annotated[
        str, _help("The group that gets the tasks; its kind is `serve` or `task`.", "check")
    ]


class PipesKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The FIFOs of the fleet."""

    layout: Annotated[
        Literal["dedicated"] | UnsetType | None,
        _help(
            "`dedicated`: each worker has tasks, control and results FIFOs of its own.",
            default="dedicated",
        ),
    ] = UNSET
    capacity: Annotated[
        Size | UnsetType | None,
        _help("Bytes a FIFO may hold, 4096 to 1MiB.", "256KiB", 65536, default="256KiB"),
    ] = UNSET
    inboxes: Annotated[
        dict[Name, InboxKeys] | UnsetType | None,
        _help("Public FIFOs by name.", {"tasks": {"to": "check"}}),
    ] = UNSET


class PartFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that another one includes."""

    version: Annotated[Literal[1] | UnsetType, _help("The version of the file format.")] = UNSET
    include: Annotated[
        str | Annotated[tuple[str, ...], Meta(max_length=64)] | UnsetType | None,
        _help(
            "Further files with groups, pipes and defaults, relative to this one. A group or inbox may "
            "stand in one file only; defaults of an included file lie below those of the including "
            "one.",
            "groups.yaml",
            ["agents.yaml", "~/fleet/common.yaml"],
        ),
    ] = UNSET
    defaults: Annotated[
        WorkerKeys | UnsetType | None,
        _help(
            "Settings for every group of the fleet; a group's own lie over them. Mappings are merged "
            "key by key, lists are replaced, `null` takes a default back.",
            {"stop": {"after": "5s"}},
        ),
    ] = UNSET
    workers: Annotated[
        dict[Name, GroupKeys] | UnsetType,
        _help("The groups by name.", {"shell": {"count": 1, "run": ["bash", "-l"]}}),
    ] = UNSET
    pipes: Annotated[PipesKeys | UnsetType | None, _help("The FIFOs of the fleet.")] = UNSET


class SpecFile(PartFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tmaxd fleet: groups of terminal workers, and the FIFOs that feed them. Text such as `${VAR}` and
    `${VAR:-default}` in values is replaced from the environment (`$$` is a dollar sign); keys that begin
    with `x-` are ignored."""

    version: Annotated[Literal[1], _help("The version of the file format.", 1)]
    fleet: Annotated[Name, _help("The name of the fleet.", "demo")]

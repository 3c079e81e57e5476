"""The file format as typed structs: what may be written, before defaults, includes and env files are
worked in. The JSON Schema and the reference are made from it; the rest of the program sees `model`.

Nearly every key may be `null`, which takes back what `defaults` (or a file below) sets; UNSET is a key
that is not there at all.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.file_cleanup import CleanupKeys
from tmaxd.spec.file_flags import FlagsKeys
from tmaxd.spec.file_hooks import EventName, Hooks
from tmaxd.spec.file_memory import MemoryKeys
from tmaxd.spec.file_pipes import PipesKeys
from tmaxd.spec.file_process import ProcessKeys
from tmaxd.spec.file_retry import RetryKeys
from tmaxd.spec.file_rollout import PoolsKeys
from tmaxd.spec.file_store import StoreKeys
from tmaxd.spec.file_types import Name, Words, help_of
from tmaxd.spec.limits import MaxTasks
from tmaxd.spec.model import (
    Balance,
    Count,
    Layout,
    MaxQueue,
    Window,
)
from tmaxd.spec.supervision import Condition
from tmaxd.spec.values import Lease, Positive


class WorkerKeys(ProcessKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of a group that `defaults` may hold too. Those that do not fit a group's kind are passed
    over."""

    timeout: Annotated[
        Positive | UnsetType | None,
        help_of("How long a task may take (`serve` and `task`). Default: no limit.", "30s", "2h"),
    ] = UNSET
    retry: Annotated[
        RetryKeys | UnsetType | None, help_of("Trying failed tasks again (`serve` and `task`).")
    ] = UNSET
    window: Annotated[
        Window | UnsetType | None,
        help_of(
            "The most tasks in flight a worker (`serve` and `task`). Default: what the worker asks for; the runner of "
            "`task` groups asks for 1, or 4 while its tasks take milliseconds, and gives back what waits behind a long "
            "one. With a number here, that many may wait. Lowered, it acts at once; raised, when the worker is started "
            "next.",
            64,
        ),
    ] = UNSET
    balance: Annotated[
        Balance | UnsetType | None,
        help_of(
            "Which worker gets the next task (`serve` and `task`). `least_loaded`: the one with the fewest in flight. "
            "`round_robin`: each in its turn. `fastest`: the one that is likely to end it first, by how long its last "
            "tasks took; for workers of unequal speed. `sticky`: for tasks of one affinity always the same worker, as "
            "long as it is there; for workers that remember something.",
            "round_robin",
            default="least_loaded",
        ),
    ] = UNSET
    max_queue: Annotated[
        MaxQueue | UnsetType | None,
        help_of(
            "How many tasks may wait (`serve` and `task`). Beyond that submits are refused, lines wait in the inboxes, "
            "and nothing is dropped; what routes make is taken all the same. Default: no limit.",
            10000,
        ),
    ] = UNSET
    expire: Annotated[
        Positive | UnsetType | None,
        help_of(
            "How long after its submission a task may begin (`serve` and `task`); later it is dead, outcome `expired`. "
            "Holds for tasks that are submitted from then on. Default: any time.",
            "1h",
        ),
    ] = UNSET
    lease: Annotated[
        Lease | UnsetType | None,
        help_of(
            "How long a worker that holds tasks and sends heartbeats (every 10 seconds) may be silent (`serve` and "
            "`task`), at least 30s. Then it is stopped with its whole process tree, and only when that is gone are its "
            "tasks given to others. `never`: it is waited for.",
            "5m",
            "never",
            default="1m",
        ),
    ] = UNSET
    layout: Annotated[
        Layout | UnsetType | None,
        help_of(
            "Of `serve` and `task`. `dedicated`: each worker has a tasks FIFO of its own, and is given its tasks. "
            "`shared`: the group has one, and whichever worker is free takes the next task. The commands of `task` and "
            "programs with the Python SDK can do both; other `serve` programs have to read records of 4096 bytes for "
            "`shared` (docs/protocol.md). That goes with `balance: least_loaded` only. Default: what `pipes.layout` "
            "says, and where that is not said what the flag `dedicated_pipes` makes of it.",
            "shared",
        ),
    ] = UNSET
    max_tasks: Annotated[
        MaxTasks | UnsetType | None,
        help_of(
            "After so many tasks a worker is replaced by a fresh one, when it is idle (`serve` and `task`). Default: "
            "any number.",
            1000,
        ),
    ] = UNSET


class GroupKeys(WorkerKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of equal workers, named GROUP-1, GROUP-2, …; exactly one of `run`, `serve` and `task` says
    what they are."""

    count: Annotated[
        Count | UnsetType | None, help_of("How many workers; 0 is legal.", 4, default=1)
    ] = UNSET
    after: Annotated[
        str
        | Annotated[tuple[str, ...], Meta(max_length=100)]
        | dict[str, Condition]
        | UnsetType
        | None,
        help_of(
            "Groups that have to be so far before a worker of this one is started. `started`: all workers of that "
            "group live, or are finished. `ready`: they are ready; meant where nothing is said. `healthy`: their "
            "health check says so too. `finished`: they ended well, and are not started again. Only the start waits. "
            "When the fleet goes down, workers of this group are stopped before those of the groups that it names.",
            "db",
            ["db", "cache"],
            {"db": "healthy", "migrate": "finished"},
        ),
    ] = UNSET
    run: Annotated[
        Words | UnsetType, help_of("A program that is only kept alive.", ["bash", "-l"])
    ] = UNSET
    serve: Annotated[
        Words | UnsetType,
        help_of(
            "A program that takes tasks from a FIFO, one after the other or many at once.",
            ["python3", "worker.py"],
        ),
    ] = UNSET
    task: Annotated[
        Words | UnsetType,
        help_of(
            "A command that is run once for each task. `{payload}` becomes the task's payload; without "
            "it the payload comes on standard input.",
            ["sha256sum", "{payload}"],
        ),
    ] = UNSET

    def __post_init__(self) -> None:
        if (self.run is not UNSET) + (self.serve is not UNSET) + (self.task is not UNSET) != 1:
            raise ValueError("exactly one of run, serve and task")


class PartFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that another one includes."""

    version: Annotated[Literal[1] | UnsetType, help_of("The version of the file format.")] = UNSET
    include: Annotated[
        str | Annotated[tuple[str, ...], Meta(max_length=64)] | UnsetType | None,
        help_of(
            "Further files with groups, pipes and defaults, relative to this one. A group or inbox may "
            "stand in one file only; defaults of an included file lie below those of the including "
            "one.",
            "groups.yaml",
            ["agents.yaml", "~/fleet/common.yaml"],
        ),
    ] = UNSET
    defaults: Annotated[
        WorkerKeys | UnsetType | None,
        help_of(
            "Settings for every group of the fleet; a group's own lie over them. Mappings are merged "
            "key by key, lists are replaced, `null` takes a default back.",
            {"stop": {"after": "5s"}},
        ),
    ] = UNSET
    workers: Annotated[
        dict[Name, GroupKeys] | UnsetType,
        help_of("The groups by name.", {"shell": {"count": 1, "run": ["bash", "-l"]}}),
    ] = UNSET
    pipes: Annotated[PipesKeys | UnsetType | None, help_of("The FIFOs of the fleet.")] = UNSET
    pool: Annotated[
        PoolsKeys | UnsetType | None,
        help_of("Booted spares for several groups at once.", {"size": 1, "groups": ["shell"]}),
    ] = UNSET
    memory: Annotated[
        MemoryKeys | UnsetType | None,
        help_of(
            "How memory is measured, and how much may be used.",
            {"worker": {"recycle": "800MiB"}, "fleet": {"hold": "6GiB"}, "keep_free": "1GiB"},
        ),
    ] = UNSET
    cleanup: Annotated[
        Annotated[tuple[CleanupKeys, ...], Meta(max_length=100)] | UnsetType | None,
        help_of(
            "What is cleaned up, and when. Those of all files are taken. Orphans are looked for each minute where no "
            "entry says otherwise.",
            [{"what": "tasks", "ttl": "7d", "cron": "0 4 * * *"}],
            [{"what": "logs", "ttl": "14d", "every": "1h"}],
        ),
    ] = UNSET
    store: Annotated[
        StoreKeys | UnsetType | None,
        help_of(
            "The limits of the memory store.", {"namespaces": {"cache": {"max_size": "16MiB"}}}
        ),
    ] = UNSET
    flags: Annotated[
        FlagsKeys | UnsetType | None,
        help_of("Feature flags, by name.", {"session_pool": False}),
    ] = UNSET
    on: Annotated[
        dict[EventName, Hooks] | UnsetType | None,
        help_of(
            "Commands that are run on events, by the name of the event; `*` is every event. A command, a mapping with "
            "`run`, or a list of these. Those of all files are taken.",
            {"worker_crashed": ["notify-send", "tmaxd"]},
            {"*": [{"run": ["./log.sh"], "timeout": "5s"}]},
        ),
    ] = UNSET


class SpecFile(PartFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tmaxd fleet: groups of terminal workers, and the FIFOs that feed them. Text such as `${VAR}` and
    `${VAR:-default}` in values is replaced from the environment (`$$` is a dollar sign); keys that begin
    with `x-` are ignored."""

    version: Annotated[Literal[1], help_of("The version of the file format.", 1)]
    fleet: Annotated[Name, help_of("The name of the fleet.", "demo")]

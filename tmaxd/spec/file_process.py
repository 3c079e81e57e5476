"""The file format: how the process of a worker is started, kept and replaced, whatever it is."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.file_memory import Age, AgeKeys, GroupMemoryKeys
from tmaxd.spec.file_probes import HealthKeys, ReadyKeys
from tmaxd.spec.file_restart import RestartKeys
from tmaxd.spec.file_rollout import Number, PoolKeys, RolloutKeys
from tmaxd.spec.file_stop import StopKeys
from tmaxd.spec.file_types import EnvName, help_of


class ProcessKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    env: Annotated[
        dict[EnvName, str | None] | UnsetType | None,
        help_of(
            "Environment variables, over those of `env_file`. Numbers and booleans are taken as they "
            "are written; `null` takes back a variable that `defaults` sets. Names that begin with "
            "`TMAX_` are tmaxd's own.",
            {"LANG": "C.UTF-8"},
        ),
    ] = UNSET
    env_file: Annotated[
        str | Annotated[tuple[str, ...], Meta(max_length=32)] | UnsetType | None,
        help_of(
            "Files of `KEY=value` lines, relative to the file this stands in; later ones win. They may hold secrets: "
            "only workers get the values, they are shown and stored nowhere, and a file that other users can read is "
            "refused. A change of what they hold replaces the workers.",
            "secrets.env",
            ["common.env", "~/local.env"],
        ),
    ] = UNSET
    cwd: Annotated[
        str | UnsetType | None,
        help_of(
            "The folder to start in, relative to the file this stands in; `~` is the home folder. "
            "Default: the folder of the main file.",
            "~",
            "../project",
        ),
    ] = UNSET
    stop: Annotated[StopKeys | UnsetType | None, help_of("How a worker is stopped.")] = UNSET
    restart: Annotated[
        RestartKeys | UnsetType | None,
        help_of("Which ends are followed by a new start.", {"policy": "on_failure"}),
    ] = UNSET
    ready: Annotated[
        ReadyKeys | UnsetType | None,
        help_of(
            "When a worker is ready. Default: `serve` and `task` workers when they say it, others when they run. On "
            "top of that, workers that take tasks always have to say it.",
            {"tcp": 8080, "within": "10s"},
            {"output": "\\$ $"},
        ),
    ] = UNSET
    health: Annotated[
        HealthKeys | UnsetType | None,
        help_of(
            "Whether a worker that was ready still works. Default: as long as it runs.",
            {"http": "http://127.0.0.1:8080/health", "every": "5s"},
        ),
    ] = UNSET
    rollout: Annotated[
        RolloutKeys | UnsetType | None,
        help_of(
            "How a change reaches the workers. Default: one after the other.",
            {"max_unavailable": "25%", "canary": 1},
        ),
    ] = UNSET
    pool: Annotated[
        Number | PoolKeys | UnsetType | None,
        help_of(
            "Booted spares that are kept for the workers, or how many. Not for groups with `layout: shared`. Default: "
            "none.",
            1,
            {"size": 2, "max_age": "10m"},
        ),
    ] = UNSET
    memory: Annotated[
        GroupMemoryKeys | UnsetType | None,
        help_of(
            "How much each worker may use. Default: what `memory.worker` says.",
            {"recycle": "800MiB", "kill": "1500MiB"},
        ),
    ] = UNSET
    max_age: Annotated[
        Age | AgeKeys | UnsetType | None,
        help_of(
            "After so long a worker is replaced by a fresh one, when it is idle. `never`: it grows as old as it may.",
            "24h",
            "never",
            {"after": "24h", "jitter": 0.5},
            default="never",
        ),
    ] = UNSET

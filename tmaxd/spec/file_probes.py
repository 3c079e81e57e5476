"""The file format, `ready` and `health`: what is asked of a worker that runs."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.file_types import Words, help_of
from tmaxd.spec.units import Duration
from tmaxd.spec.values import Lease, Positive

Port = Annotated[int, Meta(ge=1, le=65535)]
Times = Annotated[int, Meta(ge=1, le=1000)]
Line = Annotated[str, Meta(max_length=1000)]


class ProbeKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question that is asked of a worker from outside."""

    exec: Annotated[
        Words | UnsetType | None,
        help_of(
            "A command, run in the environment and folder of the worker; status 0 is yes. No shell reads it.",
            ["pg_isready", "-q"],
        ),
    ] = UNSET
    tcp: Annotated[
        Port | str | UnsetType | None,
        help_of(
            "A port, or `HOST:PORT`, that accepts a connection. A port alone is one of 127.0.0.1.",
            8080,
            "localhost:5432",
        ),
    ] = UNSET
    http: Annotated[
        str | UnsetType | None,
        help_of(
            "An `http://` URL that answers with a status from 200 to 399.",
            "http://127.0.0.1:8080/health",
        ),
    ] = UNSET
    timeout: Annotated[
        Positive | UnsetType | None,
        help_of("How long one answer to `exec`, `tcp` or `http` may take.", "1s", default="5s"),
    ] = UNSET


class ReadyKeys(ProbeKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a worker is ready: exactly one of `exec`, `tcp`, `http`, `output`, `alive` and `frame`. Without `ready`,
    workers of `serve` and `task` groups are ready when they say it on their results FIFO, others when they run."""

    output: Annotated[
        Line | UnsetType | None,
        help_of(
            "A regular expression (that of Python) that is found in a line of its output; a prompt is a line too. As "
            "everywhere in this file, `$$` is one dollar sign.",
            "^listening on",
            "\\$ $",
        ),
    ] = UNSET
    alive: Annotated[Positive | UnsetType | None, help_of("It has run for so long.", "3s")] = UNSET
    frame: Annotated[
        bool | UnsetType | None,
        help_of("It says so on its results FIFO (`serve` and `task`).", True),
    ] = UNSET
    every: Annotated[
        Positive | UnsetType | None,
        help_of("How often `exec`, `tcp` or `http` is asked.", "200ms", default="1s"),
    ] = UNSET
    within: Annotated[
        Lease | UnsetType | None,
        help_of(
            "How long it may take to become ready. Then its start has failed: it is stopped, and started again as "
            "`restart` says. `never`: it is waited for.",
            "10s",
            "never",
            default="1m",
        ),
    ] = UNSET


class HealthKeys(ProbeKeys, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a worker that was ready still works: exactly one of `exec`, `tcp`, `http`, `heartbeat` and `output`."""

    heartbeat: Annotated[
        Positive | UnsetType | None,
        help_of(
            "It says something on its results FIFO at least so often (`serve` and `task`); at least 30s, since workers "
            "send heartbeats every 10 seconds.",
            "1m",
        ),
    ] = UNSET
    output: Annotated[
        Positive | UnsetType | None,
        help_of("It writes something to its terminal at least so often.", "5m"),
    ] = UNSET
    every: Annotated[
        Positive | UnsetType | None, help_of("How often it is asked.", "30s", default="10s")
    ] = UNSET
    failures: Annotated[
        Times | UnsetType | None,
        help_of(
            "So many noes in a row make it unhealthy; of `heartbeat` and `output` one is enough.",
            5,
            default=3,
        ),
    ] = UNSET
    successes: Annotated[
        Times | UnsetType | None,
        help_of("So many yeses in a row make it healthy again.", 2, default=1),
    ] = UNSET
    delay: Annotated[
        Duration | UnsetType | None,
        help_of("From being ready to the first question.", "30s", default="0s"),
    ] = UNSET
    then: Annotated[
        Literal["restart", "report"] | UnsetType | None,
        help_of(
            "What is done about an unhealthy worker. `restart`: it is stopped, and started again as `restart` says; "
            "one that somebody is attached to, or that is pinned, is only marked. `report`: it is only shown.",
            "report",
            default="restart",
        ),
    ] = UNSET

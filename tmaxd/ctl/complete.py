"""Names from the running daemon, for the shell's completion. Quick or silent, never an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.api import Api
from tmaxd.places import places

BUDGET = 0.3
"""Seconds until a user who pressed TAB thinks that nothing comes."""


def fleets(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in fleet.running(BUDGET) if name.startswith(incomplete)]


def groups(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    return _names(ctx, lambda s: [g["name"] for g in s["groups"]], incomplete)


def task_groups(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Only those that take tasks."""
    return _names(ctx, lambda s: [g["name"] for g in s["groups"] if g["kind"] != "run"], incomplete)


def workers(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    return _names(ctx, lambda s: [w["name"] for w in s["workers"]], incomplete)


def targets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Groups and workers; those that the command names already are not offered again."""
    named = ctx.params.get("targets") or ()
    found = _names(ctx, lambda s: [v["name"] for v in (*s["groups"], *s["workers"])], incomplete)
    return [name for name in found if name not in named]


def revisions(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Newest first."""
    return _names(
        ctx, lambda v: [str(r["number"]) for r in v["revisions"]], incomplete, "/v1/revisions"
    )


def namespaces(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Of the memory store; that of the workers is always there."""
    found = _names(
        ctx, lambda v: [n["ns"] for n in v["namespaces"]], incomplete, "/v1/memory/stats"
    )
    return [*found, *(name for name in ("worker",) if name.startswith(incomplete))]


def flags(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from tmaxd.spec.flags import FLAGS

    return [name for name in FLAGS if name.startswith(incomplete)]


def events(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Of the last of several that commas part."""
    from tmaxd.spec.event_names import KINDS, MEANINGS

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in (*MEANINGS, *KINDS) if name.startswith(last)]


def _names(
    ctx: click.Context,
    pick: Callable[[dict[str, Any]], list[str]],
    incomplete: str,
    path: str = "/v1/status",
) -> list[str]:
    given = ctx.params.get("fleet") or ctx.find_root().params.get("fleet")
    try:
        name = fleet.choose(given)
        value = Api(name, places(name).api_socket, BUDGET).get(path)
        return [found for found in pick(value) if found.startswith(incomplete)]
    except (click.ClickException, OSError, LookupError, TypeError):
        return []

"""Which groups share a tasks FIFO, where the flag `dedicated_pipes` decides it: those whose layout nobody has set, and
that can."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tmaxd.spec.flags import effective
from tmaxd.spec.model import Group, Layout, Spec

FLAG = "dedicated_pipes"


def with_flags(spec: Spec, flags: Mapping[str, bool]) -> Spec:
    """The same spec, as if its file said these flags and no others: `flags` in it, and the layouts that follow."""
    said = dict(flags)
    dedicated = effective(said, FLAG)
    groups = {name: laid_out(group, dedicated=dedicated) for name, group in spec.workers.items()}
    return msgspec.structs.replace(spec, workers=groups, flags=said)


def laid_out(group: Group, *, dedicated: bool) -> Group:
    """The group, with the layout that the flag gives it; the same object where that is the one it has."""
    if not _open(group):
        return group
    shared = not dedicated and _can_share(group)
    if shared == (group.layout == "shared"):
        return group
    layout: Layout = "shared" if shared else "dedicated"
    return msgspec.structs.replace(group, layout=layout, layout_by="flag" if shared else None)


def _open(group: Group) -> bool:
    """Whether nobody has set its layout."""
    return group.layout_by == "flag" or (group.layout == "dedicated" and group.layout_by is None)


def _can_share(group: Group) -> bool:
    """What a file may not say beside `layout: shared` keeps a group from it."""
    spares = group.pool is not None and group.pool.size > 0
    return group.kind != "run" and group.balance == "least_loaded" and not spares

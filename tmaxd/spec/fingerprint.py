"""What a worker was started with, short enough for a tmux label: one hash for each field that only a new
process can take over. So drift names the field that drifted."""

from __future__ import annotations

import hashlib
import re

import msgspec

from tmaxd.spec.model import Group

_FORM = re.compile(r"[a-z_]+:[0-9a-f]{8}(,[a-z_]+:[0-9a-f]{8})*")


def fingerprint(group: Group) -> str:
    """`task:1a2b3c4d,env:…,cwd:…`: the argv under the name of its kind. Free of blanks and quotes. `layout:…` only
    where it is shared: workers of versions that knew no layout are dedicated ones. `env_file:…` only where there are
    some; it is made of their seal, never of their values."""
    fields: dict[str, object] = {group.kind: group.argv, "env": group.env, "cwd": group.cwd}
    if group.env_file is not None:
        fields["env_file"] = group.env_file.contents
    if group.layout == "shared":
        fields["layout"] = group.layout
    return ",".join(f"{name}:{_short(value)}" for name, value in fields.items())


def drifted(old: str, new: str) -> tuple[str, ...]:
    """The fields that differ, those of `new` first; `("unknown",)` when one of the two cannot be read."""
    if not _FORM.fullmatch(old) or not _FORM.fullmatch(new):
        return ("unknown",)
    before, after = _fields(old), _fields(new)
    return tuple(name for name in after | before if before.get(name) != after.get(name))


def shares(text: str) -> bool:
    """Whether a worker with this fingerprint was started to pull from its group's tasks FIFO."""
    return ",layout:" in text


def _short(value: object) -> str:
    """32 bits: a change goes unseen once in four billion."""
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:8]


def _fields(text: str) -> dict[str, str]:
    return dict(part.split(":") for part in text.split(","))

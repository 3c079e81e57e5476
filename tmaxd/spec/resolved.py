"""The resolved spec as text: what a revision keeps, and what the digest is taken of."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import msgspec

from tmaxd.spec.model import Group, Spec
from tmaxd.spec.sealed import Sealed, from_words, to_words
from tmaxd.spec.supervision import Stop
from tmaxd.spec.units import Duration, Size

_LEAN: dict[type[msgspec.Struct], tuple[str, ...]] = {
    Spec: ("on", "memory", "cleanup", "store", "flags"),
    Group: (
        *("restart", "ready", "health", "after", "rollout", "pool"),
        *("layout_by", "memory", "max_tasks", "max_age", "env_file"),
    ),
    Stop: ("keys", "drain"),
}
"""Fields that stand in the text only where they are not the default. Of the structs that are not named here, all.
The others are older: they always stood there, and an unchanged file must keep its digest from one version of tmaxd to
the next."""

_WHOLE: dict[type[msgspec.Struct], tuple[str, ...]] = {
    kind: tuple(name for name in kind.__struct_fields__ if name not in lean)
    for kind, lean in _LEAN.items()
}


def to_text(spec: Spec) -> str:
    """Canonical JSON: two specs that mean the same have the same text, however their files are
    written or ordered."""
    words = _fields(spec) | {"workers": {name: _group(g) for name, g in spec.workers.items()}}
    return msgspec.json.encode(words, enc_hook=encode, order="sorted").decode()


def from_text(text: str) -> Spec:
    """Raises ValueError for text that is no resolved spec, or one of a later version."""
    try:
        return msgspec.json.decode(text, type=Spec, dec_hook=decode)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a resolved spec of this version: {error}") from error


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _group(group: Group) -> dict[str, Any]:
    return _fields(group) | {"stop": _fields(group.stop)}


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    kind = type(struct)
    words = {name: getattr(struct, name) for name in _WHOLE[kind]}
    for name, _, default in _defaults(kind):
        value = getattr(struct, name)
        if value is not default and value != default:
            words[name] = _lean(value)
    return words


def _lean(value: Any) -> Any:  # noqa: ANN401 - any value of the model
    """Without what is the default, however deep."""
    if isinstance(value, dict):
        return {key: _lean(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_lean(item) for item in value]
    if not isinstance(value, msgspec.Struct):
        return value
    said = ((key, getattr(value, name), default) for name, key, default in _defaults(type(value)))
    return {key: _lean(item) for key, item, default in said if item != default}


@lru_cache(maxsize=64)
def _defaults(kind: type[msgspec.Struct]) -> tuple[tuple[str, str, object], ...]:
    """(field, its key in the text, its default) of the fields that may be left out. One that has no default is never
    equal to it."""
    lean = _LEAN.get(kind)
    return tuple(
        (
            field.name,
            field.encode_name,
            field.default_factory() if callable(field.default_factory) else field.default,
        )
        for field in msgspec.structs.fields(kind)
        if lean is None or field.name in lean
    )


def encode(value: object) -> object:
    """msgspec's `enc_hook` for values of the model."""
    if isinstance(value, Duration):
        return float(value)
    if isinstance(value, Size):
        return int(value)
    if isinstance(value, Sealed):
        return to_words(value)
    raise NotImplementedError(type(value))


def decode(kind: type, value: object) -> object:
    if kind is Duration and isinstance(value, int | float):
        return Duration(value)
    if kind is Size and isinstance(value, int):
        return Size(value)
    if kind is Sealed:
        return from_words(value)
    raise ValueError(f"not a {kind.__name__.lower()}")

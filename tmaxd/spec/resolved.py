"""The resolved spec as text: what a revision keeps, and what the digest is taken of."""

from __future__ import annotations

import hashlib

import msgspec

from tmaxd.spec.model import Duration, Size, Spec


def to_text(spec: Spec) -> str:
    """Canonical JSON: two specs that mean the same have the same text, however their files are
    written or ordered."""
    return msgspec.json.encode(spec, enc_hook=encode, order="sorted").decode()


def from_text(text: str) -> Spec:
    """Raises ValueError for text that is no resolved spec, or one of a later version."""
    try:
        return msgspec.json.decode(text, type=Spec, dec_hook=_decode)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a resolved spec of this version: {error}") from error


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def encode(value: object) -> object:
    """msgspec's `enc_hook` for values of the model."""
    if isinstance(value, Duration):
        return float(value)
    if isinstance(value, Size):
        return int(value)
    raise NotImplementedError(type(value))


def _decode(kind: type, value: object) -> object:
    if kind is Duration and isinstance(value, int | float):
        return Duration(value)
    if kind is Size and isinstance(value, int):
        return Size(value)
    raise ValueError(f"not a {kind.__name__.lower()}")

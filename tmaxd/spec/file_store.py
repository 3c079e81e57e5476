"""The file format, `store`: the limits of the memory store."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.file_types import help_of
from tmaxd.spec.units import Size
from tmaxd.spec.upkeep import MaxKeys
from tmaxd.spec.values import MAX_NAMESPACE, NAMESPACE, Lease

NamespaceName = Annotated[str, Meta(pattern=NAMESPACE, min_length=1, max_length=MAX_NAMESPACE)]


class NamespaceKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of a namespace. Where one is reached, the entries go that nobody has used for the longest time."""

    max_keys: Annotated[
        MaxKeys | UnsetType | None, help_of("How many entries.", 10000, default=1_000_000)
    ] = UNSET
    max_size: Annotated[
        Size | UnsetType | None,
        help_of(
            "How large keys and values are together, at least 4096.", "16MiB", default="256MiB"
        ),
    ] = UNSET
    ttl: Annotated[
        Lease | UnsetType | None,
        help_of(
            "How long an entry lives that names no time itself. `never`: until somebody deletes it.",
            "1h",
            default="never",
        ),
    ] = UNSET


class StoreKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The memory store. Where several files say it, those of an included file lie below those of the including one."""

    max_value: Annotated[
        Size | UnsetType | None,
        help_of(
            "How large one value may be, 4096 to 64MiB; larger ones are refused.",
            "4MiB",
            default="1MiB",
        ),
    ] = UNSET
    namespaces: Annotated[
        dict[NamespaceName, NamespaceKeys] | UnsetType | None,
        help_of(
            "Limits by the name of the namespace; `*` is every one that is not named here.",
            {"cache": {"max_keys": 10000, "ttl": "1h"}, "*": {"max_size": "64MiB"}},
        ),
    ] = UNSET

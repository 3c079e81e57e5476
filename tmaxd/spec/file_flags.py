"""The file format, `flags`: a key for each feature flag, made from the one table of them."""

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import UNSET, UnsetType

from tmaxd.spec.file_types import help_of
from tmaxd.spec.flags import FLAGS

_DOC = """Feature flags: parts of tmaxd that can be switched off and on while it runs, each by itself (docs/flags.md).
`tmaxctl flags` shows what holds; `tmaxctl flags set NAME off --for 10m` tries one without a change of the file. Where
several files say one, that of the including file holds."""

if TYPE_CHECKING:

    class FlagsKeys(msgspec.Struct, frozen=True):
        """A `bool | UnsetType | None` for each flag."""
else:
    FlagsKeys = msgspec.defstruct(
        "FlagsKeys",
        [
            (
                name,
                Annotated[
                    bool | UnsetType | None,
                    help_of(
                        f"{flag.about} Off: {flag.off}", not flag.default, default=flag.default
                    ),
                ],
                UNSET,
            )
            for name, flag in FLAGS.items()
        ],
        namespace={"__doc__": _DOC},
        module=__name__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )

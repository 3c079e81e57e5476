"""The file format, `on`: commands that are run on events."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.event_names import EVENT
from tmaxd.spec.file_types import Words, help_of
from tmaxd.spec.values import Positive

EventName = Annotated[str, Meta(pattern=EVENT)]


class HookKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command that is run on an event; the event is on its standard input, as one line of JSON."""

    run: Annotated[Words, help_of("The command; no shell reads it.", ["notify-send", "tmaxd"])]
    timeout: Annotated[
        Positive | UnsetType | None,
        help_of("How long it may take; then it is ended.", "5s", default="30s"),
    ] = UNSET


Hooks = HookKeys | Annotated[tuple[str | HookKeys | Words, ...], Meta(min_length=1, max_length=100)]
"""A command, or a list of them; a list of text is one command. `check_hooks` sees to it that a list is not both."""

"""What the structs of the file format are made of: names, lists of words and groups, and the help of a key.

No file of the format has `from __future__ import annotations`: msgspec would then compile each annotation when the
first spec is read, which is 8 of the 12 ms that this takes."""

from typing import Annotated, Any

from msgspec import UNSET, Meta

from tmaxd.spec.model import MAX_NAME
from tmaxd.spec.values import ENV_NAME, NAME

Name = Annotated[str, Meta(pattern=NAME, min_length=1, max_length=MAX_NAME)]
EnvName = Annotated[str, Meta(pattern=ENV_NAME)]
Words = Annotated[tuple[str, ...], Meta(min_length=1)]
Keystroke = Annotated[str, Meta(min_length=1, max_length=1000)]
Groups = str | Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)]
"""One group, or several. The limit bounds what one end of a task can make."""


def help_of(text: str, *examples: object, default: object = UNSET) -> Meta:
    """What an editor shows for a key."""
    extra: dict[str, Any] | None = None if default is UNSET else {"default": default}
    return Meta(description=text, examples=list(examples), extra_json_schema=extra)

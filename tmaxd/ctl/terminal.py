"""What a worker wrote, made safe to show again: colours pass, everything else a terminal obeys does not."""

from __future__ import annotations

import re

# ECMA-48: CSI, then the string sequences (OSC, DCS, SOS, PM, APC) up to ST or BEL, then the two- and
# three-character escapes; at last control characters but tab and newline. UTF-8 carries no C1 bytes
# alone, so U+0080 to U+009F are dropped as characters.
_SEQUENCE = re.compile(
    r"\x1b\[(?P<args>[0-9;:<=>?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[]PX^_].*?(?:\x1b\\|\x07|\x9c)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]",
    re.DOTALL,
)

_UNFINISHED = re.compile(
    r"\x1b(?:\[[0-9;:<=>?]*[ -/]*|[]PX^_](?:[^\x07\x9c\x1b]|\x1b(?!\\))*|[ -/]*)$", re.DOTALL
)

HELD = 4096
"""Characters of an unfinished sequence that are waited for; more is no sequence but an attack or noise."""


class Filter:
    """Text in pieces, in which a sequence may be cut anywhere."""

    def __init__(self, colours: bool) -> None:
        self._colours = colours
        self._held = ""

    def feed(self, text: str) -> str:
        text = self._held + text
        self._held = ""
        unfinished = _UNFINISHED.search(text)
        if unfinished and len(text) - unfinished.start() <= HELD:
            self._held = text[unfinished.start() :]
            text = text[: unfinished.start()]
        return _SEQUENCE.sub(self._keep, text)

    def _keep(self, found: re.Match[str]) -> str:
        colour = (
            self._colours and found["final"] == "m" and found["args"].strip("0123456789;:") == ""
        )
        return found.group() if colour else ""

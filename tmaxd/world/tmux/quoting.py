"""Text on its way into tmux: the command language, its formats, and the names a target may have.

Nothing here runs anything. A value goes through at most one of these, right before it is sent.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

Command = Sequence[str]
"""One tmux command: its name, then its arguments, unquoted."""

CommandList = Sequence[Command]
"""Commands that run back to back with nothing in between; the first error ends the list."""

_BARE = re.compile(rb"[A-Za-z0-9_./:@,+-]+")
_TOUCHY = re.compile(rb"[^ !#%&'()*+,\-./0-9:;<=>?@A-Z\[\]^_`a-z{|}]")
_OCTAL = {bytes([byte]): b"\\%03o" % byte for byte in range(256)}
_HASHES = re.compile(r"#+(?![#\[])")


def word(text: str) -> bytes:
    """One argument in tmux's command language (tmux(1), PARSING SYNTAX).

    Whatever could mean something goes as an octal escape: quotes, backslash, `$`, `~`, controls (a
    newline would end the line) and every byte from 0x7f up (3.3a reads a byte 0xff as the end of its
    input). Raises ValueError for a NUL, which no argument can hold, and for text that is not what a
    byte string decodes to (a lone surrogate).
    """
    raw = text.encode("utf-8", "surrogateescape")
    if _BARE.fullmatch(raw):
        return raw
    if b"\0" in raw:
        raise ValueError(f"a NUL byte cannot be passed to a program: {text!r}")
    return b'"%b"' % _TOUCHY.sub(lambda found: _OCTAL[found[0]], raw)


def line(commands: CommandList) -> bytes:
    """A command list as one line, without its newline."""
    return b" ; ".join(b" ".join(map(word, command)) for command in commands)


def literal(text: str) -> str:
    """Text that comes out of tmux's format expansion as it went in. Hashes are doubled, except before
    `[`, where tmux leaves any number of them alone (measured on 3.3a)."""
    return _HASHES.sub(lambda found: found[0] * 2, text)


def literal_with_time(text: str) -> str:
    """The same where tmux runs strftime(3) first, as it does on the command of `pipe-pane`."""
    return literal(text.replace("%", "%%"))


def append_to(file: Path) -> str:
    """The `pipe-pane` command that appends the pane's output to `file`, for any path."""
    return literal_with_time(f"umask 077; exec cat >> {shlex.quote(str(file))}")

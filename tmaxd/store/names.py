"""What namespaces and keys may be called, and where the keys with a prefix end."""

from __future__ import annotations

import re
from typing import Final

WORKERS: Final = "worker"
"""The namespace that shows the fleet's workers; nobody writes there."""

MAX_NAMESPACE: Final = 100
"""Characters. With `NAMESPACE` the same as in the spec (`tmaxd.spec.values`); a test holds the two together."""

MAX_KEY: Final = 512
"""Bytes of UTF-8."""

_PART = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
NAMESPACE: Final = re.compile(rf"{_PART}(?:/{_PART})*")

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_LAST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def namespace_problem(ns: str) -> str | None:
    """What is wrong with the name; None: nothing."""
    if len(ns) > MAX_NAMESPACE:
        return f"a namespace has at most {MAX_NAMESPACE} characters, this one {len(ns)}"
    if not NAMESPACE.fullmatch(ns):
        return (
            f"`{ns}` is no namespace: lower case, digits and dashes, parts with `/` between them,"
            " such as notes or team/plans"
        )
    return None


def key_problem(key: str) -> str | None:
    """Likewise."""
    if not key:
        return "a key cannot be empty"
    if _CONTROL.search(key):
        return "a key has no control characters"
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "a key is text that has a UTF-8 form"
    if size > MAX_KEY:
        return (
            f"a key has at most {MAX_KEY} bytes, this one {size}: put what is long into the value"
        )
    return None


def readable(ns: str, key: str) -> str | None:
    """What is wrong with a place to read."""
    return namespace_problem(ns) or key_problem(key)


def writable(ns: str, key: str) -> str | None:
    """What is wrong with a place to write."""
    return namespace_problem(ns) or key_problem(key)


def read_only(ns: str) -> bool:
    """It is the fleet's own, or below it."""
    return ns == WORKERS or ns.startswith(WORKERS + "/")


def end_of(prefix: str) -> str | None:
    """The first text after all that begin with `prefix`, by code points (which is also the order of their UTF-8); None:
    there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < _LAST:
            following = last + 1
            return prefix[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)
        prefix = prefix[:-1]
    return None

"""The environment that a daemon gets which is started from here, and by which its spec is read beforehand."""

from __future__ import annotations

import os

from tmaxd.nested import outside


def surroundings() -> dict[str, str]:
    return outside(os.environ)

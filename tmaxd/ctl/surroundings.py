"""The environment that a daemon gets which is started from here, and by which its spec is read beforehand."""

from __future__ import annotations

import os

WORKER_MARKS = frozenset(
    {
        "TMAX_FLEET",
        "TMAX_GROUP",
        "TMAX_PIPES",
        "TMAX_RUN",
        "TMAX_SPOOL",
        "TMAX_TASKS",
        "TMAX_WINDOW",
        "TMAX_WORKER",
    }
)
"""What a worker has in its environment. A daemon started from inside one must not count as part of it, or it would
end with that worker. Elsewhere TMAX_FLEET is the user's, and a spec may name its fleet by it."""


def surroundings() -> dict[str, str]:
    if "TMAX_RUN" not in os.environ:
        return dict(os.environ)
    return {key: value for key, value in os.environ.items() if key not in WORKER_MARKS}

"""A daemon that is started from inside a worker, of another fleet perhaps: it is nobody's worker, and must not carry
the marks of one."""

from __future__ import annotations

from collections.abc import Mapping

WORKER_MARKS = frozenset(
    {
        "TMAX_FLEET",
        "TMAX_GROUP",
        "TMAX_OWNER",
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


def is_inside(env: Mapping[str, str]) -> bool:
    """This is the environment of a worker's process."""
    return "TMAX_RUN" in env


def outside(env: Mapping[str, str]) -> dict[str, str]:
    """The environment as it would be outside of any worker."""
    if not is_inside(env):
        return dict(env)
    return {key: value for key, value in env.items() if key not in WORKER_MARKS}

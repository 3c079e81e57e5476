"""The workers that we ship, with handlers that do what the payload says: `scripted` as a plain function, as a coroutine
and as a command. Of its payloads `sleep SECONDS`, `gate FILE` (until there is such a file) and any other (which is the
result) mean the same in all three."""

from __future__ import annotations

from tests.worker.door import Door, python, runner
from tests.worker.scripted import __file__ as SCRIPTED

COMMAND = """\
case $1 in
  sleep*) eval "exec $1" ;;
  gate*) until [[ -e ${1#gate } ]]; do sleep 0.01; done ;;
esac
printf %s "$1"
"""

KINDS = ("sync", "async", "runner")


def start(door: Door, kind: str, window: int = 4, **env: str) -> Door:
    argv = (
        runner("bash", "-c", COMMAND, "command", "{payload}")
        if kind == "runner"
        else python(SCRIPTED, kind)
    )
    door.start(argv, {"TMAX_WINDOW": str(window), **env})
    return door

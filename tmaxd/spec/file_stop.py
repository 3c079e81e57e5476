"""The file format, `stop`: how a worker is stopped."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tmaxd.spec.file_types import Keystroke, help_of
from tmaxd.spec.supervision import Signal
from tmaxd.spec.units import Duration
from tmaxd.spec.values import Deadline


class StopKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a worker is stopped: it ends the tasks it has (`drain`), keys are typed into its terminal if there are any,
    the signal goes to its whole process tree (with SIGHUP for each process that ignores it), and SIGKILL to what is
    left. `after` is between each two of these steps."""

    signal: Annotated[
        Signal | UnsetType | None,
        help_of(
            "The signal. A process that ignores it, as interactive shells ignore TERM, gets SIGHUP with it, as when "
            "its terminal hangs up. One that handles it gets nothing else, and has its full time.",
            "TERM",
            "INT",
            default="TERM",
        ),
    ] = UNSET
    keys: Annotated[
        Keystroke | Annotated[tuple[Keystroke, ...], Meta(max_length=100)] | UnsetType | None,
        help_of(
            "What is typed into the terminal first, for programs that listen to keys and not to signals: the names "
            "that tmux has for keys (`C-c`, `Enter`, `Escape`), or text. Default: nothing.",
            "C-c",
            ["/exit", "Enter"],
        ),
    ] = UNSET
    after: Annotated[
        Duration | UnsetType | None,
        help_of(
            "How long each step may take before the next: keys, signal, SIGKILL.",
            "10s",
            "500ms",
            default="10s",
        ),
    ] = UNSET
    drain: Annotated[
        Deadline | UnsetType | None,
        help_of(
            "How long a worker that is to be stopped may go on with the tasks it has (`serve` and `task`). Then it is "
            "stopped all the same, and the tasks go to others. `never`: they take as long as they take.",
            "5m",
            "0s",
            default="never",
        ),
    ] = UNSET

"""What `/proc` says about processes, read directly (proc(5)).

psutil is not used here: it rounds the start time to a float of seconds where identity needs the exact
ticks, and a walk with it over all processes took five times as long (36 ms against 7 for 330).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from tmaxd.ports import Unknown

_KERNEL_THREAD = 0x00200000
"""`PF_KTHREAD` of field 9, flags; the same since Linux 2.6."""
_STAT_SIZE = 1024
"""A stat line is about 300 bytes; the name in it has at most 64."""
_ENVIRON_SIZE = 32 * 1024
_ENVIRON_LIMIT = 2 * 1024 * 1024
"""No more of an environment is searched: the kernel lets argv and environment together have a quarter
of the stack limit, 2 MiB by default (execve(2))."""


class Stat(NamedTuple):
    """The fields of `/proc/PID/stat` that identity and descent need."""

    pid: int
    parent: int
    session: int
    start: int
    """Clock ticks since boot."""
    alive: bool
    """False for a zombie. A leader that ended before its other threads looks like one but is none."""
    kernel: bool
    image: bytes
    """Where the environment lies in memory: another place after each exec. b"0" where we may not know."""
    ticks: int = 0
    """Clock ticks of processor time, all its threads, and its children that it has waited for."""
    pages: int = 0
    """Resident set size."""


def parse_stat(line: bytes) -> Stat:
    """The name (field 2) may hold blanks and parentheses, so fields are counted from the last `)`."""
    head, _, tail = line.rpartition(b")")
    fields = tail.split(None, 22)
    bounds = tail.rsplit(None, 3)  # …, environment start, its end, exit code: fields 50 to 52
    return Stat(
        pid=int(head[: head.index(b" ")]),
        parent=int(fields[1]),
        session=int(fields[3]),
        start=int(fields[19]),
        alive=fields[0] not in b"ZXx" or int(fields[17]) > 1,
        kernel=bool(int(fields[6]) & _KERNEL_THREAD),
        image=bounds[1] + bounds[2] if bounds[1] != b"0" else b"0",
        ticks=int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14]),
        pages=int(fields[21]),
    )


def read_stat(pid: int) -> Stat | None:
    """None: there is no such process. Raises `Unknown` when that cannot be told."""
    try:
        line = _read(f"/proc/{pid}/stat", _STAT_SIZE)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError as error:
        raise Unknown(f"cannot read /proc/{pid}/stat: {error.strerror}") from error
    return parse_stat(line) if line else None


def read_all_stats(
    between: Callable[[], None] = lambda: None, but: Collection[int] = ()
) -> list[Stat]:
    """Every process that the listing shows; those that end meanwhile are left out, and those of the numbers in
    `but`. `between` is called after each. Raises `Unknown` when the listing cannot be had whole, which a
    missing entry of our own shows (`/proc` of another namespace, or none at all)."""
    try:
        pids = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError as error:
        raise Unknown(f"cannot list /proc: {error.strerror}") from error
    if str(os.getpid()) not in pids:
        raise Unknown("/proc does not list this process: it shows other processes than ours")
    stats: list[Stat] = []
    for pid in pids:
        if but and int(pid) in but:
            continue
        try:
            line = _read(f"/proc/{pid}/stat", _STAT_SIZE)
        except (FileNotFoundError, ProcessLookupError):
            continue
        except OSError as error:
            raise Unknown(f"cannot read /proc/{pid}/stat: {error.strerror}") from error
        if line:
            stats.append(parse_stat(line))
        between()
    return stats


def read_mark(pid: int, name: bytes) -> bytes | None:
    """The value of a variable in the environment that the process was started with. None without it, and
    for a process that is gone or not ours to read (normal: other users, setuid programs)."""
    return read_marks(pid, (name,))[0]


def read_marks(pid: int, names: Sequence[bytes]) -> tuple[bytes | None, ...]:
    """The same for several, read at one instant."""
    try:
        text = _read(f"/proc/{pid}/environ", _ENVIRON_SIZE)
    except OSError:
        text = b""
    return tuple(_value(text, name + b"=") for name in names)


def _value(text: bytes, key: bytes) -> bytes | None:
    if text.startswith(key):
        at = len(key)
    else:
        at = text.find(b"\0" + key) + len(key) + 1
        if at <= len(key):
            return None
    end = text.find(b"\0", at)
    return text[at:] if end < 0 else text[at:end]


def ignored_signals(pid: int) -> int:
    """Bit n-1 stands for signal n; 0 for a process that is gone."""
    try:
        text = _read(f"/proc/{pid}/status", _ENVIRON_SIZE)
    except OSError:
        return 0
    _, _, rest = text.partition(b"\nSigIgn:")
    return int(rest.split(None, 1)[0], 16) if rest else 0


def killed_by(pid: int, start: int) -> int | None:
    """The signal that ended this process, told by the zombie that it still is; else None. Its exit code, field
    52, is the last and in the form of wait(2); the kernel shows 0 to whom it must not know."""
    try:
        line = _read(f"/proc/{pid}/stat", _STAT_SIZE)
    except OSError:
        return None
    fields = line.rpartition(b")")[2].split()
    if len(fields) < 50 or fields[0] != b"Z" or int(fields[19]) != start:
        return None
    return int(fields[-1]) & 0x7F or None


def last_pid() -> bytes:
    """The number given to the newest process or thread: while it stays, nothing has been forked."""
    try:
        return _read("/proc/loadavg", 128).split()[-1]
    except OSError as error:
        raise Unknown(f"cannot read /proc/loadavg: {error.strerror}") from error


def boot_id() -> str:
    """Other after each boot, the same for all containers of a host."""
    try:
        return _read("/proc/sys/kernel/random/boot_id", 64).decode().strip()
    except OSError as error:
        raise Unknown(f"cannot read the boot id: {error.strerror}") from error


def _read(path: str, size: int) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(fd, size)
        while len(data) == size < _ENVIRON_LIMIT:  # only an environment can be longer
            size = _ENVIRON_LIMIT
            data += os.read(fd, size - len(data))
        return data
    finally:
        os.close(fd)

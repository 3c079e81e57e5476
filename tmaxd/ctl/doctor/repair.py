"""The repairs that are safe to make without asking: each looks again right before, and does nothing where what it finds
is not what was judged."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from tmaxd.ctl.doctor.finding import Finding, Linger, MakeFolder, RemoveSocket, Repair, TakeAway
from tmaxd.ctl.doctor.reading.files import sock


class Refused(Exception):
    """It was not done; the text says why."""


def make(repair: Repair) -> str:
    """What was done, in words. Raises `Refused`."""
    try:
        match repair:
            case MakeFolder(path):
                return _folder(path)
            case TakeAway(path, bits):
                return _mode(path, bits)
            case RemoveSocket(path, lock):
                return _socket(Path(path), lock)
            case Linger():
                return _linger()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Refused(f"{where}{error.strerror or error}") from error


def all_of(findings: list[Finding]) -> list[tuple[Finding, bool, str]]:
    """(finding, done, what was done or why not) of all that can be repaired. A fleet's own folders come before what
    lies in them, as they were found."""
    said: list[tuple[Finding, bool, str]] = []
    for finding in findings:
        if finding.repair is None:
            continue
        try:
            said.append((finding, True, make(finding.repair)))
        except Refused as refusal:
            said.append((finding, False, str(refusal)))
    return said


def _folder(path: str) -> str:
    os.mkdir(path, 0o700)
    return f"made {path} (mode 0700)"


def _mode(path: str, bits: int) -> str:
    """By a descriptor, so that nobody can put a link there between the look and the change."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        info = os.fstat(fd)
        if info.st_uid != os.geteuid():
            raise Refused(f"{path} belongs to uid {info.st_uid} by now")
        before = stat.S_IMODE(info.st_mode)
        os.fchmod(fd, before & ~bits)
    finally:
        os.close(fd)
    return f"changed the mode of {path} from {before:04o} to {before & ~bits:04o}"


def _socket(path: Path, lock: str) -> str:
    """Under the fleet's lock: no daemon can start and bind it anew meanwhile."""
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"a daemon has started meanwhile, which holds {lock}") from None
        state = sock(path, gently=True)
        if state == "missing":
            return f"{path} is gone by itself"
        if state != "dead":
            raise Refused(f"somebody listens on {path} by now")
        path.unlink()
    finally:
        os.close(fd)
    return f"removed {path}"


def _linger() -> str:
    # Imported late: subprocess, which most repairs do without.
    from tmaxd.ctl.doctor.reading.programs import ask

    status, _, err = ask("loginctl", "enable-linger")
    if status:
        raise Refused(f"loginctl enable-linger: {err or f'exit status {status}'}")
    return "loginctl enable-linger"

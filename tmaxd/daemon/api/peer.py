"""Who is at the other end of a unix socket: the kernel's word, not the client's."""

from __future__ import annotations

import socket
import struct
from collections.abc import Set as AbstractSet
from typing import Protocol

_UCRED = struct.Struct("3i")
"""`struct ucred`: pid, uid, gid (unix(7), SO_PEERCRED)."""


class Connection(Protocol):
    """As much of a socket as is needed; asyncio hands out a wrapper of its own."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes: ...


def peer_uid(connection: Connection) -> int | None:
    """The peer's user id when it connected; None when the kernel does not say."""
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    except OSError:
        return None
    uid: int = _UCRED.unpack(raw)[1]
    return uid


def may_enter(uid: int | None, owners: AbstractSet[int]) -> bool:
    return uid is not None and uid in owners

"""Env files as they are read from disk: only those that nobody else can read or write; and the key of their seals.

A seal (HMAC, RFC 2104) stands for the values wherever something is stored or shown. Without the key nobody can find a
short password by sealing all that there are; the key never leaves its file, `seal.key` beside the fleets' folders.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tmaxd.ports import WorldError
from tmaxd.spec.env_file import parse_env
from tmaxd.spec.problems import Problem
from tmaxd.spec.source import MAX_FILE_BYTES, Broken, open_source
from tmaxd.world.folders import PRIVATE

KEY_BYTES = 32
SEAL_LENGTH = 32
"""Hex digits: 128 bits."""


class EnvFiles:
    """The spec's `Keeper`. `folder` holds the key, and is made with it when the first seal is asked for; None: for
    checks only, whose seals nobody keeps."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._key: bytes | None = None

    def read(self, path: Path) -> bytes:
        return read_secret(path)

    def seal(self, data: bytes) -> str:
        """Raises OSError when the key cannot be read or made."""
        if self._key is None:
            self._key = _key(self._folder) if self._folder else secrets.token_bytes(KEY_BYTES)
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()[:SEAL_LENGTH]


def read_secret(path: Path) -> bytes:
    """A regular file, links followed, that belongs to us or root, that others can neither read nor write, and that only
    our own group may write. Raises OSError with the reason; the content is then not read. One byte more than a file of
    the spec may have is read at most."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(fd, "rb") as file:
        reason = unsafe(os.fstat(fd), os.geteuid(), os.getegid())
        if reason is not None:
            raise OSError(reason)
        return file.read(MAX_FILE_BYTES + 1)


def unsafe(there: os.stat_result, uid: int, gid: int) -> str | None:
    """Why a file with secrets is not taken; None where it is."""
    mode = stat.S_IMODE(there.st_mode)
    if not stat.S_ISREG(there.st_mode):
        return "it is not a regular file"
    if there.st_uid not in (0, uid):
        return f"it belongs to uid {there.st_uid}, who could change it; we are uid {uid}"
    if mode & stat.S_IRWXO:
        return (
            f"it is open to others (mode {mode:04o}), and it may hold secrets; run `chmod o= FILE`"
        )
    if mode & stat.S_IWGRP and there.st_gid != gid:
        return f"the group {there.st_gid} can write it (mode {mode:04o}); run `chmod g-w FILE`"
    return None


def read_variables(paths: Sequence[str]) -> dict[str, str]:
    """The variables of all files, later ones over earlier ones, as the loader of the spec reads them. Raises WorldError
    that names file and line, and no value."""
    variables: dict[str, str] = {}
    for name in paths:
        problems: list[Problem] = []
        path = Path(name)
        try:
            source = open_source(name, path, read_secret(path), secret=True)
        except OSError as error:
            raise WorldError(
                f"the env_file {name} cannot be read: {error.strerror or error}"
            ) from error
        except Broken as error:
            raise WorldError(_told(error.problem)) from error
        variables |= parse_env(source, "env_file", problems.append)
        if problems:
            raise WorldError(_told(problems[0]))
    return variables


def _told(problem: Problem) -> str:
    return f"the env_file {problem.file} is wrong in line {problem.line}: {problem.message}"


def _key(folder: Path) -> bytes:
    path = folder / "seal.key"
    try:
        with suppress(FileNotFoundError):
            return _read_key(path)
        folder.mkdir(PRIVATE, parents=True, exist_ok=True)
        _make_key(path)
        return _read_key(path)
    except OSError as error:
        raise OSError(
            f"the key {path}, by which changes of env files are known, cannot be used: "
            f"{error.strerror or error}. If the file is broken, remove it: workers with an env_file are then "
            f"replaced once"
        ) from error


def _read_key(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        there = os.fstat(fd)
        # A key that somebody else has chosen keeps nothing secret.
        if there.st_uid != os.geteuid() or stat.S_IMODE(there.st_mode) & 0o077:
            raise OSError("it is not ours alone (it must be mode 0600)")
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        raise OSError(f"it does not have {KEY_BYTES} bytes")
    return key


def _make_key(path: Path) -> None:
    """Whole or not at all: daemons of two fleets may do this at once, and the first one's key holds."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()

"""The tmux program: where it is, how it is called for one fleet, and one call of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tmaxd.ports import WorldError
from tmaxd.world.tmux.channel import Lost


class Limits(msgspec.Struct, frozen=True):
    """What workers inherit through the tmux server where the daemon has changed it for itself."""

    umask: int = -1
    """-1: as this process has it."""
    open_files: int | None = None
    """Soft RLIMIT_NOFILE; None: as this process has it. A raised one breaks programs that use select(2)."""

    @property
    def prefix(self) -> tuple[str, ...]:
        """What a command is put behind to have the limit from its first instant: prlimit(1) of util-linux."""
        if self.open_files is None:
            return ()
        program = shutil.which("prlimit")
        return () if program is None else (program, f"--nofile={self.open_files}:")


AS_WE_ARE = Limits()


class Tool(msgspec.Struct, frozen=True):
    """How tmux is called for one fleet."""

    path: str
    socket: Path
    environment: Mapping[str, str]
    limits: Limits = AS_WE_ARE

    @classmethod
    def find(cls, socket: Path, environment: Mapping[str, str], limits: Limits = AS_WE_ARE) -> Tool:
        """Raises WorldError when there is no tmux on the environment's PATH."""
        path = shutil.which("tmux", path=environment.get("PATH"))
        if path is None:
            raise WorldError(
                f"tmux was not found on PATH ({environment.get('PATH', 'not set')}), so no worker can be "
                "started; install tmux 3.2 or later"
            )
        # A daemon started inside tmux must not point its workers at that other server.
        clean = {k: v for k, v in environment.items() if k not in ("TMUX", "TMUX_PANE")}
        return cls(path, socket, clean, limits)

    def argv(self, *more: str) -> list[str]:
        """`-u`: without it tmux replaces what is not ASCII by `_` in every answer. The options do not come
        from a file: they are set by each client that attaches (`options.py`), and this keeps the user's
        own file out."""
        return [self.path, "-u", "-S", str(self.socket), "-f", "/dev/null", *more]

    async def call(self, limit: float, *argv: str) -> tuple[int, str]:
        """Run it once, for its exit status and what it says on standard error. Raises `Lost` after `limit`
        seconds. Its output is not read: a client hands that pipe on to the server, and while the server hangs
        it has no end even when the client is dead."""
        process = await asyncio.create_subprocess_exec(
            *self.limits.prefix,
            *self.argv(*argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=dict(self.environment),
            cwd="/",
            umask=self.limits.umask,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(limit):
                _, said = await process.communicate()
        except TimeoutError:
            raise Lost(f"tmux gave no answer within {limit:.1f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, said.decode(errors="replace").strip()


def says_no_server(said: str) -> bool:
    """Whether tmux's own complaint means that nobody listens on the socket (client.c of 3.2 to 3.6)."""
    return "no server running on" in said or (
        "error connecting to" in said and "No such file or directory" in said
    )

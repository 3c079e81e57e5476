"""What the dispatcher wants done once its records are on disk: frames, files, lines, answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from tmaxd.daemon.log import EventLog
from tmaxd.daemon.runs import Runs
from tmaxd.ports import Files, JournalError, Pipes, WorldError
from tmaxd.tasks.events import (
    Accepted,
    Control,
    Denied,
    DenyReason,
    Effect,
    Ended,
    Forgotten,
    Publish,
    Send,
    SendShared,
    Spool,
    TakeBack,
    Unspool,
    Verdict,
    Verdicts,
)
from tmaxd.tasks.records import Purged

Judged = Sequence[tuple[int, Verdict]]


class SubmitDenied(Exception):
    """Nothing of a submit was taken."""

    def __init__(self, reason: DenyReason, message: str) -> None:
        super().__init__(message)
        self.reason: DenyReason = reason
        self.message = message


class Effects:
    """Performs effects in order."""

    def __init__(
        self,
        pipes: Pipes,
        runs: Runs,
        log: EventLog,
        files: Files,
    ) -> None:
        self._pipes = pipes
        self._runs = runs
        self._log = log
        self._files = files
        self._submits: dict[int, asyncio.Future[Accepted]] = {}
        self._judgements: dict[int, asyncio.Future[Judged]] = {}
        self._purges: dict[int, asyncio.Future[Purged]] = {}
        self.on_ended: Callable[[Ended], None] = lambda _: None
        self.on_take_back: Callable[[str], None] = lambda _: None
        """Told the group."""
        self.trouble: str | None = None
        """Why a payload file cannot be written at the moment."""

    def submitted(self, token: int) -> asyncio.Future[Accepted]:
        """The answer to come; SubmitDenied where it is a refusal."""
        future = self._submits[token] = asyncio.get_running_loop().create_future()
        return future

    def judged(self, token: int) -> asyncio.Future[Judged]:
        future = self._judgements[token] = asyncio.get_running_loop().create_future()
        return future

    def forgotten(self, token: int) -> asyncio.Future[Purged]:
        """The answer to come; JournalError where the disk refused."""
        future = self._purges[token] = asyncio.get_running_loop().create_future()
        return future

    def perform(self, effects: Sequence[Effect]) -> tuple[Spool, Sequence[Effect]] | None:
        """In order. Stops at a payload file that cannot be written now, or is missing and has its payload only in the
        journal, and returns it with the effects that come after it."""
        for index, effect in enumerate(effects):
            match effect:
                case Send():
                    self._send(effect, "tasks")
                case SendShared():
                    self._send_shared(effect)
                case Ended():
                    self.on_ended(effect)
                case Spool():
                    if not self._spooled(effect):
                        return effect, effects[index + 1 :]
                case _:
                    self._rarer(effect)
        return None

    def _rarer(self, effect: Effect) -> None:
        match effect:
            case Accepted() | Denied():
                self._answer(effect)
            case Control():
                self._send(effect, "control")
            case TakeBack():
                self.on_take_back(effect.group)
            case Publish():
                self._pipes.publish(effect.outbox, effect.lines)
            case Verdicts():
                future = self._judgements.pop(effect.token, None)
                if future is not None and not future.done():
                    future.set_result(effect.tasks)
            case Forgotten():
                self._forgot(effect)
            case Unspool():
                self.unspool(effect)

    def _forgot(self, effect: Forgotten) -> None:
        future = self._purges.pop(effect.token, None)
        if future is None or future.done():
            return
        if effect.purged is not None:
            future.set_result(effect.purged)
        else:
            future.set_exception(JournalError(effect.trouble))

    def _spooled(self, effect: Spool) -> bool:
        if effect.payload is not None:
            return self.spool(effect, effect.payload)
        try:
            return self._files.has_payload(effect.path)
        except OSError:
            return False

    def spool(self, effect: Spool, payload: str) -> bool:
        """Whether the file stands now; else `trouble` says why not."""
        try:
            self._files.write_payload(effect.path, payload)
        except OSError as error:
            why = (
                f"{effect.path}: the payload file of task {effect.id} cannot be written: "
                f"{error.strerror or error}; trying again every second, and what follows waits for it"
            )
            if self.trouble != why:
                self._log.error("payload_file_trouble", task=effect.id, text=f"  {why}")
            self.trouble = why
            return False
        if self.trouble is not None:
            self._log.info("payload_file_written", task=effect.id)
        self.trouble = None
        return True

    def unspool(self, effect: Unspool) -> None:
        try:
            self._files.remove_payload(effect.path)
        except OSError as error:
            self._log.error("payload_file_trouble", task=effect.id, text=f"  {error}")

    def _send(self, effect: Send | Control, pipe: Literal["tasks", "control"]) -> None:
        live = self._runs.live.get(effect.worker)
        if live is None or live.run != effect.run or live.life != effect.life or not live.alive:
            return
        try:
            self._pipes.send(effect.worker, pipe, effect.data)
        except (OSError, WorldError) as error:
            # The lease stays; a worker that cannot be reached is replaced or adopted anew.
            self._log.error("send_failed", worker=effect.worker, text=str(error))

    def _send_shared(self, effect: SendShared) -> None:
        try:
            self._pipes.send_shared(effect.group, effect.data)
        except (OSError, WorldError) as error:
            # The leases stay; what is not in the FIFO is missed when it is taken back.
            self._log.error("send_failed", group=effect.group, text=str(error))

    def _answer(self, effect: Accepted | Denied) -> None:
        future = self._submits.pop(effect.token, None)
        if future is None or future.done():
            return
        if isinstance(effect, Accepted):
            future.set_result(effect)
        else:
            future.set_exception(SubmitDenied(effect.reason, effect.message))

"""Who submits: one thread that feeds the API and an inbox FIFO, and knows of each task what it was promised.

*Accepted* is a task whose id came back, and an inbox line that was consumed by a daemon which acknowledged a later
submit (what it reads goes to disk in order). A submit whose answer was lost with its daemon is *uncertain*: each of
its tasks is in the books once, or not at all. With a key it is simply submitted again.
"""

from __future__ import annotations

import fcntl
import os
import random
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from tests.soak.client import Client, Gone, Json, NotThere, Refused
from tests.soak.field import Field
from tests.soak.promises import Promises
from tests.soak.spec import JOBS, SHAKY, SPARE

T = TypeVar("T")

STEP = 0.005
WEIGHTS = {
    "ok": 700,
    "nap": 260,
    "long": 10,
    "big": 10,
    "once": 10,
    "later": 10,
    "doomed": 4,
    "moody": 10,
}
"""Kinds of `worker.KINDS` in batches; the others come alone (`RARE`), since each holds up its worker."""
RARE, RARELY = ("stuck", "poison"), 0.02
GROUPS = {"sync": 40, "aio": 32, "pull": 16, "cmd": 6, SPARE: 4, SHAKY: 2}
ACCEPTABLE = {"journal", "unknown_group"}
"""Reasons for which the daemon may refuse what is submitted here."""
JOBS_AT_ONCE = 8
BATCH = 256
TRICKLE = 100.0
"""Tasks a second where enough are accepted: something shall be under way at every stroke."""
BUSY = 800.0
"""Tasks a second for `Field.busy`: more than its workers can do."""
FLOODS, FLOOD = 0.01, 1000
"""After how many of the batches a flood begins, and its tasks."""
LINES = 40
"""Lines in a write to the inbox: one piece must not have more than 4096 bytes (PIPE_BUF)."""
KEYED = 20
"""Tasks of a submit with keys."""
CANCELLED, RECENT = 5, 50
"""How many are cancelled at once, and of the latest how many they are chosen from."""


class Load:
    """A thread that submits about `rate` tasks a second, in batches and now and then in a flood, until as many are
    accepted as are due; then less, until more are due or it is closed."""

    def __init__(self, field: Field, seed: int, rate: float) -> None:
        self.promises = Promises()
        self.due = 0
        self.error: BaseException | None = None
        self._field = field
        self._client = Client(field.fleet.places.api_socket)
        self._dice = random.Random(f"load {seed}")
        self._rate = rate
        self._flood = 0
        """Tasks to be submitted without a pause."""
        self._closing = threading.Event()
        self._unproven: list[tuple[int, list[int]]] = []
        """Inbox lines that were consumed: in which life of the daemon, and their serials."""
        self._thread = threading.Thread(target=self._run, name="load")
        self._thread.start()

    def check(self) -> None:
        """Raises what ended the thread, if something did."""
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Nothing is under way when this returns."""
        self._closing.set()
        self._thread.join()

    # -------------------------------------------------------------------------------- the thread

    def _run(self) -> None:
        ways = {self._batch: 78, self._feed_inbox: 10, self._keyed: 6, self._cancel: 6}
        try:
            while not self._closing.is_set():
                before = len(self.promises.payloads)
                (way,) = self._dice.choices(list(ways), list(ways.values()))
                way()
                self._pace(len(self.promises.payloads) - before)
        except BaseException as error:  # noqa: BLE001  the main thread raises it
            self.error = error
        finally:
            for _, serials in self._unproven:
                self.promises.uncertain.update(serials)

    def _pace(self, submitted: int) -> None:
        if self._field.busy is not None:
            self._closing.wait(submitted / BUSY)
        elif self.promises.accepted >= self.due:
            self._closing.wait(submitted / TRICKLE)
        elif self._flood > 0:
            self._flood -= submitted
        else:
            self._flood = FLOOD if self._dice.random() < FLOODS else 0
            self._closing.wait(submitted / self._rate * 2 * self._dice.random())

    def _asked(self, request: Callable[[], T]) -> T | None:
        """The answer; None when the daemon went away over it, did not confirm it, or the thread ends. A daemon that
        is not there is waited for. Raises Refused where nothing was done."""
        while not self._closing.is_set():
            try:
                return request()
            except NotThere:
                self._closing.wait(STEP)
            except Gone:
                break
            except Refused as refusal:
                if refusal.error not in ACCEPTABLE:
                    raise AssertionError(f"refused: {refusal}") from refusal
                self._closing.wait(STEP)
                if refusal.sure:
                    raise
                break
        return None

    # ---------------------------------------------------------------------------------- the API

    def _batch(self) -> None:
        dice = self._dice
        (group,) = dice.choices(list(GROUPS), list(GROUPS.values()))
        group = self._field.busy or group
        if dice.random() < RARELY:
            kinds = [dice.choice(RARE)]
        else:
            size = max(1, int(BATCH ** dice.random() * GROUPS[group] / 36))
            kinds = dice.choices(list(WEIGHTS), list(WEIGHTS.values()), k=size)
            if group == JOBS:
                kinds = [*kinds[:JOBS_AT_ONCE], "nap"]
            if group == SHAKY:
                kinds = ["moody"] * len(kinds)
        serials = [self.promises.new(kind) for kind in kinds]
        options = self._options()
        if "expires" in options:
            self.promises.expiring.update(serials)
        life = self._field.life
        tasks: list[str | Json] = [self.promises.payloads[serial] for serial in serials]
        try:
            answer = self._asked(lambda: self._client.submit(group, tasks, options))
        except Refused as refusal:
            if group != SPARE and refusal.error != "journal":
                raise
            self.promises.refused += len(serials)
            return
        if answer is None:
            self.promises.uncertain.update(serials)
            return
        ids = [first + n for first, count in answer["ranges"] for n in range(count)]
        assert len(ids) == len(serials), f"{len(serials)} submitted, {len(ids)} accepted"
        self.promises.ids.update(zip(serials, ids, strict=True))
        if self._field.life == life:
            self._prove(life)

    def _options(self) -> Json:
        dice = self._dice
        number = dice.random()
        if number < 0.15:
            return {"priority": dice.randint(-3, 3)}
        if number < 0.23:
            return {"after": round(dice.random(), 3)}
        if number < 0.27:
            return {"expires": round(dice.random(), 3)}
        return {}

    def _keyed(self) -> None:
        """Again until it is answered; and now and then once more after that, which must add nothing."""
        serials = [self.promises.new(kind) for kind in ("ok", "nap") for _ in range(KEYED // 2)]
        tasks: list[str | Json] = [
            {"payload": self.promises.payloads[serial], "key": f"key-{serial}"}
            for serial in serials
        ]
        answered = False
        while not self._closing.is_set():
            answer = None
            with suppress(Refused):
                answer = self._asked(lambda: self._client.submit("sync", tasks, {}))
            if answer is None:
                continue
            known = len(answer["existing"])
            assert answer["accepted"] + known == KEYED, f"{KEYED} submitted with keys: {answer}"
            assert not answered or known == KEYED, f"submitted again with the same keys: {answer}"
            answered = True
            if self._dice.random() < 0.7:
                break
        (self.promises.taken if answered else self.promises.uncertain).update(serials)

    def _cancel(self) -> None:
        recent = list(self.promises.ids.values())[-RECENT:]
        chosen = self._dice.sample(recent, min(CANCELLED, len(recent)))
        self.promises.cancelled.update(dict.fromkeys(chosen, ""))
        with suppress(Refused):
            self.promises.cancelled.update(self._asked(lambda: self._client.cancel(chosen)) or {})

    # ---------------------------------------------------------------------------------- the inbox

    def _feed_inbox(self) -> None:
        kinds = self._dice.choices(("ok", "nap", "once"), (20, 2, 1), k=LINES)
        life = self._field.life
        try:
            fd = os.open(self._field.inbox, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            self._closing.wait(STEP)  # no daemon holds it
            return
        try:
            serials = [self.promises.new(kind) for kind in kinds]
            lines = "".join(self.promises.payloads[serial] + "\n" for serial in serials)
            written = os.write(fd, lines.encode())
            assert written == len(lines), "a write of less than PIPE_BUF bytes was split"
            self._unproven.append((life if self._emptied(fd, life) else -1, serials))
        except (BlockingIOError, BrokenPipeError):
            self.promises.uncertain.update(serials)
        finally:
            os.close(fd)

    def _emptied(self, fd: int, life: int) -> bool:
        """The daemon of this life has read everything."""
        end = time.monotonic() + 5
        while self._field.life == life and time.monotonic() < end:
            (held,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))
            if held == 0:
                return self._field.life == life
            self._closing.wait(0.001)
        return False

    def _prove(self, life: int) -> None:
        """A submit that was made later than these lines were consumed has been acknowledged."""
        for where, serials in self._unproven:
            known = self.promises.taken if where == life else self.promises.uncertain
            known.update(serials)
        self._unproven.clear()

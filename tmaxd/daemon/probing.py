"""Which runs are ready and which still work: their groups' checks, each asked when it is due.

One thing at a time for each run: until it is ready its readiness, then its health. What is found is put into the
`LiveRun`, from where the planner and status have it; what follows from it is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from tmaxd.daemon.alarms import Alarms
from tmaxd.daemon.listening import LOOK, Listening
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.questions import asked, failed, kind, question, readiness
from tmaxd.daemon.runs import LiveRun, ready_record
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.daemon.watched import Watched
from tmaxd.plan import gauge as g
from tmaxd.plan.draft import split
from tmaxd.ports import Clock, Unknown
from tmaxd.ports.outputs import BEGINNING, Mark, Outputs
from tmaxd.ports.probes import Answer, Exec, Probes
from tmaxd.spec.model import Group, Spec
from tmaxd.spec.supervision import Health, Ready

AT_ONCE = 32
"""Questions under way; others wait for their turn. Enough that a few which hang do not hold up a fleet, and not more
commands than a small machine can start in a moment (1 to 2 ms each)."""

UNREADABLE = 1.0
"""Seconds until a log that could not be read is tried again."""


class Probing:
    """One a daemon, in the event loop's thread."""

    def __init__(
        self,
        *,
        probes: Probes,
        outputs: Outputs,
        flow: TaskFlow,
        clock: Clock,
        log: EventLog,
        wake: Callable[[], None],
        environment: Callable[[str, Group], Mapping[str, str]],
        clean: Callable[[], Awaitable[None]],
    ) -> None:
        """`environment`: of a worker, what it has beyond what all workers start from. `clean`: returns when nothing is
        left of the commands of an earlier daemon."""
        self._probes = probes
        self._outputs = outputs
        self._flow = flow
        self._clock = clock
        self._log = log
        self._wake = wake
        self._environment = environment
        self._clean = clean
        self.logged: Callable[[str], bool] = lambda _: True
        """Whether the worker's output is being copied to its log, as far as is known."""
        self._groups: Mapping[str, Group] = {}
        self._watches: dict[str, Watched] = {}
        """By run id."""
        self._alarms: Alarms[Watched] = Alarms(clock, self._turn)
        self._room = asyncio.Semaphore(AT_ONCE)

    # ------------------------------------------------------------------------------- what is told

    def apply(self, spec: Spec) -> None:
        """This spec is in force: its checks are those that count from now on."""
        self._groups = spec.workers
        for watch in list(self._watches.values()):
            group = self._groups.get(split(watch.live.worker)[0])
            if group is not None and watch.settle(group):
                self._hush(watch)
                self._go_on(watch)
                self._wake()

    def output_begins(self, worker: str) -> Mark:
        """For a run that is about to start: where its output will begin."""
        try:
            return self._outputs.end(worker)
        except Unknown:
            return BEGINNING

    def follow(self, live: LiveRun) -> None:
        """A run has begun, or was adopted."""
        group = self._groups.get(split(live.worker)[0])
        if group is None:  # it is about to be stopped, and nothing more is asked of it
            if not live.takes_tasks:
                live.ready_at = live.started
        elif live.run not in self._watches:
            watch = self._watches[live.run] = Watched(live, group, passed=readiness(group) is None)
            watch.settle(group)
            self._go_on(watch)

    def said(self, live: LiveRun) -> None:
        """It has said `ready`; again, where its program began anew."""
        watch = self._watches.get(live.run)
        if watch is None and not live.ready:
            live.ready_at = self._clock.now()  # no check of its group is known
        elif watch is not None and not live.ready and self._go_on(watch):
            return
        self._flow.note(ready_record(live))
        if live.ready:
            tell = self._log.info_unless(live.revived)
            tell("ready", worker=live.worker, how="frame", window=live.window)
            self._flow.ready(live)
        self._wake()

    def forget(self, live: LiveRun) -> None:
        """The run is to end, or has ended."""
        watch = self._watches.pop(live.run, None)
        if watch is not None:
            self._hush(watch)

    def tend(self) -> None:
        """Do whatever is due by now; its own timer does that, too."""
        self._alarms.tend()

    def close(self) -> None:
        for watch in self._watches.values():
            self._hush(watch)
        self._watches.clear()
        self._alarms.close()

    def _hush(self, watch: Watched) -> None:
        self._alarms.clear(watch)
        if watch.asking is not None:
            watch.asking.cancel()
            watch.asking = None

    # --------------------------------------------------------------------------- what is asked when

    def _go_on(self, watch: Watched) -> bool:
        """With whatever is next for the run. True: it has become ready."""
        live, now = watch.live, self._clock.now()
        if turns_ready := (
            live.ready_at is None and watch.passed and (live.said or not live.takes_tasks)
        ):
            self._is_ready(watch, now)
        if watch.asking is None:  # else its answer leads on
            self._set_next(watch, now)
        return turns_ready

    def _set_next(self, watch: Watched, now: float) -> None:
        live = watch.live
        if live.ready_at is None:
            if watch.check is not None and not watch.passed:
                alive = watch.check.alive
                self._alarms.set(watch, now if alive is None else live.started + alive)
        elif watch.health is not None:
            self._alarms.set(watch, max(live.ready_at + watch.health.delay, now))

    def _turn(self, watch: Watched) -> None:
        check = watch.health if watch.live.ready else watch.check
        if not watch.live.alive or not watch.can_ask(check):
            return
        if isinstance(check, Ready):
            self._ask_ready(watch, check)
        elif isinstance(check, Health):
            self._ask_health(watch, check)

    def _ask_ready(self, watch: Watched, check: Ready) -> None:
        if check.alive is not None:
            self._passed(watch)
        elif check.output is not None:
            self._listen(watch, check.output)
        else:
            watch.asking = asyncio.ensure_future(self._asked(watch, check))

    def _ask_health(self, watch: Watched, check: Health) -> None:
        if check.output is not None:
            self._listen_for_silence(watch, check, check.output)
        elif check.heartbeat is not None:
            self._listen_for_silence(watch, check, check.heartbeat)
        else:
            watch.asking = asyncio.ensure_future(self._asked(watch, check))

    async def _asked(self, watch: Watched, check: Ready | Health) -> None:
        async with self._room:
            begun = self._clock.now()
            answer = await self._answer(watch, check)
        # Nothing is waited for from here on, so what is true of the watch stays true.
        watch.asking = None
        if not watch.live.alive:
            return
        if isinstance(check, Ready):
            self._answered_ready(watch, check, answer, begun)
        else:
            self._alarms.set(watch, g.next_try(begun, self._clock.now(), check.every))
            self._count(watch, check, answer, check.failures, check.successes)

    async def _answer(self, watch: Watched, check: Ready | Health) -> Answer:
        try:
            place = watch.born or watch.group
            what = question(check, self._environment(watch.live.worker, place), place.cwd)
            if isinstance(what, Exec):
                await self._clean()
            return await self._probes.ask(what, check.timeout)
        except Exception as error:  # noqa: BLE001  # a bug must not end the asking
            return Answer(False, f"cannot be asked: {error!r}")

    # ---------------------------------------------------------------------------------- readiness

    def _answered_ready(self, watch: Watched, check: Ready, answer: Answer, begun: float) -> None:
        watch.tries += 1
        if answer.good:
            self._passed(watch)
            return
        watch.live.probe = failed(check, answer)
        now = self._clock.now()
        self._alarms.set(watch, g.next_early_try(begun, now, check.every, watch.tries))

    def _listen(self, watch: Watched, pattern: str) -> None:
        live = watch.live
        if watch.listening is None:
            watch.listening = Listening(self._outputs, live.worker, live.begins, pattern)
        wait = LOOK
        try:
            if watch.listening.heard():
                self._passed(watch)
                return
            live.probe = f"no line of its output matches {pattern}"
            if watch.listening.last:
                live.probe += f"; its last line: {watch.listening.last}"
        except Unknown as error:
            live.probe, wait = str(error), UNREADABLE
        self._alarms.set(watch, self._clock.now() + (0.0 if watch.listening.more else wait))

    def _passed(self, watch: Watched) -> None:
        watch.passed, watch.live.probe, watch.listening = True, "", None
        self._go_on(watch)

    def _is_ready(self, watch: Watched, now: float) -> None:
        live = watch.live
        if watch.check is None and not live.takes_tasks:
            live.ready_at = live.started  # by being there: nothing that is worth a word
            return
        live.ready_at = now
        self._flow.note(ready_record(live))
        tell = self._log.info_unless(live.revived)
        tell(
            "ready",
            worker=live.worker,
            how="frame" if watch.check is None else kind(watch.check),
            after=round(now - live.started, 3),
            window=live.window if live.takes_tasks else None,
        )
        if live.takes_tasks:
            self._flow.ready(live)
        self._wake()

    # ------------------------------------------------------------------------------------- health

    def _listen_for_silence(self, watch: Watched, check: Health, allowed: float) -> None:
        now, mark, sure = self._clock.now(), *self._heard(watch, check)
        silence = watch.silence
        if silence is None or not sure:
            silence = g.Silence(mark, now)
        silence = watch.silence = g.listened(silence, mark, now)
        self._alarms.set(watch, g.next_look(silence, allowed, check.every, now))
        if sure:
            quiet = g.too_long(silence, allowed, now)
            answer = Answer(not quiet, f"nothing for {now - silence.at:.3g} s")
            self._count(watch, check, answer, 1, 1)

    def _heard(self, watch: Watched, check: Health) -> tuple[object, bool]:
        """(what is another thing as soon as something more has come, whether that can be told): a log that nothing
        is copied to says nothing about the worker."""
        live = watch.live
        if check.heartbeat is not None:
            return (self._flow.last_heard(live.run), live.heard), True
        try:
            return self._outputs.end(live.worker), self.logged(live.worker)
        except Unknown:
            return None, False

    def _count(
        self, watch: Watched, check: Health, answer: Answer, failures: int, successes: int
    ) -> None:
        live, before = watch.live, watch.gauge
        after = watch.gauge = g.counted(before, answer.good, failures, successes)
        if not answer.good:
            live.probe = failed(check, answer)
            if before.healthy is not False and before.row == 0:
                self._log.warning(
                    "probe_failed", worker=live.worker, probe=kind(check), text=f"  {live.probe}"
                )
        elif after.healthy:
            live.probe = ""
        if after.healthy is before.healthy:
            return
        live.healthy, live.healthy_since = after.healthy, self._clock.now()
        if after.healthy is False:
            self._log.warning(
                "unhealthy", worker=live.worker, probe=kind(check), text=f"  {live.probe}"
            )
        elif before.healthy is False:
            self._log.info("healthy", worker=live.worker, probe=kind(check), how=asked(check))
        self._wake()

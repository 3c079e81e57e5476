"""A small world for the planner's properties: tmux, processes, FIFOs, dispatcher and daemon, as values.

It shows the planner what the daemon's observer would show, and does what its executor would do; the faults are
in `plan_faults`. It is not `tmaxd.plan.preview.World`, in which everything works at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from tests.property.plan_parts import ADDS, REMOVES, Life, Live, Proc, Session, budgets
from tmaxd.plan import actions as a
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.history import History, Sweep
from tmaxd.plan.observed import Footprint, Intent, Load, Member, Observed, Run, Seen, Usage
from tmaxd.plan.plan import Plan
from tmaxd.plan.wanted import Wanted, WantedGroup

TOLD = (a.Rest, a.Release, a.MassDeath, a.Revived, a.Approve, a.RollBack, a.MemoryNote)
"""Nothing in the world changes by these in itself."""

BASE = 10
"""Bytes that a run uses when nothing is said of it."""


@dataclass
class World:
    wanted: Wanted = field(default_factory=Wanted)
    now: float = 1000.0
    history: History = field(default_factory=History)
    server: int | None = None
    servers: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)
    procs: dict[int, Proc] = field(default_factory=dict)
    live: dict[str, Live] = field(default_factory=dict)
    ended: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Run to worker and pid, until it is swept."""
    journal: dict[str, Live] = field(default_factory=dict)
    """Runs whose end is not recorded."""
    lives: dict[str, Life] = field(default_factory=dict)
    current: dict[str, str] = field(default_factory=dict)
    holds: set[str] = field(default_factory=set)
    pipes: set[str] = field(default_factory=set)
    inboxes: set[str] = field(default_factory=set)
    outboxes: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    down: bool = False
    intents: dict[str, Intent] = field(default_factory=dict)
    """They and what is approved outlive the daemon."""
    approved: dict[str, tuple[WantedGroup, bool]] = field(default_factory=dict)
    """What each group was when it was approved, and whether it shared its FIFO."""
    blind: bool = False
    """Process trees cannot be read."""
    broken: set[str] = field(default_factory=set)
    """Groups whose starts fail."""
    takers: set[str] = field(default_factory=set)
    """Runs that were started to take tasks."""
    sharers: dict[str, str] = field(default_factory=dict)
    """Of these, those that read their group's FIFO: run to group."""
    sluggish: bool = False
    """New runs do not say that they are ready."""
    used: dict[str, int] = field(default_factory=dict)
    """Run to the bytes that it uses, where it is more than `BASE`."""
    slopes: dict[str, float] = field(default_factory=dict)
    free: int = 10_000
    usage: Usage | None = None
    """The last sample."""
    kept: dict[str, int] = field(default_factory=dict)
    """Run to the least that any sample said of it since it was ready."""
    serial: int = 0

    def next(self) -> int:
        self.serial += 1
        return self.serial

    def want(self, wanted: Wanted) -> None:
        """Another spec; what was approved of its groups is not in it, and what had failed may be tried again."""
        groups = {name: self._judged(name, group) for name, group in wanted.groups.items()}
        self.wanted = msgspec.structs.replace(wanted, groups=groups)

    def _judged(self, name: str, group: WantedGroup) -> WantedGroup:
        known = self.approved.get(name)
        fingerprint = known[0].fingerprint if known else ""
        return msgspec.structs.replace(group, approved=fingerprint, failed="")

    # ------------------------------------------------------------------------------- what is seen

    def observe(self) -> Observed:
        for worker, intent in list(self.intents.items()):
            live = self.live.get(worker)
            if intent.restart and live is not None and live.run != intent.restart:
                self.intents[worker] = msgspec.structs.replace(intent, restart="", force=False)
        failed, self.failed = self.failed, {}
        return Observed(
            server=self.server is not None,
            seen=self._seen(),
            runs={worker: self._as_run(live) for worker, live in self.live.items()},
            loads={
                worker: Load(
                    life.tasks, worker in self.holds, life.overdue, life.silent, life.ended
                )
                for worker, run in self.current.items()
                if (life := self.lives[run])
            },
            trees={} if self.blind else self._trees(),
            pipes=frozenset(self.pipes),
            inboxes=frozenset(self.inboxes),
            outboxes=frozenset(self.outboxes),
            shared=frozenset(self.shared),
            failed=failed,
            down=self.down,
            intents={w: intent for w, intent in self.intents.items() if intent != Intent()},
            usage=self.usage,
        )

    def _seen(self) -> dict[str, Seen]:
        found: dict[str, Session] = {}
        for session in self.sessions.values():
            live = self.live.get(session.worker)
            first = session.worker not in found
            if session.worker and (first or (live is not None and live.run == session.run)):
                found[session.worker] = session
        return {worker: self._as_seen(session) for worker, session in found.items()}

    def _as_seen(self, s: Session) -> Seen:
        live = self.live.get(s.worker)
        lives = not s.dead and s.pid in self.procs
        ours = live is None or live.run != s.run or live.pid == s.pid
        group = self.wanted.groups.get(split(s.worker)[0])
        drifted = group is not None and group.fingerprint != s.fingerprint
        return Seen(
            session_id=s.id,
            session=s.name,
            pane_id=f"%{s.id}",
            run=s.run,
            alive=lives and ours,
            replaced=lives and not ours,
            status=1 if s.dead and s.told else None,
            drift=("env",) if drifted else (),
            piped=s.piped,
            attached=s.attached,
        )

    def _as_run(self, live: Live) -> Run:
        return Run(
            run=live.run,
            alive=live.pid in self.procs,
            started=live.started,
            ready=live.ready or not live.takes_tasks,
            ready_at=live.ready_at,
            healthy=live.healthy,
            healthy_since=live.healthy_since,
            adopted=live.adopted,
            cut_off=live.cut_off,
            here=live.server == self.server,
        )

    def tree(self, run: str) -> frozenset[Member]:
        leaders = {live.pid for live in self.live.values() if live.run == run}
        leaders |= {self.ended[run][1]} if run in self.ended else set()
        return frozenset(
            Member(p.pid, 1) for p in self.procs.values() if p.run == run or p.pid in leaders
        )

    def _trees(self) -> dict[str, frozenset[Member]]:
        stopping = {s.stopping.run for s in self.history.slots.values() if s.stopping}
        return {run: self.tree(run) for run in stopping | set(self.history.sweeps)}

    # ------------------------------------------------------------------------------- what is done

    def perform(self, made: Plan, most: int | None = None) -> None:
        """The actions of a pass in order, or (a daemon that dies) the first of them."""
        self.history = made.history
        for action in made.actions[:most]:
            self._perform(action)
        for action in made.actions[:most]:  # another spec is wanted from the next pass on
            if isinstance(action, a.Approve):
                self._approve(action.worker, action.fingerprint)
            elif isinstance(action, a.RollBack):
                self._roll_back(action.worker, action.fingerprint)

    def _perform(self, action: a.AnyAction) -> None:
        worker = action.worker
        match action:
            case a.Start():
                self._start(action)
            case a.Take():
                self._take(action)
            case a.Adopt():
                self._adopt(worker, action.run)
            case a.Signal():
                for member in action.members:
                    self.kill(member.pid, action.signal)
            case a.End():
                live = self.live.pop(worker)
                self.ended[action.run] = (worker, live.pid)
                self.journal.pop(action.run, None)
            case a.Swept():
                self._swept(worker, action.run)
            case a.Hold() | a.Stop():
                held = not isinstance(action, a.Hold) or action.held
                (self.holds.add if held else self.holds.discard)(worker)
            case _:
                self._small(action)

    def _approve(self, name: str, fingerprint: str) -> None:
        group = self.wanted.groups[name]
        assert group.fingerprint == fingerprint
        self.approved[name] = group, name in self.wanted.shared
        self._want_group(name, msgspec.structs.replace(group, approved=fingerprint))

    def _roll_back(self, name: str, failed: str) -> None:
        group, shared = self.approved[name]
        count, before = self.wanted.groups[name].count, group.fingerprint
        assert before not in (failed, "")
        group = msgspec.structs.replace(group, count=count, approved=before, failed=failed)
        self._want_group(name, group)
        now = self.wanted.shared - {name} | ({name} if shared else set())
        self.wanted = msgspec.structs.replace(self.wanted, shared=now)

    def _want_group(self, name: str, group: WantedGroup) -> None:
        groups = {**self.wanted.groups, name: group}
        self.wanted = msgspec.structs.replace(self.wanted, groups=groups)

    def _small(self, action: a.AnyAction) -> None:
        if isinstance(action, TOLD):
            return
        if isinstance(action, a.RemoveShared):
            assert not self.readers(action.worker), "the FIFO that they read from is removed"
        if type(action) in ADDS:
            getattr(self, ADDS[type(action)]).add(action.worker)
        elif type(action) in REMOVES:
            getattr(self, REMOVES[type(action)]).discard(action.worker)
        else:
            self._tmux(action)

    def _tmux(self, action: a.AnyAction) -> None:
        match action:
            case a.RemoveSession():
                self.remove_session(action.session_id)
            case a.Rename():
                if action.worker not in {s.name for s in self.sessions.values()}:
                    self.sessions[action.session_id].name = action.worker
            case a.LogTo():
                self.sessions[action.pane_id[1:]].piped = True
            case a.Nudge():
                for session in self.sessions.values():
                    session.told = session.told or session.mute == 1
            case _:
                raise AssertionError(f"no hand for {action}")

    def _start(self, action: a.Start) -> None:
        worker = action.worker
        if action.group in self.broken:
            self.failed[worker] = "broken"
            return
        if self.server is None:
            self.servers = self.server = self.servers + 1
        session = self.sessions.get((action.pane_id or "")[1:])
        if session is None and worker in {s.name for s in self.sessions.values()}:
            self.failed[worker] = "duplicate session"
            return
        takes = self.wanted.groups[action.group].takes_tasks
        serial = self.next()
        run, pid = f"r{serial}", serial
        self.procs[pid] = Proc(pid, run)
        if session is None:
            session = Session(f"${serial}", worker, worker, run, action.fingerprint, pid)
            self.sessions[session.id] = session
        else:
            old, session.pid = session.pid, pid
            self.kill(old, "HUP")
        session.run, session.fingerprint, session.dead = run, action.fingerprint, False
        if takes:
            self.takers.add(run)
            self.pipes.add(worker)
        if action.group in self.wanted.shared:
            assert action.group in self.shared, "started without the FIFO that it is to read"
            self.sharers[run] = action.group
        self._register(Live(run, worker, pid, self.server, self.now, takes))
        self.holds.discard(worker)

    def _take(self, action: a.Take) -> None:
        """The registry's part is a new value: a daemon that dies here has only told tmux and moved the FIFOs."""
        worker, spare = action.worker, action.spare
        if action.former is not None:
            self.remove_session(action.former)
        session = self.sessions[action.session_id]
        assert session.run == action.run
        session.worker = worker
        if worker not in {s.name for s in self.sessions.values()}:
            session.name = worker
        live = self.live.pop(spare)
        assert (live.run, worker in self.live) == (action.run, False)
        ready_at = None if live.ready_at is None else self.now
        live = replace(live, worker=worker, started=self.now, ready_at=ready_at)
        if spare in self.pipes:
            self.pipes.discard(spare)
            self.pipes.add(worker)
        self.holds.discard(worker)
        self._register(live)
        if live.ready and live.adopted and not self._unswept(worker):
            self._begin(live)

    def _register(self, live: Live) -> None:
        self.live[live.worker] = live
        self.journal[live.run] = live

    def _adopt(self, worker: str, run: str) -> None:
        live = self.live.get(worker)
        session = next(s for s in self.sessions.values() if (s.worker, s.run) == (worker, run))
        if live is None:
            assert self.server is not None
            takes = run in self.takers
            live = Live(run, worker, session.pid, self.server, self.now, takes)
            self._register(live)
        live.adopted = True
        if live.ready:
            self._begin(live)

    def _begin(self, live: Live) -> None:
        if is_spare(live.worker):
            return  # the dispatcher is not told
        self.current[live.worker] = live.run
        self.lives.setdefault(live.run, Life(live.worker))

    def _swept(self, worker: str, run: str) -> None:
        self.ended.pop(run, None)
        if self.current.get(worker) == run:
            del self.current[worker]
            self.holds.discard(worker)
        self.lives.pop(run, None)
        live = self.live.get(worker)
        if live is not None and live.ready and not self._unswept(worker):
            self._begin(live)

    def _unswept(self, worker: str) -> bool:
        return any(owner == worker for owner, _ in self.ended.values())

    def readers(self, group: str) -> set[str]:
        """Runs that the daemon can know of, of which a process may have the group's FIFO open."""
        known = {live.run for live in self.live.values()} | set(self.ended)
        known |= {session.run for session in self.sessions.values()}
        return {run for run in known if self.sharers.get(run) == group and self.tree(run)}

    # ------------------------------------------------------------------- what happens by itself

    def say_ready(self) -> None:
        """Every new run that takes tasks says so, and what is checked is found to be healthy."""
        for live in self.live.values():
            group = self.wanted.groups.get(split(live.worker)[0])
            if group is not None and group.checked and live.healthy is None:
                live.healthy, live.healthy_since = True, self.now
            if live.takes_tasks and not live.ready and live.adopted and live.pid in self.procs:
                live.ready, live.ready_at = True, self.now
                if not self._unswept(live.worker):
                    self._begin(live)

    def sample(self) -> None:
        """Memory is measured; of a run that lives, but for those that vanish meanwhile."""
        number = 1 if self.usage is None else self.usage.number + 1
        found = {}
        for worker, live in self.live.items():
            if live.pid in self.procs:
                size = self.used.get(live.run, BASE)
                found[worker] = Footprint(live.run, size, self.slopes.get(live.run))
                if live.ready or not live.takes_tasks:
                    self.kept[live.run] = min(size, self.kept.get(live.run, size))
        total = sum(footprint.bytes for footprint in found.values())
        self.usage = Usage(number=number, at=self.now, workers=found, fleet=total, free=self.free)

    def finish_tasks(self) -> bool:
        """False: none was in hand."""
        before = sum(life.ended for life in self.lives.values())
        for run, life in self.lives.items():
            live = self.live.get(life.worker)
            works = live is not None and live.run == run and live.pid in self.procs
            if works and not life.hung and live is not None and not live.cut_off:
                life.ended += life.tasks
                life.tasks = 0
        return before != sum(life.ended for life in self.lives.values())

    def kill(self, pid: int, signal: str) -> None:
        proc = self.procs.get(pid)
        if proc is None or signal in proc.ignores:
            return
        del self.procs[pid]
        for session in self.sessions.values():
            if session.pid == pid:
                session.dead, session.told = True, session.mute == 0

    def remove_session(self, session_id: str) -> None:
        session = self.sessions.pop(session_id, None)
        if session is not None:
            self.kill(session.pid, "HUP")

    def restart_daemon(self, journal: dict[str, Live]) -> None:
        """A new daemon begins with what the journal holds, as `daemon/start.py` takes it up."""
        self.live, self.ended, self.current, self.holds = {}, {}, {}, set()
        self.failed, self.blind = {}, False
        self.journal = {run: replace(live, adopted=False) for run, live in journal.items()}
        sweeps: dict[str, Sweep] = {}
        for live in sorted(self.journal.values(), key=lambda record: record.started):
            older = self.live.get(live.worker)
            if older is not None:
                self._sweep(older.run, older.worker, sweeps)
            self.live[live.worker] = live
        living = {live.run for live in self.live.values()}
        self.lives = {run: life for run, life in self.lives.items() if life.tasks}
        for run, life in self.lives.items():
            if run not in living and run not in sweeps:
                self._sweep(run, life.worker, sweeps)
        self.history = History(sweeps=sweeps, slots=budgets(self.history.slots))

    def _sweep(self, run: str, worker: str, sweeps: dict[str, Sweep]) -> None:
        self.ended[run] = (worker, 0)
        sweeps[run] = Sweep(worker=worker, since=self.now)

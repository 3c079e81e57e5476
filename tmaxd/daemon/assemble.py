"""A daemon from its ports: which part gets which. The same for the real ones and for the fakes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from tmaxd.daemon.budgets import Budgets
from tmaxd.daemon.containing import Containing
from tmaxd.daemon.desired import TAKEN, Desired
from tmaxd.daemon.effects import Effects
from tmaxd.daemon.environment import beside, mark_of_probes, of_hooks
from tmaxd.daemon.events import Events
from tmaxd.daemon.execute import Executor
from tmaxd.daemon.fifos import Fifos
from tmaxd.daemon.flags import Flags
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.hearing import Hearing
from tmaxd.daemon.hooks import Hooks
from tmaxd.daemon.intents import Intents
from tmaxd.daemon.kept import Unreadable
from tmaxd.daemon.leftovers import Leftovers
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.observe import Look, Observer
from tmaxd.daemon.probing import Probing
from tmaxd.daemon.revisions import Revisions
from tmaxd.daemon.runs import Runs
from tmaxd.daemon.sampling import Sampling
from tmaxd.daemon.specfile import SpecFile
from tmaxd.daemon.start import deaths, take_up
from tmaxd.daemon.starting import Starter
from tmaxd.daemon.storing import Storing
from tmaxd.daemon.taking import Taking
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.daemon.texts import with_payloads
from tmaxd.daemon.turns import Turns
from tmaxd.daemon.waiters import Waiters
from tmaxd.daemon.waker import Waker
from tmaxd.daemon.wanted import policies
from tmaxd.places import Places
from tmaxd.plan.draft import is_spare, split
from tmaxd.ports import Clock, Files, Journal, Pipes, Processes, Recovered, Tmux, WorldError
from tmaxd.ports.containment import Containment
from tmaxd.ports.footprints import Footprints
from tmaxd.ports.outputs import Outputs
from tmaxd.ports.probes import Probes
from tmaxd.spec.limits import Memory
from tmaxd.spec.load import Loaded, Rejected
from tmaxd.spec.problems import render
from tmaxd.tasks.dispatcher import Dispatcher
from tmaxd.tasks.events import Counts, Restored
from tmaxd.tasks.records import Record

if TYPE_CHECKING:
    from tmaxd.ports.store import Store


@dataclass(frozen=True)
class Ports:
    tmux: Tmux
    pipes: Pipes
    processes: Processes
    journal: Journal
    store: Callable[[], Store]
    """Makes the memory store's port, when it is first used."""
    files: Files
    probes: Probes
    outputs: Outputs
    footprints: Footprints
    containment: Containment
    clock: Clock
    waker: Waker
    path: str
    """PATH of the workers, where the spec does not set it."""
    owner: str
    """The mark that all processes of this fleet carry, and those of no other."""
    new_run_id: Callable[[], str]
    """Unique on this machine: it is the mark by which processes of a run are known."""
    housekeeping: Callable[[Look], None]


def assemble(
    spec_file: SpecFile,
    found: Loaded | Rejected,
    here: Places,
    ports: Ports,
    recovered: Recovered,
    log: EventLog,
) -> tuple[Fleet, Waiters]:
    """Everything but the API and the file watch, with what an earlier daemon left taken up."""
    try:
        return _assemble(spec_file, found, here, ports, recovered, log)
    except Unreadable as error:
        raise WorldError(error.advice(here.database)) from error


def _assemble(
    spec_file: SpecFile,
    found: Loaded | Rejected,
    here: Places,
    ports: Ports,
    recovered: Recovered,
    log: EventLog,
) -> tuple[Fleet, Waiters]:
    runs, history = take_up(recovered, ports.processes, ports.clock)
    waiters = Waiters(ports.journal)
    flow = _task_flow(here, ports, recovered, runs, waiters, log)
    clean = Leftovers(ports.processes, mark_of_probes(here), log).gone
    probing = Probing(
        probes=ports.probes,
        outputs=ports.outputs,
        flow=flow,
        clock=ports.clock,
        log=log,
        wake=ports.waker.wake,
        environment=partial(beside, here, spec_file.fleet, files=ports.files),
        clean=clean,
    )
    containing = Containing(ports.containment, runs, log)
    storing = Storing(ports.store, spec_file, ports.files, ports.clock, log)
    executor = _executor(
        spec_file.fleet, here, ports, flow, probing, containing, runs, log, storing
    )
    executor.taking.tidy()
    for live in runs.live.values():
        executor.starter.watch(live)
    revisions = Revisions(recovered.kept, flow.note)
    intents = Intents(recovered.kept, flow.note, ports.waker.wake)
    budgets = Budgets(recovered.kept, flow.note, ports.clock)
    cwd = str(spec_file.path.parent)
    hooks = Hooks(ports.probes, log, of_hooks(here, spec_file.fleet), cwd, clean)
    events = _events(ports, recovered, log)
    events.listeners.append(hooks.take)
    desired = Desired(
        spec_file=spec_file,
        intents=intents,
        flags=Flags(recovered.kept, flow.note, ports.clock, log),
        revisions=revisions,
        flow=flow,
        pipes=ports.pipes,
        probing=probing,
        hooks=hooks,
        runs=runs,
        clock=ports.clock,
        log=log,
        wake=ports.waker.wake,
    )
    sampling = _sampling(ports, desired, containing, runs, log)
    fleet = Fleet(
        desired=desired,
        sampling=sampling,
        tmux=ports.tmux,
        pipes=ports.pipes,
        journal=ports.journal,
        observer=Observer(
            spec_file.fleet,
            ports.tmux,
            ports.processes,
            ports.pipes,
            executor.fifos,
            runs,
            flow.loads,
            intents,
            containing,
            lambda: sampling.usage,
        ),
        executor=executor,
        flow=flow,
        runs=runs,
        clock=ports.clock,
        log=log,
        events=events,
        history=msgspec.structs.replace(history, slots=budgets.slots),
        budgets=budgets,
        waker=ports.waker,
        housekeeping=ports.housekeeping,
        storing=storing,
    )
    probing.logged = fleet.is_logged
    _begin_with(fleet, found, recovered)
    flow.post(Counts(recovered.counts, recovered.lanes, recovered.next_due, recovered.next_expiry))
    left = tuple(
        (worker, split(worker)[0], run) for worker, run in runs.all() if not is_spare(worker)
    )
    in_force = spec_file.in_force
    rules = policies(in_force.spec) if in_force else {}
    leases = with_payloads(recovered.leases, rules, ports.files, str(here.payloads))
    flow.post(Restored(leases, left, deaths(recovered)))
    # Last: what stands in them is only read once all this has been told.
    executor.fifos.take_over(in_force.spec.pipes.outboxes.keys() if in_force else frozenset())
    return fleet, waiters


def _events(ports: Ports, recovered: Recovered, log: EventLog) -> Events:
    def write(records: Sequence[Record]) -> None:
        # What cannot be written is not worth a complaint of its own: the journal says why.
        asyncio.ensure_future(ports.journal.write(records)).add_done_callback(
            lambda write: write.cancelled() or write.exception()
        )

    events = Events(recovered.next_event, ports.clock, write)
    log.tell = events.take
    return events


def _sampling(
    ports: Ports, desired: Desired, containing: Containing, runs: Runs, log: EventLog
) -> Sampling:
    def interval() -> float:
        in_force = desired.spec_file.in_force
        return float(in_force.spec.memory.sample) if in_force else float(Memory().sample)

    return Sampling(
        footprints=ports.footprints,
        runs=runs,
        clock=ports.clock,
        log=log,
        wake=ports.waker.wake,
        wanted=lambda: desired.wanted,
        interval=interval,
        server=lambda: containing.server,
    )


def _task_flow(
    here: Places,
    ports: Ports,
    recovered: Recovered,
    runs: Runs,
    waiters: Waiters,
    log: EventLog,
) -> TaskFlow:
    dispatcher = Dispatcher(str(here.payloads), recovered.next_id, recovered.next_send)
    effects = Effects(ports.pipes, runs, log, ports.files)
    effects.on_ended = waiters.ended
    wake = ports.waker.wake
    turns = Turns(dispatcher, ports.journal, effects, ports.clock, log, wake)
    return TaskFlow(dispatcher, turns, ports.pipes, runs, effects, ports.files, ports.clock)


def _executor(
    fleet: str,
    here: Places,
    ports: Ports,
    flow: TaskFlow,
    probing: Probing,
    containing: Containing,
    runs: Runs,
    log: EventLog,
    storing: Storing,
) -> Executor:
    wake = ports.waker.wake
    hearing = Hearing(ports.pipes, runs, flow, log, wake, probing.said, storing)
    taking = Taking(
        places=here,
        tmux=ports.tmux,
        pipes=ports.pipes,
        flow=flow,
        hearing=hearing,
        probing=probing,
        runs=runs,
        clock=ports.clock,
        log=log,
    )
    starter = Starter(
        fleet=fleet,
        places=here,
        tmux=ports.tmux,
        pipes=ports.pipes,
        processes=ports.processes,
        files=ports.files,
        flow=flow,
        hearing=hearing,
        probing=probing,
        containing=containing,
        runs=runs,
        clock=ports.clock,
        log=log,
        new_run_id=ports.new_run_id,
        wake=wake,
        path=ports.path,
        owner=ports.owner,
    )
    return Executor(
        places=here,
        tmux=ports.tmux,
        fifos=Fifos(ports.pipes),
        processes=ports.processes,
        flow=flow,
        hearing=hearing,
        probing=probing,
        containing=containing,
        runs=runs,
        clock=ports.clock,
        log=log,
        starter=starter,
        taking=taking,
    )


def _begin_with(fleet: Fleet, found: Loaded | Rejected, recovered: Recovered) -> None:
    """The revision that an earlier daemon had in force, then the file as it is now."""
    if recovered.revision is not None:
        try:
            fleet.desired.spec_file.recall(recovered.revision, recovered.kept.get(TAKEN))
        except ValueError as error:
            fleet.log.warning("revision_unreadable", text=f"  {error}")
    if isinstance(found, Rejected):
        if fleet.desired.spec_file.in_force is None:
            raise WorldError(
                "the spec is not valid, and there is no earlier revision to go on with:\n"
                + "\n".join(render(problem) for problem in found.problems)
            )
        fleet.desired.apply(record=False)
        fleet.desired.refuse(found)
        return
    if fleet.desired.must_wait(found):
        fleet.desired.apply(record=False)
        fleet.desired.wait(found)
        return
    changed, keys = fleet.desired.spec_file.accept(found, fleet.clock.wall())
    fleet.desired.apply(keys, record=changed)

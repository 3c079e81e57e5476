"""All findings about everything that was seen, the gravest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tmaxd.ctl.doctor.finding import LEVELS, Finding
from tmaxd.ctl.doctor.judging.clock import clock
from tmaxd.ctl.doctor.judging.containment import containment
from tmaxd.ctl.doctor.judging.disks import disks
from tmaxd.ctl.doctor.judging.fleets import fleets
from tmaxd.ctl.doctor.judging.folders import folders
from tmaxd.ctl.doctor.judging.limits import limits
from tmaxd.ctl.doctor.judging.machine import machine
from tmaxd.ctl.doctor.judging.services import services
from tmaxd.ctl.doctor.judging.specs import specs
from tmaxd.ctl.doctor.judging.states import states
from tmaxd.ctl.doctor.judging.tmux import tmux
from tmaxd.ctl.doctor.seen import Seen

JUDGES: tuple[Callable[[Seen], Iterator[Finding]], ...] = (
    tmux,
    machine,
    specs,
    fleets,
    folders,
    disks,
    states,
    containment,
    limits,
    services,
    clock,
)


def judge(seen: Seen) -> list[Finding]:
    found = [finding for one in JUDGES for finding in one(seen)]
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))

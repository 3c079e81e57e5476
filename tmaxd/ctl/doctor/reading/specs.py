"""The spec: what it asks of the machine, and whether its programs are there. Brings msgspec and PyYAML with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tmaxd.ctl.doctor.seen import Program, Spec
from tmaxd.ctl.spec_file import Loaded, check, fleet_named_in, reports
from tmaxd.ctl.surroundings import surroundings
from tmaxd.daemon.environment import DEFAULT_PATH
from tmaxd.spec.model import Group
from tmaxd.spec.model import Spec as Model
from tmaxd.spec.problems import Problem


def spec(path: Path) -> Spec:
    whole = str(path.absolute())
    found = check(path)
    if not isinstance(found, Loaded):
        problems = _first_lines(found.problems)
        return Spec(whole, fleet_named_in(path), problems)
    model = found.spec
    return Spec(
        path=whole,
        fleet=model.fleet,
        warnings=_first_lines(found.warnings),
        workers=sum(_most(group) for group in model.workers.values()),
        fifos=_boxes(model),
        capacity=model.pipes.capacity,
        limited=tuple(name for name, g in model.workers.items() if g.memory.high or g.memory.max),
        programs=tuple(_programs(model, path.absolute().parent)),
    )


def _first_lines(problems: tuple[Problem, ...]) -> tuple[str, ...]:
    """Each with its place."""
    return tuple(str(report["text"]).partition("\n")[0] for report in reports(problems))


def _most(group: Group) -> int:
    """Workers and spares that there may be at once."""
    surge = group.rollout.surge
    beyond = _part(surge, group.count)
    return group.count + beyond + (group.pool.size if group.pool is not None else 0)


def _part(share: int | str, of: int) -> int:
    """`2`, or `25%` of them, rounded up."""
    return share if isinstance(share, int) else -(-of * int(share.rstrip("%")) // 100)


def _boxes(model: Model) -> int:
    shared = sum(group.layout == "shared" for group in model.workers.values())
    return len(model.pipes.inboxes) + len(model.pipes.outboxes) + shared


def _programs(model: Model, home: Path) -> Iterator[Program]:
    for name, group in model.workers.items():
        path = group.env.get("PATH") or surroundings().get("PATH") or DEFAULT_PATH
        yield _found(f"group {name}", group.argv[0], path, group.cwd)
        for word, probe in (("ready", group.ready), ("health", group.health)):
            if probe is not None and probe.exec:
                yield _found(f"group {name}, {word}", probe.exec[0], path, group.cwd)
    path = surroundings().get("PATH") or DEFAULT_PATH
    for event, hooks in model.on.items():
        for hook in hooks:
            yield _found(f"hook of {event}", hook.argv[0], path, str(home))


def _found(who: str, name: str, path: str, folder: str) -> Program:
    """Looked for as execvp(3) does it, in the folder that it will be started in."""
    if not os.path.isdir(folder):
        return Program(who, name, f"its folder {folder} is not there")
    if not os.access(folder, os.X_OK):
        return Program(who, name, f"its folder {folder} may not be entered")
    if "/" in name:
        whole = os.path.join(folder, name)
        if not os.path.exists(whole):
            return Program(who, name, f"its program {whole} is not there")
        if os.path.isdir(whole) or not os.access(whole, os.X_OK):
            return Program(who, name, f"its program {whole} cannot be executed")
        return Program(who, name)
    places = os.pathsep.join(os.path.join(folder, entry) for entry in path.split(os.pathsep))
    if shutil.which(name, path=places) is None:
        return Program(who, name, f"its program {name} is nowhere on PATH ({path})")
    return Program(who, name)

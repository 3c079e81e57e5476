"""Whether what a scenario wants to see is there: expectations against a fleet's status, events and files."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from tests.e2e.fleet import Fleet, Json
from tests.scenarios.model import Events, Fields, Look, Never

Runs = Mapping[str, str | None]


def missing(fleet: Fleet, look: Look, before: Runs, first: int) -> list[str]:
    """What is not as it should be, in words; empty when all is. `before`: the runs that were remembered, `first`: the
    number of events that there were then."""
    events = fleet.events()
    found = [*_files(fleet, look), *_counts(look.events, events, first)]
    found += _in_order(look.order, events[first:])
    if look.clock is not None and abs(events[-1]["time"] - time.time() - look.clock) > 60:
        found.append(f"the daemon's clock stands at {events[-1]['time']}")
    if look.workers or look.groups or look.spec or look.same or look.other:
        status = fleet.status()
        workers = {w["name"]: w for w in status["workers"]}
        groups = {g["name"]: g for g in status["groups"]}
        for pattern, fields in look.workers.items():
            found += _each(pattern, fields, workers)
        for pattern, fields in look.groups.items():
            found += _each(pattern, fields, groups)
        found += [f"spec: {text}" for text in _differences(look.spec, status["spec"])]
        found += _runs(look, workers, before)
    return found


def _each(pattern: str, fields: Fields, there: Mapping[str, Json]) -> Iterator[str]:
    names = [name for name in there if fnmatchcase(name, pattern)]
    if not names:
        yield f"{pattern}: there is none"
    for name in names:
        for text in _differences(fields, there[name]):
            yield f"{name}: {text}"


def _differences(fields: Fields, there: Json) -> Iterator[str]:
    for key, wanted in fields.items():
        value: Any = there
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if not _fits(wanted, value):
            yield f"{key} is {value!r}, not {wanted!r}"


def _fits(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, str) and wanted.startswith("~"):
        return isinstance(value, str) and re.search(wanted[1:], value) is not None
    return bool(wanted == value)


def _runs(look: Look, workers: Mapping[str, Json], before: Runs) -> Iterator[str]:
    for patterns, same in ((look.same, True), (look.other, False)):
        for pattern in patterns:
            names = [name for name in before if fnmatchcase(name, pattern)]
            if not names:
                yield f"{pattern}: nobody was remembered"
            for name in names:
                worker = workers.get(name, {"run": None, "pid": None})
                lives = worker["pid"] is not None
                if not lives or (worker["run"] == before[name]) is not same:
                    yield f"{name}: run {worker['run']} (it was {before[name]}), pid {worker['pid']}"


def _counts(wanted: Iterable[Events], events: list[Json], first: int) -> Iterator[str]:
    for one in wanted:
        among = events[first:] if one.fresh else events
        count = sum(_is(one.match, event) for event in among)
        fits = count >= one.at_least if one.times is None else count == one.times
        if not fits:
            yield f"{count} events {one.match}"


def _is(fields: Fields, event: Json) -> bool:
    return all(_fits(wanted, event.get(key)) for key, wanted in fields.items())


def _in_order(wanted: Iterable[Fields], events: Iterable[Json]) -> Iterator[str]:
    rest = iter(events)
    for fields in wanted:
        if not any(_is(fields, event) for event in rest):
            yield f"not in this order: {fields}"
            return


def _files(fleet: Fleet, look: Look) -> Iterator[str]:
    for name, lines in look.files.items():
        file = fleet.folder / name
        there = file.read_text().splitlines() if file.exists() else []
        if there != lines:
            yield f"{name}: {there}"
    for worker, text in look.logs.items():
        log = fleet.places.logs / f"{worker}.log"
        if not log.exists() or not _fits(text, log.read_text(errors="replace")):
            yield f"{worker} has not shown {text!r}"


def broken(never: Never, events: list[Json], first: int) -> list[str]:
    """Promises that were broken at some instant after the first events, in words."""
    found: list[str] = []
    living: dict[str, set[str]] = {}
    for number, event in enumerate(events):
        kind = event["event"]
        if kind in ("started", "adopted", "ended"):
            group = living.setdefault(event["worker"].rpartition("-")[0], set())
            (group.discard if kind == "ended" else group.add)(event["worker"])
        if number < first:
            whole = {name: len(there) for name, there in living.items()}
            continue
        for name, most in never.down.items():
            down = whole[name] - len(living[name])
            if down > most:
                found.append(f"{down} of {name} were down at {event}")
        for name, most in never.alive.items():
            if len(living[name]) > most:
                found.append(f"{len(living[name])} of {name} lived at {event}")
    return found

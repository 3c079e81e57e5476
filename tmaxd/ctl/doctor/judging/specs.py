"""The spec, and the programs that it names."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from tmaxd.ctl.doctor.finding import Finding
from tmaxd.ctl.doctor.seen import Seen, Spec
from tmaxd.ctl.text import many


def specs(seen: Seen) -> Iterator[Finding]:
    if seen.spec is None:
        return
    yield _valid(seen.spec, running=seen.running)
    for program in seen.spec.programs:
        if program.trouble:
            yield Finding(
                "programs",
                "error",
                f"{program.who}: {program.trouble}",
                "it cannot be started",
                f"install {program.name}, or name it by its path in {seen.spec.path}",
            )
    if seen.spec.programs and not any(program.trouble for program in seen.spec.programs):
        yield Finding("programs", "ok", f"{many(len(seen.spec.programs), 'program')} found")


def _valid(spec: Spec, *, running: bool) -> Finding:
    fix = f"tmaxctl validate {quote(spec.path)}"
    if spec.problems:
        return Finding(
            "spec",
            "error",
            f"{spec.path} has {many(len(spec.problems), 'error')}: {spec.problems[0]}",
            "the revision in force stays in force"
            if running
            else "a daemon does not start from it",
            f"{fix} shows all of them",
        )
    if spec.warnings:
        return Finding(
            "spec",
            "note",
            f"{spec.path} is valid, with {many(len(spec.warnings), 'warning')}: {spec.warnings[0]}",
            "it is taken as it is",
            f"{fix} shows all of them",
        )
    return Finding(
        "spec", "ok", f"{spec.path} is valid: fleet {spec.fleet}, {many(spec.workers, 'worker')}"
    )

"""From a check in the spec to the question that is put to a worker, and to the words for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tmaxd.ports.probes import Answer, Exec, Http, Question, Tcp
from tmaxd.spec.model import Group
from tmaxd.spec.supervision import Health, Probe, Ready


def readiness(group: Group) -> Ready | None:
    """What a worker has to pass to be ready. Saying so by a frame is no check of ours: who takes tasks has to in any
    case."""
    ready = group.ready
    return None if ready is None or ready.frame else ready


def question(probe: Probe, env: Mapping[str, str], cwd: str) -> Question:
    if probe.exec is not None:
        return Exec(probe.exec, env, cwd)
    if probe.tcp is not None:
        return Tcp(probe.tcp)
    if probe.http is not None:
        return Http(probe.http)
    raise ValueError(f"the check {probe} asks nothing")


def kind(check: Ready | Health) -> str:
    """The key of the spec that says what is asked."""
    names = ("exec", "tcp", "http", "output", "alive", "heartbeat")
    return next((name for name in names if getattr(check, name, None) is not None), "frame")


def asked(check: Ready | Health) -> str:
    """The question in a few words."""
    name = kind(check)
    value = getattr(check, name)
    if isinstance(value, float):
        return f"{name} {value:g} s"
    return f"{name} {' '.join(value) if isinstance(value, tuple) else value}"


def failed(check: Ready | Health, answer: Answer) -> str:
    """What was asked, what came of it, and below that what the failure said itself."""
    said = f"\n{answer.output}" if answer.output else ""
    return f"{asked(check)}: {answer.why}{said}"

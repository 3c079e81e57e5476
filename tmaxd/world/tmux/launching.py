"""Starting programs: a `Launch` as a command list, and the replies back into an outcome. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tmaxd.ports import Labels, Launch, Launched, Refused
from tmaxd.world.tmux.channel import Replies, refusal
from tmaxd.world.tmux.options import COLUMNS, ROWS
from tmaxd.world.tmux.quoting import Command, CommandList, literal

_BORN = "#{session_id} #{pane_id} #{pane_pid}"


def unfit(item: Launch, missing: frozenset[str]) -> str | None:
    """Why tmux must not even be asked. `missing` holds the working directories that cannot be entered:
    tmux would silently start the program in the home directory instead."""
    if item.cwd in missing:
        return f"working directory {item.cwd} is not there or may not be entered"
    if not item.argv:
        return "there is no program to start"
    for name, value in (*item.secrets.items(), *item.env.items()):
        if not name or "=" in name:
            return f"{name!r} cannot be the name of an environment variable"
        if _unfit_text(name) or _unfit_text(value):
            return f"environment variable {name!r} holds a NUL byte or is not text"
    for text in (*item.argv, item.cwd):
        if _unfit_text(text):
            return f"{text!r} holds a NUL byte or is not text, so no program can be given it"
    return None


def create(item: Launch) -> CommandList:
    """A new session with its labels, in one list: no look can see it without them."""
    size = ("-x", str(COLUMNS), "-y", str(ROWS))
    name = ("-s", literal(item.labels.worker))
    output = ("-P", "-F", _BORN)
    birth = ("new-session", "-d", *name, *size, *_program(item, output))
    target = f"={item.labels.worker}:"
    return [birth, *_forgotten(target, item), *_labels(target, item.labels)]


def respawn(item: Launch, pane_id: str, stale: Iterable[str]) -> CommandList:
    """A new process in the pane. `stale` are the variables that an earlier `-e` has left in the session's own
    environment, from where they would come back."""
    unset = [("set-environment", "-u", "-t", pane_id, name) for name in sorted(stale)]
    birth = ("respawn-pane", "-k", "-t", pane_id, *_program(item, ()))
    tell = ("display-message", "-p", "-t", pane_id, _BORN)
    return [*unset, birth, *_forgotten(pane_id, item), *_labels(pane_id, item.labels), tell]


def session_environment(pane_id: str) -> CommandList:
    return [("show-environment", "-t", pane_id)]


def names_in(shown: Iterable[str]) -> frozenset[str]:
    """Names that `show-environment` lists. A later line of a value that has several can look like a name; to
    unset what is not there does no harm."""
    return frozenset(
        line.partition("=")[0] for line in shown if "=" in line and line[0] not in "-="
    )


def outcome(item: Launch, replies: Replies) -> Launched | Refused:
    problem = refusal(replies)
    if problem is not None:
        return Refused(problem)
    session_id, pane_id, pid = replies[0 if item.pane_id is None else -1].text.split()
    return Launched(session_id, pane_id, int(pid))


def half_made(item: Launch, replies: Replies) -> str | None:
    """Id of a session that was made but did not get its labels, so that nobody would ever own it."""
    if item.pane_id is None and refusal(replies) is not None and replies[0].ok:
        return replies[0].text.split()[0]
    return None


def _program(item: Launch, flags: Command) -> Command:
    given = {**item.secrets, **item.env}
    env = (part for name, value in given.items() for part in ("-e", f"{name}={value}"))
    # tmux hands a single word to a shell. nice(1) with no change executes it as it is, where env(1) would take a
    # word with `=` for a variable.
    argv = item.argv if len(item.argv) > 1 else ("nice", "-n", "0", "--", *item.argv)
    return ("-c", literal(item.cwd), *env, *flags, "--", *argv)


def _forgotten(target: str, item: Launch) -> CommandList:
    """The program has its secrets by now. tmux runs a list without a break, so nobody can ask for them in between."""
    names = sorted(item.secrets.keys() - item.env.keys())
    return [("set-environment", "-u", "-t", target, name) for name in names]


def _labels(target: str, labels: Labels) -> CommandList:
    pairs = (
        ("@tmax_fleet", labels.fleet),
        ("@tmax_worker", labels.worker),
        ("@tmax_run", labels.run),
        ("@tmax_spec", labels.fingerprint),
    )
    return [("set-option", "-t", target, name, value) for name, value in pairs]


def _unfit_text(text: str) -> bool:
    try:
        return b"\0" in text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return True

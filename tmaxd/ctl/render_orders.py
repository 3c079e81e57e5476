"""Orders of an operator in words: what was ordered, what it overrules, until when it holds; and who is not so far.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tmaxd.ctl.text import in_line, many

if TYPE_CHECKING:
    from tmaxd.ctl.hints import Hint

NAMED = 4
"""Workers that are named before they are counted."""

SHOWN = 10
"""Of those that are not so far."""

WELL = ("running", "idle", "busy")

ENDS = {
    "start": ("stop", "drain"),
    "stop": ("drain", "restart"),
    "drain": ("stop", "restart"),
    "restart": ("stop", "drain"),
    "resume": ("pause",),
    "unpin": ("pin",),
}
"""Which earlier orders an order ends."""

BACK = {"stop": "start", "drain": "start", "pause": "resume", "pin": "unpin"}
"""The order that takes an order back."""

HOLDS = {
    "stop": "stay down, also after a reboot,",
    "drain": "stay down after that, also after a reboot,",
    "pause": "get no new tasks",
    "pin": "are not replaced, for changes of the file or by a restart, which are marked as pending,",
}


def names(workers: Sequence[str]) -> str:
    """`check-1, check-2`, or `check-1, check-2, check-3, check-4 and 96 more`."""
    shown = ", ".join(workers[:NAMED])
    left = len(workers) - NAMED
    return f"{shown} and {left} more" if left > 0 else shown or "no workers"


def ordered(
    answer: Mapping[str, Any], before: Mapping[str, Any], hint: Hint, *, now: bool = False
) -> list[str]:
    """`answer`: the daemon's; `before`: the status that was; `now`: whether it was to wait for nobody."""
    do, workers = answer["do"], answer["workers"]
    whose = _whose(answer)
    lines = [f"ordered: {do} {whose}" + ("" if _same(answer) else f" ({names(workers)})")]
    lines += _overruled(do, workers, before)
    if do == "restart" and not now:
        lines += _pinned(workers, before, hint)
    if do in HOLDS:
        counts = " and ".join(f"`workers.{g}.count`" for g in sorted(_groups(answer)))
        file = f", or {counts} changes in the file" if do in ("stop", "drain") else ""
        who = "it " if len(workers) == 1 else "they "
        lines.append(
            f"  {who}{_number(HOLDS[do], len(workers))} until `{_back(do, answer, hint)}`{file}"
        )
    return lines


def _pinned(workers: Sequence[str], before: Mapping[str, Any], hint: Hint) -> list[str]:
    """Those for which a restart does nothing for now."""
    known = {w["name"]: w for w in before["workers"]}
    found = [w for w in workers if w in known and "pin" in known[w]["orders"]]
    if not found:
        return []
    who = f"{names(found)} {'is' if len(found) == 1 else 'are'} pinned"
    target = found[0] if len(found) == 1 else "TARGET"
    unpin, now = hint(f"unpin {target}"), hint(f"restart --now {target}")
    return [f"  {who}, and replaced after `{unpin}`, or by `{now}`"]


def scaled(group: str, count: int, before: Mapping[str, Any], hint: Hint) -> list[str]:
    known = next((g for g in before["groups"] if g["name"] == group), None)
    if known is None:
        return [f"ordered: scale {group} to {count}"]
    line = f"ordered: scale {group} {known['count']} → {count}"
    if count == known["in_file"]:
        return [f"{line}, as the file says"]
    back = hint(f"scale {group} {known['in_file']}")
    return [
        f"{line}; the file says {known['in_file']}",
        f"  it holds until `{back}`, or `workers.{group}.count` changes in the file",
    ]


def missing(answer: Mapping[str, Any], hint: Hint) -> list[str]:
    """Who is not so far, and why; what to type to know more."""
    found = answer["missing"]
    lines = []
    for worker in found[:SHOWN]:
        # Of one that runs well the reason is why it was started: about an earlier life.
        why = worker["message"] or (worker["reason"] if worker["state"] not in WELL else "")
        lines.append(
            f"  {worker['worker']}: {worker['state']}" + (f": {in_line(why)}" if why else "")
        )
    if answer["count"] > SHOWN:
        lines.append(f"  and {many(answer['count'] - SHOWN, 'worker')} more")
    if found:
        lines.append(f"  what was decided about it: {hint('why ' + found[0]['worker'])}")
    return lines


def _same(answer: Mapping[str, Any]) -> bool:
    """The targets are workers, so the line names them already."""
    return not answer["groups"] and len(answer["workers"]) <= NAMED


def _whose(answer: Mapping[str, Any]) -> str:
    named = set(answer["groups"])
    alone = [worker for worker in answer["workers"] if _group(worker) not in named]
    return ", ".join([*answer["groups"], *([names(alone)] if alone else [])])


def _group(worker: str) -> str:
    return worker.rpartition("-")[0]


def _groups(answer: Mapping[str, Any]) -> set[str]:
    return {*answer["groups"], *map(_group, answer["workers"])}


def _number(words: str, workers: int) -> str:
    """`stay down` → `stays down`, where it is about one."""
    if workers != 1:
        return words
    verb, _, rest = words.partition(" ")
    return f"{'is' if verb == 'are' else verb + 's'} {rest}"


def _back(do: str, answer: Mapping[str, Any], hint: Hint) -> str:
    alone = [worker for worker in answer["workers"] if _group(worker) not in answer["groups"]]
    targets = [*answer["groups"], *alone]
    shown = " ".join(targets[:NAMED]) + (" …" if len(targets) > NAMED else "")
    return hint(f"{BACK[do]} {shown}")


def _overruled(do: str, workers: Iterable[str], before: Mapping[str, Any]) -> list[str]:
    about, lines = set(workers), []
    for order in ENDS.get(do, ()):
        held = [w["name"] for w in before["workers"] if w["name"] in about and order in w["orders"]]
        if held:
            lines.append(f"  overrules the {order} of {names(held)}")
    return lines

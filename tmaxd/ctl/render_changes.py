"""Plans and reloads as lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmaxd.ctl.render_orders import names
from tmaxd.ctl.render_standing import went_back
from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, clean, columns_of, in_line, many, plain, wrap

Value = Mapping[str, Any]

ACTION_STYLES = {"start": "green", "stop": "red", "replace": "yellow"}

COLUMNS = (
    Column("ACTION"),
    Column("TARGET"),
    Column("REASON", keep=5),
    Column("FIELD", keep=3),
    Column("DETAIL", keep=4, elastic=True),
)

SETTINGS = (
    Column("SETTING"),
    Column("CHANGE", elastic=True),
    Column("TAKES EFFECT", keep=5),
)

WAITING = (
    Column("WAITING"),
    Column("REASON", keep=5),
    Column("FIELD", keep=3),
    Column("WAITS FOR", elastic=True),
)

UNTOUCHED = ", no worker touched"

WHY = {"pinned": "its pin to be taken off", "": "-"}

EFFECTS = {"at_once": "at once", "next_start": "when a worker is started next"}


def plan(value: Value, paint: Paint = plain, width: int | None = None) -> list[str]:
    """The actions, the settings that change without one, and what would be left undone; problems and warnings are
    printed apart."""
    parts = [
        part(value, paint, width) for part in (_actions, _settings, _waiting, _set_aside, _failed)
    ]
    if not value["actions"] and not value["settings"]:
        why = "" if any(parts) else ": the fleet is as the spec wants it"
        parts.insert(0, [f"nothing to do{why}"])
    first, *others = [part for part in parts if part]
    return [*first, *(line for part in others for line in ("", *part))]


def _actions(value: Value, paint: Paint, width: int | None) -> list[str]:
    actions = value["actions"]
    if not actions:
        return []
    rows = [_action(action) for action in actions]
    return [*table(COLUMNS, rows, paint=paint, width=width), many(len(actions), "action")]


def _action(action: Value) -> list[Cell]:
    return [
        (ACTION_STYLES.get(action["action"], ""), action["action"]),
        _target(action),
        action["reason"],
        action["field"] or "-",
        action["detail"],
    ]


def _target(action: Value) -> str:
    """No name of a worker has a `_`, which stands before the number of a spare."""
    worker = action["worker"]
    return f"spare {worker}" if worker and "_" in worker else worker or action["group"] or "-"


def _settings(value: Value, paint: Paint, width: int | None) -> list[str]:
    settings = value["settings"]
    if not settings:
        return []
    rows: list[list[Cell]] = [[s["key"], _change(s), _effect(s)] for s in settings]
    lines = table(SETTINGS, rows, paint=paint)
    if width is not None and max(map(columns_of, table(SETTINGS, rows))) > width:
        lines = [line for setting in settings for line in _at_length(setting, width)]
    return [*lines, many(len(settings), "setting") + ("" if value["actions"] else UNTOUCHED)]


def _effect(setting: Value) -> str:
    return EFFECTS.get(setting["effect"], str(setting["effect"]))


def _change(setting: Value) -> str:
    old, new = setting["old"], setting["new"]
    match setting["change"]:
        case "changed" if old is not None and new is not None:
            return f"{old} → {new}"
        case "added" if new is not None:
            return f"added: {new}"
        case "removed" if old is not None:
            return f"removed: {old}"
        case other:
            return str(other)


def _at_length(setting: Value, width: int) -> list[str]:
    """What no table has room for: what was and what is in lines of their own, broken where they have to be."""
    old, new = setting["old"], setting["new"]
    both = setting["change"] == "changed" and old is not None and new is not None
    parts = [str(old), f"→ {new}"] if both else [_change(setting)]
    head = wrap(clean(f"{setting['key']}, {_effect(setting)}:"), width)
    return [*head, *(line for p in parts for line in wrap(clean(f"  {p}"), width, "    "))]


def _waiting(value: Value, paint: Paint, width: int | None) -> list[str]:
    waiting = value["waiting"]
    if not waiting:
        return []
    rows: list[list[Cell]] = [
        [("yellow", w["worker"]), w["reason"], w["field"] or "-", WHY.get(w["why"], w["why"])]
        for w in waiting
    ]
    lines = table(WAITING, rows, paint=paint, width=width)
    return [
        *lines,
        f"{many(len(waiting), 'worker')} left as {'it is' if len(waiting) == 1 else 'they are'}",
    ]


def _set_aside(value: Value, paint: Paint, width: int | None) -> list[str]:
    if not value["set_aside"]:
        return []
    text = (
        "this is the file that was set aside by a rollback: it changes nothing until it is edited"
    )
    return [paint("yellow", line) for line in wrap(text, width)]


def _failed(value: Value, paint: Paint, width: int | None) -> list[str]:
    return went_back_all(value["failed_changes"], paint, width)


def went_back_all(changes: Sequence[Value], paint: Paint, width: int | None) -> list[str]:
    """A sentence for each change that has failed."""
    said = [clean(went_back(change["group"], change)) for change in changes]
    return [paint("red", line) for text in said for line in wrap(text, width)]


def reload(value: Value, paint: Paint = plain, width: int | None = None) -> list[str]:
    """The outcome, and whose change has failed, or who has; problems and warnings are printed apart."""
    revision = f"revision {value['revision']}"
    settled = paint("green", "converged") if value["converged"] else paint("yellow", "converging")
    lines: list[str] = []
    match value["outcome"]:
        case "applied":
            lines = [f"{revision} is applied; {settled}"]
        case "no_change":
            lines = [f"no change: {revision} stays in force; {settled}"]
        case "timeout":
            lines = [f"{revision} is applied; " + paint("yellow", "not converged yet, it goes on")]
        case "rejected":
            stays = f"{revision} stays in force" if value["revision"] else "nothing is in force"
            lines = [paint("red", f"rejected; {stays}")]
        case "change_failed":
            lines = [f"{revision} is in force " + paint("red", "but in part") + f"; {settled}"]
            lines += went_back_all(value["failed_changes"], paint, width)
        case "failed":
            lines = [f"{revision} is in force; " + paint("red", "not all workers are as it says")]
        case other:
            lines = [clean(str(other))]
    lines += [line for worker in value["failed"] for line in wrap(_not_up(worker), width, "    ")]
    if pinned := value["pinned"]:
        lines += wrap(f"pinned, and so not changed: {names(pinned)}", width)
    return lines


def _not_up(worker: Value) -> str:
    why = worker["message"] or worker["reason"]
    return clean(f"  {worker['worker']}: {worker['state']}" + (f": {in_line(why)}" if why else ""))

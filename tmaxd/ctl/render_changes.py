"""Plans and reloads as lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, clean, many, plain

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

EFFECTS = {"at_once": "at once", "next_start": "when a worker is started next"}


def plan(value: Mapping[str, Any], paint: Paint = plain, width: int | None = None) -> list[str]:
    """The actions, and the settings that change without one; problems and warnings are printed apart."""
    actions, settings = value["actions"], value["settings"]
    if not actions and not settings:
        return ["nothing to do: the fleet is as the spec wants it"]
    lines: list[str] = []
    if actions:
        rows = [_action(action) for action in actions]
        lines += [*table(COLUMNS, rows, paint=paint, width=width), many(len(actions), "action")]
    if settings:
        found = [_setting(setting) for setting in settings]
        lines += [""] if lines else []
        lines += table(SETTINGS, found, paint=paint, width=width)
        lines.append(many(len(settings), "setting") + ("" if actions else ", no worker touched"))
    return lines


def _action(action: Mapping[str, Any]) -> list[Cell]:
    return [
        (ACTION_STYLES.get(action["action"], ""), action["action"]),
        _target(action),
        action["reason"],
        action["field"] or "-",
        action["detail"],
    ]


def _target(action: Mapping[str, Any]) -> str:
    """No name of a worker has a `_`, which stands before the number of a spare."""
    worker = action["worker"]
    return f"spare {worker}" if worker and "_" in worker else worker or action["group"] or "-"


def _setting(setting: Mapping[str, Any]) -> list[Cell]:
    old, new = setting["old"], setting["new"]
    match setting["change"]:
        case "changed" if old is not None and new is not None:
            words = f"{old} → {new}"
        case "added" if new is not None:
            words = f"added: {new}"
        case "removed" if old is not None:
            words = f"removed: {old}"
        case other:
            words = other
    return [setting["key"], words, EFFECTS.get(setting["effect"], setting["effect"])]


def reload(value: Mapping[str, Any], paint: Paint = plain) -> list[str]:
    """The outcome; problems and warnings are printed apart."""
    revision = f"revision {value['revision']}"
    settled = paint("green", "converged") if value["converged"] else paint("yellow", "converging")
    match value["outcome"]:
        case "applied":
            return [f"{revision} is applied; {settled}"]
        case "no_change":
            return [f"no change: {revision} stays in force; {settled}"]
        case "timeout":
            return [f"{revision} is applied; " + paint("yellow", "not converged yet, it goes on")]
        case "rejected":
            stays = f"{revision} stays in force" if value["revision"] else "nothing is in force"
            return [paint("red", f"rejected; {stays}")]
        case other:
            return [clean(str(other))]
